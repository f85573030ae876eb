/*
 * footer is an example of an outgoing handler in C: it puts a text under the
 * posts of a list that are plain text, and leaves all others as they are.
 *
 * Setting: text, or footer in the list's own config, which goes first.
 *
 * A post gets it if it is one part of text/plain in an encoding and a charset
 * in which lines can be put at the end: 7bit, 8bit or quoted-printable, and
 * where the footer is not ASCII alone, UTF-8. A changed body breaks the DKIM
 * signature of its author: sign again, or have no footers.
 *
 *     clang-19 --target=wasm32 -Os -mbulk-memory -nostdlib -I../../sdk/c \
 *         -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -o footer.wasm footer.c
 */
#include "mmgw.h"

/* More of the text than this is not asked for, and refused at the start. */
#define TEXT_MAX 4096

/* The columns of a quoted-printable line (RFC 2045, section 6.7), one less for
   the "=" of a soft line end, and less what one octet takes at most. */
#define COLUMNS_MAX (75 - 3)

static char text[TEXT_MAX];
static char window[16384];

static char lower(char c) { return 'A' <= c && c <= 'Z' ? c + ('a' - 'A') : c; }

/* starts says whether what is from value to end begins with word, which is in
   lower case. */
static int starts(const char *value, const char *end, const char *word) {
    for (; *word; value++, word++)
        if (value == end || lower(*value) != *word)
            return 0;
    return 1;
}

/* is says whether the n octets of value, up to white space or ";", are word. */
static int is(const char *value, size_t n, const char *word) {
    const char *rest = value + mmgw_length(word), *end = value + n;
    return starts(value, end, word) && (rest == end || *rest == ';' || *rest == ' ' || *rest == '\t');
}

/* after returns what stands behind the first word in value, or 0. */
static const char *after(const char *value, const char *end, const char *word) {
    for (; value < end; value++)
        if (starts(value, end, word))
            return value + mmgw_length(word);
    return 0;
}

/* field reads a field of the header into the window. What is longer than that
   is nothing that this handler knows. */
static int32_t field(const char *name) {
    int32_t n = mmgw_header_get(name, mmgw_length(name), 0, window, sizeof window);
    return n > (int32_t)sizeof window ? 0 : n;
}

/* charset_takes says whether the text can stand in the post's charset: all that
   mail has but UTF-7 have ASCII in them. */
static int charset_takes(const char *value, const char *end, int ascii) {
    const char *charset = after(value, end, "charset=");
    if (!charset)
        return ascii;
    if (charset < end && *charset == '"')
        charset++;
    return starts(charset, end, "utf-8") || (ascii && !starts(charset, end, "utf-7"));
}

enum encoding { OTHER, IDENTITY, QUOTED_PRINTABLE };

static enum encoding encoding(int ascii) {
    int32_t n = field("Content-Transfer-Encoding");
    if (n == MMGW_NOT_FOUND || is(window, n, "7bit"))
        return ascii ? IDENTITY : OTHER;
    if (is(window, n, "8bit"))
        return IDENTITY;
    return is(window, n, "quoted-printable") ? QUOTED_PRINTABLE : OTHER;
}

/* plain says whether the post is text to which the footer can be added. */
static int plain(int ascii) {
    int32_t n = field("Content-Type");
    if (n == MMGW_NOT_FOUND)
        return ascii;
    return is(window, n, "text/plain") && charset_takes(window, window + n, ascii);
}

/* copy_body writes the old body, and a line end where it lacks one. */
static int32_t copy_body(void) {
    char last = '\n';
    int64_t off = 0;
    for (int32_t n; (n = mmgw_body_read(off, window, sizeof window)) != 0; off += n) {
        if (n < 0)
            return n;
        int32_t written = mmgw_body_write(window, n);
        if (written < 0)
            return written;
        last = window[n - 1];
    }
    return last == '\n' ? 0 : mmgw_body_write("\n", 1);
}

/* quoted puts text into the window as quoted-printable and returns its length;
   the window has room for three octets and a soft line end for each of it. */
static size_t quoted(size_t n) {
    static const char digits[] = "0123456789ABCDEF";
    size_t out = 0, column = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = text[i];
        if (c == '\r')
            continue;
        if (c == '\n') {
            window[out++] = c;
            column = 0;
            continue;
        }
        if (column > COLUMNS_MAX) {
            window[out++] = '=';
            window[out++] = '\n';
            column = 0;
        }
        int trailing = c == ' ' && (i + 1 == n || text[i + 1] == '\n');
        size_t start = out;
        if (c == '=' || c < ' ' || c > '~' || trailing) {
            window[out++] = '=';
            window[out++] = digits[c >> 4];
            window[out++] = digits[c & 15];
        } else {
            window[out++] = c;
        }
        column += out - start;
    }
    return out;
}

static int32_t write_footer(enum encoding e, size_t n) {
    const char *from = text;
    if (e == QUOTED_PRINTABLE) {
        n = quoted(n);
        from = window;
    }
    int32_t written = mmgw_body_write(from, n);
    if (written >= 0 && from[n - 1] != '\n')
        written = mmgw_body_write("\n", 1);
    return written;
}

MMGW_EXPORT(mmgw_outgoing) {
    int32_t n = mmgw_get(MMGW_S("list.config.footer"), text, sizeof text);
    if (n == MMGW_NOT_FOUND)
        n = mmgw_get(MMGW_S("config.text"), text, sizeof text);
    if (n <= 0)
        return 0;
    if (n > TEXT_MAX)
        return mmgw_fail("the footer has more than 4096 octets");
    int ascii = 1;
    for (int32_t i = 0; i < n; i++)
        ascii &= !(text[i] & 0x80);
    enum encoding e = encoding(ascii);
    if (e == OTHER || !plain(ascii))
        return 0;
    if (mmgw_body_begin() < 0 || copy_body() < 0 || write_footer(e, n) < 0)
        return mmgw_fail("the new body cannot be written");
    return 0;
}
