/**
 * ABI 1 for modules in AssemblyScript: the host functions in `raw`, and functions
 * that are easier to use.
 *
 * Mail is octets, and the strings of the language are UTF-16. So names and keys are
 * strings, and what is read from mail and written to it is `Bytes`; `bytes` and
 * `text` convert between the two. ABI.md, one folder up, says what each function
 * does, in which phases, and with which keys and capabilities.
 *
 *     import { setHeader, bytes } from "./mmgw";
 *     export { mmgw_abi } from "./mmgw";
 *
 *     export function mmgw_incoming(): i32 {
 *       return setHeader("X-Seen-By", bytes("mmgw"));
 *     }
 */

/** Octets of a message. */
export type Bytes = StaticArray<u8>;

/** The version of the ABI, major 1, minor 0: every module exports it. */
export function mmgw_abi(): i32 {
  return 0x00010000;
}

/** Results below zero. */
export const NOT_FOUND = -1;
export const BAD_ARGUMENT = -2;
export const NOT_PERMITTED = -3;
export const LIMIT = -4;
export const WRONG_PHASE = -5;
export const TEMPORARY = -6;

/** What getInt returns if there is no such number. */
export const NO_INT: i64 = i64.MIN_VALUE;

/** Actions of a verdict. */
export enum Action { Continue, Accept, Reject, Defer, Discard, Hold }

/** Levels of log lines. */
export enum Level { Debug, Info, Warn, Error }

/** Types of DNS records. */
export enum DNS { A = 1, PTR = 12, MX = 15, TXT = 16, AAAA = 28 }

/** The host functions as they are: a text is its address and its length. */
export namespace raw {
  // All modules.
  // @ts-ignore: decorator
  @external("mmgw", "get") export declare function get(key: usize, klen: i32, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "get_int") export declare function get_int(key: usize, klen: i32): i64;
  // @ts-ignore: decorator
  @external("mmgw", "set") export declare function set(key: usize, klen: i32, val: usize, vlen: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "log") export declare function log(level: i32, text: usize, len: i32): void;
  // @ts-ignore: decorator
  @external("mmgw", "log_enabled") export declare function log_enabled(level: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "error") export declare function error(text: usize, len: i32): void;
  // @ts-ignore: decorator
  @external("mmgw", "now_ms") export declare function now_ms(): i64;
  // @ts-ignore: decorator
  @external("mmgw", "random") export declare function random(buf: usize, len: i32): i32;

  // Recipients.
  // @ts-ignore: decorator
  @external("mmgw", "rcpt_count") export declare function rcpt_count(): i32;
  // @ts-ignore: decorator
  @external("mmgw", "rcpt_get") export declare function rcpt_get(i: i32, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "rcpt_add") export declare function rcpt_add(address: usize, len: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "rcpt_remove") export declare function rcpt_remove(i: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "rcpt_set") export declare function rcpt_set(i: i32, key: usize, klen: i32, val: usize, vlen: i32): i32;

  // Header.
  // @ts-ignore: decorator
  @external("mmgw", "header_count") export declare function header_count(): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_name") export declare function header_name(i: i32, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_value") export declare function header_value(i: i32, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_raw") export declare function header_raw(i: i32, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_find") export declare function header_find(name: usize, nlen: i32, from: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_get") export declare function header_get(name: usize, nlen: i32, nth: i32, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_insert") export declare function header_insert(i: i32, name: usize, nlen: i32, val: usize, vlen: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_replace") export declare function header_replace(i: i32, val: usize, vlen: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_delete") export declare function header_delete(i: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_set") export declare function header_set(name: usize, nlen: i32, val: usize, vlen: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_remove") export declare function header_remove(name: usize, nlen: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "header_template") export declare function header_template(name: usize, nlen: i32, val: usize, vlen: i32): i32;

  // Body.
  // @ts-ignore: decorator
  @external("mmgw", "body_size") export declare function body_size(): i64;
  // @ts-ignore: decorator
  @external("mmgw", "body_read") export declare function body_read(off: i64, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "body_begin") export declare function body_begin(): i32;
  // @ts-ignore: decorator
  @external("mmgw", "body_write") export declare function body_write(data: usize, len: i32): i32;

  // Parts of a MIME message, decoded.
  // @ts-ignore: decorator
  @external("mmgw", "part_count") export declare function part_count(): i32;
  // @ts-ignore: decorator
  @external("mmgw", "part_get") export declare function part_get(p: i32, key: usize, klen: i32, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "part_read") export declare function part_read(p: i32, off: i64, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "part_replace") export declare function part_replace(p: i32, data: usize, len: i32): i32;

  // Verdict.
  // @ts-ignore: decorator
  @external("mmgw", "verdict") export declare function verdict(action: i32, code: i32, enh: usize, enhlen: i32, text: usize, textlen: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "rcpt_verdict") export declare function rcpt_verdict(i: i32, action: i32, code: i32, enh: usize, enhlen: i32, text: usize, textlen: i32): i32;

  // Values that outlive a call, the DNS, counters.
  // @ts-ignore: decorator
  @external("mmgw", "kv_get") export declare function kv_get(key: usize, klen: i32, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "kv_set") export declare function kv_set(key: usize, klen: i32, val: usize, vlen: i32, ttl: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "kv_incr") export declare function kv_incr(key: usize, klen: i32, delta: i64, ttl: i32): i64;
  // @ts-ignore: decorator
  @external("mmgw", "kv_delete") export declare function kv_delete(key: usize, klen: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "dns") export declare function dns(type: i32, name: usize, nlen: i32, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "metric") export declare function metric(name: usize, nlen: i32, delta: i64): void;

  // Configuration writers.
  // @ts-ignore: decorator
  @external("mmgw", "inv_count") export declare function inv_count(table: usize, tlen: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "inv_get") export declare function inv_get(table: usize, tlen: i32, row: i32, column: usize, clen: i32, buf: usize, cap: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "file_begin") export declare function file_begin(path: usize, plen: i32, mode: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "file_write") export declare function file_write(data: usize, len: i32): i32;
  // @ts-ignore: decorator
  @external("mmgw", "file_end") export declare function file_end(): i32;
}

/** A string as UTF-8. */
export function bytes(s: string): Bytes {
  const out = new StaticArray<u8>(<i32>String.UTF8.byteLength(s));
  String.UTF8.encodeUnsafe(changetype<usize>(s), s.length, at(out));
  return out;
}

/** Octets as a string, if they are UTF-8. */
export function text(b: Bytes): string {
  return String.UTF8.decodeUnsafe(at(b), b.length);
}

/** The address of octets, for the functions of raw. */
// @ts-ignore: decorator
@inline
export function at(b: Bytes): usize {
  return changetype<usize>(b);
}

// Readers write here first: most values are short, and then one call is enough.
const SCRATCH_BYTES: i32 = 512;
const scratch: usize = memory.data(512);

/** A value of n octets, which is in scratch if it fits. */
function taken(n: i32): Bytes {
  const out = new StaticArray<u8>(n);
  if (n <= SCRATCH_BYTES) memory.copy(at(out), scratch, n);
  return out;
}

// Names and keys are written here: the host does not need one after its call.
const KEY_BYTES: i32 = 384;
const keyRoom: usize = memory.data(384);
let keyAt: usize = keyRoom;

/** Writes a name or a key to keyAt, for the next call of the host. Returns its octets. */
function encode(s: string): i32 {
  const longest = s.length * 3;
  keyAt = longest <= KEY_BYTES ? keyRoom : at(new StaticArray<u8>(longest));
  return <i32>String.UTF8.encodeUnsafe(changetype<usize>(s), s.length, keyAt);
}

/** Whether b begins with an ASCII word, which is given in lower case, in any case. */
export function startsWith(b: Bytes, word: string): bool {
  if (b.length < word.length) return false;
  for (let i = 0; i < word.length; i++) {
    let c: i32 = b[i];
    if (c >= 0x41 && c <= 0x5a) c += 0x20;
    if (c != word.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether b is an ASCII word, which is given in lower case, in any case. */
export function is(b: Bytes, word: string): bool {
  return b.length == word.length && startsWith(b, word);
}

/** The value of a key such as "list.address" or "config.x", or null. */
export function get(key: string): Bytes | null {
  const k = encode(key);
  const n = raw.get(keyAt, k, scratch, SCRATCH_BYTES);
  if (n < 0) return null;
  const out = taken(n);
  if (n > SCRATCH_BYTES) raw.get(keyAt, k, at(out), n);
  return out;
}

/** The value of a key as a number, or NO_INT. */
export function getInt(key: string): i64 {
  const k = encode(key);
  return raw.get_int(keyAt, k);
}

/** Sets a key: "route", or a setting of a plan. */
export function set(key: string, value: Bytes): i32 {
  const k = encode(key);
  return raw.set(keyAt, k, at(value), value.length);
}

/** Whether a setting of the module is true. */
export function configIsTrue(path: string): bool {
  const value = get("config." + path);
  return value != null && is(value, "true");
}

/** Writes a line to mmgw's log. */
export function log(level: Level, line: string): void {
  const b = bytes(line);
  raw.log(level, at(b), b.length);
}

/** What a hook returns if it cannot do its work. The reason goes to the log. */
export function fail(reason: string): i32 {
  const b = bytes(reason);
  raw.error(at(b), b.length);
  return 1;
}

/** The address of a recipient, or null. There are raw.rcpt_count() of them. */
export function recipient(i: i32): Bytes | null {
  const n = raw.rcpt_get(i, scratch, SCRATCH_BYTES);
  if (n < 0) return null;
  const out = taken(n);
  if (n > SCRATCH_BYTES) raw.rcpt_get(i, at(out), n);
  return out;
}

/** The value of the nth field of a name, from 0, unfolded; null: no such field. */
export function header(name: string, nth: i32 = 0): Bytes | null {
  const k = encode(name);
  const n = raw.header_get(keyAt, k, nth, scratch, SCRATCH_BYTES);
  if (n < 0) return null;
  const out = taken(n);
  if (n > SCRATCH_BYTES) raw.header_get(keyAt, k, nth, at(out), n);
  return out;
}

/** Makes value the only field of a name. */
export function setHeader(name: string, value: Bytes): i32 {
  const k = encode(name);
  return raw.header_set(keyAt, k, at(value), value.length);
}

/** setHeader, with placeholders such as {member} that each copy fills in. */
export function setTemplate(name: string, value: Bytes): i32 {
  const k = encode(name);
  return raw.header_template(keyAt, k, at(value), value.length);
}

/** Inserts a new field before field i, or at the end for -1. */
export function insertHeader(i: i32, name: string, value: Bytes): i32 {
  const k = encode(name);
  return raw.header_insert(i, keyAt, k, at(value), value.length);
}

/** Deletes all fields of a name and returns how many there were. */
export function removeHeader(name: string): i32 {
  const k = encode(name);
  return raw.header_remove(keyAt, k);
}

/** Copies the body from an offset into buf. Returns how many octets, 0 at the end. */
export function readBody(off: i64, buf: Bytes): i32 {
  return raw.body_read(off, at(buf), buf.length);
}

/** Adds the first n octets of b to the new body, which raw.body_begin starts. */
export function writeBody(b: Bytes, n: i32 = b.length): i32 {
  return raw.body_write(at(b), min(n, b.length));
}

/** The value of a key of a part: "type", "filename"; or null. 0 is the message. */
export function part(p: i32, key: string): Bytes | null {
  const k = encode(key);
  const n = raw.part_get(p, keyAt, k, scratch, SCRATCH_BYTES);
  if (n < 0) return null;
  const out = taken(n);
  if (n > SCRATCH_BYTES) raw.part_get(p, keyAt, k, at(out), n);
  return out;
}

/** Copies a part's decoded content from an offset into buf. Returns how many octets. */
export function readPart(p: i32, off: i64, buf: Bytes): i32 {
  return raw.part_read(p, off, at(buf), buf.length);
}

/** Replaces a part, with the parts within it, by a text in UTF-8. */
export function replacePart(p: i32, text: Bytes): i32 {
  return raw.part_replace(p, at(text), text.length);
}

function decide(action: Action, code: i32, enhanced: string, reply: string): i32 {
  const e = bytes(enhanced), r = bytes(reply);
  return raw.verdict(action, code, at(e), e.length, at(r), r.length);
}

/** Accepts the message without calling further handlers. */
export function accept(): i32 {
  return decide(Action.Accept, 0, "", "");
}

/** Refuses the message permanently: code 5xx or 0, enhanced "5.x.y" or "". */
export function reject(code: i32, enhanced: string, reply: string): i32 {
  return decide(Action.Reject, code, enhanced, reply);
}

/** Refuses the message temporarily: code 4xx or 0. */
export function defer(code: i32, enhanced: string, reply: string): i32 {
  return decide(Action.Defer, code, enhanced, reply);
}

/** Accepts the message and drops it. */
export function discard(): i32 {
  return decide(Action.Discard, 0, "", "");
}

/** Keeps the message until a moderator, who reads the reason, decides. */
export function hold(reason: string): i32 {
  return decide(Action.Hold, 0, "", reason);
}

/** A value that an earlier call has kept, or null. It needs the capability kv, as all kv functions do. */
export function kvGet(key: string): Bytes | null {
  const k = encode(key);
  let out = new StaticArray<u8>(256);
  let n = raw.kv_get(keyAt, k, at(out), out.length);
  while (n > out.length) {
    out = new StaticArray<u8>(n);
    n = raw.kv_get(keyAt, k, at(out), out.length);
  }
  return n < 0 ? null : out.slice<Bytes>(0, n);
}

/** Keeps a value for ttl seconds, or forever for 0. */
export function kvSet(key: string, value: Bytes, ttl: i32 = 0): i32 {
  const k = encode(key);
  return raw.kv_set(keyAt, k, at(value), value.length, ttl);
}

/** Changes a counter and returns the new count, which is never below 0. */
export function kvIncr(key: string, delta: i64 = 1, ttl: i32 = 0): i64 {
  const k = encode(key);
  return raw.kv_incr(keyAt, k, delta, ttl);
}

/** Deletes a value. */
export function kvDelete(key: string): i32 {
  const k = encode(key);
  return raw.kv_delete(keyAt, k);
}

/** Asks the DNS for records, one per line. Returns their length, or a refusal. */
export function lookup(type: DNS, name: string, buf: Bytes): i32 {
  const k = encode(name);
  return raw.dns(type, keyAt, k, at(buf), buf.length);
}

/** Adds to a counter of the module, in mmgw's metrics. */
export function count(name: string, delta: i64 = 1): void {
  const k = encode(name);
  raw.metric(keyAt, k, delta);
}
