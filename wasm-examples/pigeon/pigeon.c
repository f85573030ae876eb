/*
 * pigeon is an example of a writer of MTA configurations, in C, for an MTA that
 * does not exist. Take it as the start of one for yours: it is selected like the
 * built-in ones,
 *
 *     [mta]
 *     incoming = "pigeon"     # plugin_dir has pigeon.wasm
 *
 * and `mmgw mta diff` shows what it would write, `mmgw mta apply` writes it and
 * runs reload_command, `mmgw serve` keeps it up to date.
 *
 * The pigeon carries mail for addresses that stand in a file pigeon.lofts, one a
 * line: the address, with "*" for what may follow its delimiter, and the LMTP
 * server it flies to. Domains stand in pigeon.domains.
 *
 *     anne-dev@lists.example.com                 127.0.0.1:8024
 *     anne-dev-bounces+*@lists.example.com       127.0.0.1:8024
 *
 * Settings, of [mta.configuration]: comment, the first line of both files.
 *
 *     clang-19 --target=wasm32 -Os -mbulk-memory -nostdlib -I../../sdk/c \
 *         -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -o pigeon.wasm pigeon.c
 */
#include "mmgw.h"

/* line is what is being written, and how much of it there is. An address has at
   most 320 octets; a line that is too long is an error, not half a line. */
static char line[2048];
static int32_t used;

static int add(const char *text, size_t length) {
    if (length > sizeof line - (size_t)used)
        return 0;
    for (size_t i = 0; i < length; i++)
        line[used++] = text[i];
    return 1;
}

/* cell adds a column of a row to the line. Characters that a file of lines and
   columns cannot hold are refused. */
static int cell(const char *table, size_t tlen, int32_t row, const char *column, size_t clen) {
    int32_t room = (int32_t)sizeof line - used;
    int32_t n = mmgw_inv_get(table, tlen, row, column, clen, line + used, room);
    if (n < 0 || n > room)
        return 0;
    for (int32_t i = 0; i < n; i++)
        if (line[used + i] <= ' ' || line[used + i] == 0x7f || line[used + i] == '*')
            return 0;
    used += n;
    return 1;
}

static int flush(void) {
    int32_t n = used;
    used = 0;
    return mmgw_file_write(line, (size_t)n) == n;
}

/* begin opens a file with its comment. */
static int begin(const char *path, size_t plen) {
    if (mmgw_file_begin(path, plen, 0644) < 0 || !add(MMGW_S("# ")))
        return 0;
    int32_t room = (int32_t)sizeof line - used;
    int32_t n = mmgw_inv_get(MMGW_S("gateway"), 0, MMGW_S("config.comment"), line + used, room);
    if (n > 0 && n <= room)
        used += n;
    else if (!add(MMGW_S("written by mmgw")))
        return 0;
    for (int32_t i = 0; i < used; i++)
        if (line[i] == '\n' || line[i] == '\r')
            line[i] = ' ';
    return add(MMGW_S("\n")) && flush();
}

static int domains(void) {
    if (!begin(MMGW_S("pigeon.domains")))
        return 0;
    int32_t rows = mmgw_inv_count(MMGW_S("domains"));
    for (int32_t row = 0; row < rows; row++)
        if (!cell(MMGW_S("domains"), row, MMGW_S("domain")) || !add(MMGW_S("\n")) || !flush())
            return 0;
    return mmgw_file_end() == 0;
}

/* loft adds the address of a row, with the delimiter and a star where it takes a
   detail: the star goes in front of the "@". */
static int loft(int32_t row) {
    char detail = '0';
    mmgw_inv_get(MMGW_S("addresses"), row, MMGW_S("detail"), &detail, 1);
    if (!cell(MMGW_S("addresses"), row, MMGW_S("address")) || !add(MMGW_S("\t")))
        return 0;
    if (!cell(MMGW_S("gateway"), 0, MMGW_S("lmtp_target")) || !add(MMGW_S("\n")) || detail == '0')
        return used > 0 && line[used - 1] == '\n';
    int32_t end = used, at = 0;
    for (int32_t i = 0; line[i] != '\t'; i++)
        if (line[i] == '@')
            at = i;
    if (!add(line, (size_t)at) || !cell(MMGW_S("gateway"), 0, MMGW_S("verp_delimiter")))
        return 0;
    return add(MMGW_S("*")) && add(line + at, (size_t)(end - at));
}

static int lofts(void) {
    if (!begin(MMGW_S("pigeon.lofts")))
        return 0;
    int32_t rows = mmgw_inv_count(MMGW_S("addresses"));
    for (int32_t row = 0; row < rows; row++)
        if (!loft(row) || !flush())
            return 0;
    return mmgw_file_end() == 0;
}

MMGW_EXPORT(mmgw_mta_config) {
    if (!domains() || !lofts())
        return mmgw_fail("a name or the LMTP target does not fit into a line of pigeon's files");
    return 0;
}
