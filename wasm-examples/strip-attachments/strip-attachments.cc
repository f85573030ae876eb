/*
 * strip-attachments is an example of an incoming handler in C++: it puts a note
 * in the place of attachments whose names end as programs do. mmgw takes the
 * message apart and decodes it, and chooses charset and encoding of the note.
 * A message that could not be taken apart as a whole is refused.
 *
 * Setting: extensions, an array of texts such as "exe" in lower case; without
 * it, those of programs that Windows runs at a click. A changed body breaks the
 * DKIM signature of its author.
 *
 *     clang++-19 --target=wasm32 -std=c++20 -fno-exceptions -fno-rtti -Os -mbulk-memory -nostdlib -I../../sdk/c \
 *         -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -o strip-attachments.wasm strip-attachments.cc
 */
#include "mmgw.h"

namespace {

/* A text of at most N octets; what does not fit is left out. */
template <size_t N>
class Text {
public:
    const char *octets() const { return room_; }
    size_t length() const { return length_; }

    template <size_t M>
    Text &add(const char (&literal)[M]) { return add(literal, M - 1); }

    Text &add(const char *octets, size_t length) {
        for (size_t i = 0; i < length && length_ < N; i++)
            room_[length_++] = octets[i];
        return *this;
    }

    Text &add(unsigned number) {
        if (number >= 10)
            add(number / 10);
        const char digit = static_cast<char>('0' + number % 10);
        return add(&digit, 1);
    }

    /* Reads a text of mmgw by a reader of its ABI, and says whether it is there. */
    template <typename Reader>
    bool read(Reader reader) {
        const int32_t n = reader(room_, static_cast<int32_t>(N));
        length_ = n >= 0 && n <= static_cast<int32_t>(N) ? static_cast<size_t>(n) : 0;
        return n >= 0 && n <= static_cast<int32_t>(N);
    }

    bool begins(const char *octets, size_t length) const {
        if (length > length_)
            return false;
        for (size_t i = 0; i < length; i++)
            if (octets[i] != room_[i])
                return false;
        return true;
    }

    bool equals(const char *octets, size_t length) const { return length == length_ && begins(octets, length); }

private:
    char room_[N] = {};
    size_t length_ = 0;
};

using Name = Text<1024>;

constexpr int32_t parts_max = 1000; // mmgw sees no later ones

/* Reads what a key says of part p, and says whether it is there. */
template <size_t N, size_t K>
bool get(int32_t p, const char (&key)[K], Text<N> &value) {
    return value.read([&](char *buf, int32_t cap) { return mmgw_part_get(p, key, K - 1, buf, cap); });
}

/* Says whether parts may lie in part p that mmgw has not looked into: they are
   too deep, or the part is encoded or marked as none has to be. */
bool is_closed(int32_t p) {
    Name type;
    get(p, "type", type);
    if (type.begins(MMGW_S("multipart/"))) {
        Text<16> size;
        return get(p, "size", size) && !size.equals(MMGW_S("0"));
    }
    if (!type.equals(MMGW_S("message/rfc822")) && !type.equals(MMGW_S("message/global")))
        return false;
    Text<16> number, parent;
    number.add(static_cast<unsigned>(p));
    return !get(p + 1, "parent", parent) || !parent.equals(number.octets(), number.length());
}

constexpr const char *programs[] = {"bat", "cmd", "com", "exe", "js", "lnk", "msi", "pif", "ps1", "scr", "vbe", "vbs", "wsf"};

size_t length_of(const char *text) {
    size_t n = 0;
    while (text[n] != 0)
        n++;
    return n;
}

/* What stands behind the last dot of a file's name, in lower case. Windows
   leaves dots and spaces at the end of a name away. */
Text<32> extension(const Name &name) {
    size_t end = name.length();
    while (end > 0 && (name.octets()[end - 1] == '.' || name.octets()[end - 1] == ' '))
        end--;
    size_t start = end;
    while (start > 0 && name.octets()[start - 1] != '.')
        start--;
    Text<32> found;
    for (size_t i = start; start > 0 && i < end; i++) {
        const char c = name.octets()[i];
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        found.add(&lower, 1);
    }
    return found;
}

bool unwanted(const Text<32> &ending) {
    const int64_t count = mmgw_get_int(MMGW_S("config.extensions.#"));
    for (int64_t i = 0; i < count; i++) {
        Text<48> key;
        key.add("config.extensions.").add(static_cast<unsigned>(i));
        Text<32> word;
        if (word.read([&](char *buf, int32_t cap) { return mmgw_get(key.octets(), key.length(), buf, cap); }) &&
            ending.equals(word.octets(), word.length()))
            return true;
    }
    if (count != MMGW_NO_INT)
        return false;
    for (const char *program : programs)
        if (ending.equals(program, length_of(program)))
            return true;
    return false;
}

/* Puts a note in the place of part p. */
int32_t replace(int32_t p, const Name &name) {
    Text<1200> note;
    note.add("[The attachment \"").add(name.octets(), name.length()).add("\" was removed: this list takes no programs.]\n");
    return mmgw_part_replace(p, note.octets(), note.length());
}

} // namespace

MMGW_EXPORT(mmgw_incoming) {
    const int32_t parts = mmgw_part_count();
    if (parts < 0)
        return mmgw_fail("the body is too large to be looked into");
    bool closed = parts == parts_max;
    for (int32_t p = 0; p < parts && !closed; p++)
        closed = is_closed(p);
    if (closed)
        return mmgw_reject(550, "5.6.0", "the attachments of this message cannot be looked into");
    for (int32_t p = 0; p < parts; p++) {
        Name name;
        if (!get(p, "filename", name))
            continue;
        if (unwanted(extension(name)) && replace(p, name) < 0)
            return mmgw_fail("an attachment could not be removed");
    }
    return 0;
}
