/*
 * strip-attachments is an example of an incoming handler in C++: it puts a note
 * in the place of attachments whose names end as programs do. mmgw takes the
 * message apart and decodes it, and chooses charset and encoding of the note.
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

    bool equals(const char *octets, size_t length) const {
        if (length != length_)
            return false;
        for (size_t i = 0; i < length; i++)
            if (octets[i] != room_[i])
                return false;
        return true;
    }

private:
    char room_[N] = {};
    size_t length_ = 0;
};

using Name = Text<1024>;

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
    for (int32_t p = 0; p < parts; p++) {
        Name name;
        if (!name.read([&](char *buf, int32_t cap) { return mmgw_part_get(p, MMGW_S("filename"), buf, cap); }))
            continue;
        if (unwanted(extension(name)) && replace(p, name) < 0)
            return mmgw_fail("an attachment could not be removed");
    }
    return 0;
}
