/*
 * mmgw.h is ABI 1 for modules in C and C++: the host functions, and functions
 * that are easier to use. It needs no C library and no WASI. ABI.md, one folder
 * up, says what each function does, in which phases, and with which keys and
 * capabilities; README.md says how to build a module.
 *
 *     #include "mmgw.h"
 *
 *     MMGW_EXPORT(mmgw_incoming) {
 *         if (mmgw_body_size() == 0)
 *             return mmgw_reject(550, "5.6.0", "an empty message is no post");
 *         return 0;
 *     }
 */
#ifndef MMGW_H
#define MMGW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define MMGW_LINKAGE extern "C"
#else
#define MMGW_LINKAGE extern
#endif

/* MMGW_EXPORT begins a hook without a parameter, MMGW_EXPORT_RCPT one with the
   index i of a recipient: mmgw_rcpt and mmgw_result. A hook returns 0, or
   anything else if it failed: then none of its edits apply. */
#define MMGW_EXPORT(hook) \
    MMGW_LINKAGE int32_t hook(void) __attribute__((export_name(#hook))); \
    int32_t hook(void)
#define MMGW_EXPORT_RCPT(hook) \
    MMGW_LINKAGE int32_t hook(int32_t i) __attribute__((export_name(#hook))); \
    int32_t hook(int32_t i)

/* MMGW_S gives a literal as the two arguments of a text: address and length. */
#define MMGW_S(literal) "" literal, sizeof(literal) - 1

#define MMGW_ABI 0x00010000 /* major version 1, minor 0 */
#define MMGW_NO_INT INT64_MIN /* of mmgw_get_int: there is no such number */

/* Results below zero. */
enum {
    MMGW_NOT_FOUND = -1,
    MMGW_BAD_ARGUMENT = -2,
    MMGW_NOT_PERMITTED = -3,
    MMGW_LIMIT = -4,
    MMGW_WRONG_PHASE = -5,
    MMGW_TEMPORARY = -6
};

/* Actions of mmgw_verdict and mmgw_rcpt_verdict. */
enum { MMGW_CONTINUE, MMGW_ACCEPT, MMGW_REJECT, MMGW_DEFER, MMGW_DISCARD, MMGW_HOLD };

/* Levels of mmgw_log. */
enum { MMGW_DEBUG, MMGW_INFO, MMGW_WARN, MMGW_ERROR };

/* Types of mmgw_dns. */
enum { MMGW_A = 1, MMGW_PTR = 12, MMGW_MX = 15, MMGW_TXT = 16, MMGW_AAAA = 28 };

#define MMGW_IMPORT(type, name) \
    MMGW_LINKAGE __attribute__((import_module("mmgw"), import_name(#name))) type mmgw_##name

/* For all modules. Readers return the length of the text, and write nothing if
   that is more than cap. */
MMGW_IMPORT(int32_t, get)(const char *key, size_t klen, void *buf, size_t cap);
MMGW_IMPORT(int64_t, get_int)(const char *key, size_t klen);
MMGW_IMPORT(int32_t, set)(const char *key, size_t klen, const void *val, size_t vlen);
MMGW_IMPORT(void, log)(int32_t level, const char *text, size_t len);
MMGW_IMPORT(int32_t, log_enabled)(int32_t level);
MMGW_IMPORT(void, error)(const char *text, size_t len);
MMGW_IMPORT(int64_t, now_ms)(void);
MMGW_IMPORT(int32_t, random)(void *buf, size_t len);

/* Recipients. */
MMGW_IMPORT(int32_t, rcpt_count)(void);
MMGW_IMPORT(int32_t, rcpt_get)(int32_t i, void *buf, size_t cap);
MMGW_IMPORT(int32_t, rcpt_add)(const char *address, size_t len);
MMGW_IMPORT(int32_t, rcpt_remove)(int32_t i);
MMGW_IMPORT(int32_t, rcpt_set)(int32_t i, const char *key, size_t klen, const void *val, size_t vlen);

/* Header. Fields count from 0 at the top; names match in any case. */
MMGW_IMPORT(int32_t, header_count)(void);
MMGW_IMPORT(int32_t, header_name)(int32_t i, void *buf, size_t cap);
MMGW_IMPORT(int32_t, header_value)(int32_t i, void *buf, size_t cap);
MMGW_IMPORT(int32_t, header_raw)(int32_t i, void *buf, size_t cap);
MMGW_IMPORT(int32_t, header_find)(const char *name, size_t nlen, int32_t from);
MMGW_IMPORT(int32_t, header_get)(const char *name, size_t nlen, int32_t nth, void *buf, size_t cap);
MMGW_IMPORT(int32_t, header_insert)(int32_t i, const char *name, size_t nlen, const void *val, size_t vlen);
MMGW_IMPORT(int32_t, header_replace)(int32_t i, const void *val, size_t vlen);
MMGW_IMPORT(int32_t, header_delete)(int32_t i);
MMGW_IMPORT(int32_t, header_set)(const char *name, size_t nlen, const void *val, size_t vlen);
MMGW_IMPORT(int32_t, header_remove)(const char *name, size_t nlen);
MMGW_IMPORT(int32_t, header_template)(const char *name, size_t nlen, const void *val, size_t vlen);

/* Body. */
MMGW_IMPORT(int64_t, body_size)(void);
MMGW_IMPORT(int32_t, body_read)(int64_t off, void *buf, size_t cap);
MMGW_IMPORT(int32_t, body_begin)(void);
MMGW_IMPORT(int32_t, body_write)(const void *data, size_t len);

/* Parts of a MIME message, decoded; 0 is the message itself. */
MMGW_IMPORT(int32_t, part_count)(void);
MMGW_IMPORT(int32_t, part_get)(int32_t p, const char *key, size_t klen, void *buf, size_t cap);
MMGW_IMPORT(int32_t, part_read)(int32_t p, int64_t off, void *buf, size_t cap);
MMGW_IMPORT(int32_t, part_replace)(int32_t p, const void *data, size_t len);

/* Verdict. Code 0 and an empty enh stand for the usual ones of the action. */
MMGW_IMPORT(int32_t, verdict)(int32_t action, int32_t code, const char *enh, size_t enhlen, const char *text, size_t textlen);
MMGW_IMPORT(int32_t, rcpt_verdict)(int32_t i, int32_t action, int32_t code, const char *enh, size_t enhlen, const char *text, size_t textlen);

/* Values that outlive a call (capability kv), the DNS (dns), counters (metric). */
MMGW_IMPORT(int32_t, kv_get)(const char *key, size_t klen, void *buf, size_t cap);
MMGW_IMPORT(int32_t, kv_set)(const char *key, size_t klen, const void *val, size_t vlen, int32_t ttl);
MMGW_IMPORT(int64_t, kv_incr)(const char *key, size_t klen, int64_t delta, int32_t ttl);
MMGW_IMPORT(int32_t, kv_delete)(const char *key, size_t klen);
MMGW_IMPORT(int32_t, dns)(int32_t type, const char *name, size_t nlen, void *buf, size_t cap);
MMGW_IMPORT(void, metric)(const char *name, size_t nlen, int64_t delta);

/* Configuration writers. */
MMGW_IMPORT(int32_t, inv_count)(const char *table, size_t tlen);
MMGW_IMPORT(int32_t, inv_get)(const char *table, size_t tlen, int32_t row, const char *column, size_t clen, void *buf, size_t cap);
MMGW_IMPORT(int32_t, file_begin)(const char *path, size_t plen, int32_t mode);
MMGW_IMPORT(int32_t, file_write)(const void *data, size_t len);
MMGW_IMPORT(int32_t, file_end)(void);

/* mmgw_abi is in every module, once, however many files include this one. */
MMGW_LINKAGE __attribute__((weak, export_name("mmgw_abi"))) int32_t mmgw_abi(void);
int32_t mmgw_abi(void) { return MMGW_ABI; }

/* mmgw_length is strlen, which would need a C library. */
static inline size_t mmgw_length(const char *text) {
    size_t n = 0;
    while (text[n])
        n++;
    return n;
}

/* mmgw_reject refuses the message for good: code is 5xx or 0, enhanced "5.x.y"
   or "", text is for the sender. Like the functions below it returns what the
   hook should return: 0, or a refusal of the ABI. */
static inline int32_t mmgw_reject(int32_t code, const char *enhanced, const char *text) {
    return mmgw_verdict(MMGW_REJECT, code, enhanced, mmgw_length(enhanced), text, mmgw_length(text));
}

/* mmgw_defer refuses the message for the time being: code is 4xx or 0. */
static inline int32_t mmgw_defer(int32_t code, const char *enhanced, const char *text) {
    return mmgw_verdict(MMGW_DEFER, code, enhanced, mmgw_length(enhanced), text, mmgw_length(text));
}

/* mmgw_accept takes the message without asking further handlers. */
static inline int32_t mmgw_accept(void) { return mmgw_verdict(MMGW_ACCEPT, 0, "", 0, "", 0); }

/* mmgw_discard takes the message and throws it away. */
static inline int32_t mmgw_discard(void) { return mmgw_verdict(MMGW_DISCARD, 0, "", 0, "", 0); }

/* mmgw_hold keeps the message for an owner, who reads text as the reason. */
static inline int32_t mmgw_hold(const char *text) {
    return mmgw_verdict(MMGW_HOLD, 0, "", 0, text, mmgw_length(text));
}

/* mmgw_fail returns what a hook returns if it cannot do its work. The text goes to
   the log, and on_error of the configuration decides about the message. */
static inline int32_t mmgw_fail(const char *text) {
    mmgw_error(text, mmgw_length(text));
    return 1;
}

#endif
