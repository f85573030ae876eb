/* Puts "[wasm] " in front of the subject, in C++: the figures of gateway/sandbox. */
#include "mmgw.h"

static char subject[1024] = "[wasm] ";

MMGW_EXPORT(mmgw_incoming) {
    const int32_t prefix = 7, room = sizeof subject - prefix;
    int32_t n = mmgw_header_get(MMGW_S("Subject"), 0, subject + prefix, room);
    if (n < 0 || n > room)
        return 0;
    return mmgw_header_set(MMGW_S("Subject"), subject, prefix + n);
}
