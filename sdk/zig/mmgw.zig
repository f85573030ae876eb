//! ABI 1 for modules in Zig: the host functions in `raw`, and functions with slices
//! and errors over them. Nothing is allocated: texts are read into a buffer of the
//! caller. ABI.md, one folder up, says what each function does, in which phases, and
//! with which keys and capabilities.
//!
//!     const mmgw = @import("mmgw.zig");
//!     comptime { _ = mmgw.abi; }
//!
//!     export fn mmgw_incoming() i32 {
//!         return mmgw.finish(mmgw.setHeader("X-Seen-By", "mmgw"));
//!     }

const std = @import("std");

/// The host functions as they are: a text is its address and its length.
pub const raw = struct {
    // All modules.
    pub extern "mmgw" fn get(key: [*]const u8, klen: usize, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn get_int(key: [*]const u8, klen: usize) i64;
    pub extern "mmgw" fn set(key: [*]const u8, klen: usize, val: [*]const u8, vlen: usize) i32;
    pub extern "mmgw" fn log(level: i32, text: [*]const u8, len: usize) void;
    pub extern "mmgw" fn log_enabled(level: i32) i32;
    pub extern "mmgw" fn @"error"(text: [*]const u8, len: usize) void;
    pub extern "mmgw" fn now_ms() i64;
    pub extern "mmgw" fn random(buf: [*]u8, len: usize) i32;

    // Recipients.
    pub extern "mmgw" fn rcpt_count() i32;
    pub extern "mmgw" fn rcpt_get(i: i32, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn rcpt_add(address: [*]const u8, len: usize) i32;
    pub extern "mmgw" fn rcpt_remove(i: i32) i32;
    pub extern "mmgw" fn rcpt_set(i: i32, key: [*]const u8, klen: usize, val: [*]const u8, vlen: usize) i32;

    // Header.
    pub extern "mmgw" fn header_count() i32;
    pub extern "mmgw" fn header_name(i: i32, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn header_value(i: i32, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn header_raw(i: i32, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn header_find(name: [*]const u8, nlen: usize, from: i32) i32;
    pub extern "mmgw" fn header_get(name: [*]const u8, nlen: usize, nth: i32, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn header_insert(i: i32, name: [*]const u8, nlen: usize, val: [*]const u8, vlen: usize) i32;
    pub extern "mmgw" fn header_replace(i: i32, val: [*]const u8, vlen: usize) i32;
    pub extern "mmgw" fn header_delete(i: i32) i32;
    pub extern "mmgw" fn header_set(name: [*]const u8, nlen: usize, val: [*]const u8, vlen: usize) i32;
    pub extern "mmgw" fn header_remove(name: [*]const u8, nlen: usize) i32;
    pub extern "mmgw" fn header_template(name: [*]const u8, nlen: usize, val: [*]const u8, vlen: usize) i32;

    // Body.
    pub extern "mmgw" fn body_size() i64;
    pub extern "mmgw" fn body_read(off: i64, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn body_begin() i32;
    pub extern "mmgw" fn body_write(data: [*]const u8, len: usize) i32;

    // Parts of a MIME message, decoded.
    pub extern "mmgw" fn part_count() i32;
    pub extern "mmgw" fn part_get(p: i32, key: [*]const u8, klen: usize, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn part_read(p: i32, off: i64, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn part_replace(p: i32, data: [*]const u8, len: usize) i32;

    // Verdict.
    pub extern "mmgw" fn verdict(action: i32, code: i32, enh: [*]const u8, enhlen: usize, text: [*]const u8, textlen: usize) i32;
    pub extern "mmgw" fn rcpt_verdict(i: i32, action: i32, code: i32, enh: [*]const u8, enhlen: usize, text: [*]const u8, textlen: usize) i32;

    // Values that outlive a call, the DNS, counters.
    pub extern "mmgw" fn kv_get(key: [*]const u8, klen: usize, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn kv_set(key: [*]const u8, klen: usize, val: [*]const u8, vlen: usize, ttl: i32) i32;
    pub extern "mmgw" fn kv_incr(key: [*]const u8, klen: usize, delta: i64, ttl: i32) i64;
    pub extern "mmgw" fn kv_delete(key: [*]const u8, klen: usize) i32;
    pub extern "mmgw" fn dns(kind: i32, name: [*]const u8, nlen: usize, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn metric(name: [*]const u8, nlen: usize, delta: i64) void;

    // Configuration writers.
    pub extern "mmgw" fn inv_count(table: [*]const u8, tlen: usize) i32;
    pub extern "mmgw" fn inv_get(table: [*]const u8, tlen: usize, row: i32, column: [*]const u8, clen: usize, buf: [*]u8, cap: usize) i32;
    pub extern "mmgw" fn file_begin(path: [*]const u8, plen: usize, mode: i32) i32;
    pub extern "mmgw" fn file_write(data: [*]const u8, len: usize) i32;
    pub extern "mmgw" fn file_end() i32;
};

/// The version of the ABI, major 1, minor 0. To export it, name it in a comptime
/// block of the module.
pub const abi = struct {
    export fn mmgw_abi() i32 {
        return 0x00010000;
    }
};

/// Why mmgw refused a call.
pub const Refusal = error{ NotFound, BadArgument, NotPermitted, Limit, WrongPhase, Temporary };

/// A result of the ABI: a number below zero is a refusal.
pub fn check(n: i32) Refusal!usize {
    return switch (n) {
        -1 => error.NotFound,
        -2 => error.BadArgument,
        -3 => error.NotPermitted,
        -4 => error.Limit,
        -5 => error.WrongPhase,
        else => if (n < 0) error.Temporary else @intCast(n),
    };
}

fn done(n: i32) Refusal!void {
    _ = try check(n);
}

/// What a reader wrote into buf. The error is Limit if the text is longer than buf:
/// call again with a larger one.
fn filled(n: i32, buf: []u8) Refusal![]u8 {
    const len = try check(n);
    return if (len > buf.len) error.Limit else buf[0..len];
}

/// What a hook returns for the result of a handler: 0, or 1 with the error in the
/// log. Then on_error of the configuration decides about the message.
pub fn finish(result: anyerror!void) i32 {
    result catch |err| return fail(@errorName(err));
    return 0;
}

/// What a hook returns if it cannot do its work. The reason goes to the log.
pub fn fail(reason: []const u8) i32 {
    raw.@"error"(reason.ptr, reason.len);
    return 1;
}

/// The value of a key: "list.address", "config.words.0".
pub fn get(key: []const u8, buf: []u8) Refusal![]u8 {
    return filled(raw.get(key.ptr, key.len, buf.ptr, buf.len), buf);
}

/// The value of a key as a number, or null.
pub fn getInt(key: []const u8) ?i64 {
    const n = raw.get_int(key.ptr, key.len);
    return if (n == std.math.minInt(i64)) null else n;
}

/// Sets a key: "route", or a setting of a plan.
pub fn set(key: []const u8, value: []const u8) Refusal!void {
    return done(raw.set(key.ptr, key.len, value.ptr, value.len));
}

/// The level of a log line.
pub const Level = enum(i32) { debug, info, warn, err };

pub fn log(level: Level, line: []const u8) void {
    raw.log(@intFromEnum(level), line.ptr, line.len);
}

/// Fills buf with random octets from mmgw.
pub fn random(buf: []u8) Refusal!void {
    return done(raw.random(buf.ptr, buf.len));
}

/// The address of a recipient. There are raw.rcpt_count() of them.
pub fn recipient(i: i32, buf: []u8) Refusal![]u8 {
    return filled(raw.rcpt_get(i, buf.ptr, buf.len), buf);
}

/// The value of the nth field of a name, from 0, unfolded.
pub fn header(name: []const u8, nth: i32, buf: []u8) Refusal![]u8 {
    return filled(raw.header_get(name.ptr, name.len, nth, buf.ptr, buf.len), buf);
}

/// Makes value the only field of a name.
pub fn setHeader(name: []const u8, value: []const u8) Refusal!void {
    return done(raw.header_set(name.ptr, name.len, value.ptr, value.len));
}

/// setHeader, with placeholders such as {member} that each copy fills in.
pub fn setTemplate(name: []const u8, value: []const u8) Refusal!void {
    return done(raw.header_template(name.ptr, name.len, value.ptr, value.len));
}

/// Inserts a new field before field i, or at the end for -1.
pub fn insertHeader(i: i32, name: []const u8, value: []const u8) Refusal!void {
    return done(raw.header_insert(i, name.ptr, name.len, value.ptr, value.len));
}

/// Deletes all fields of a name and returns how many there were.
pub fn removeHeader(name: []const u8) Refusal!usize {
    return check(raw.header_remove(name.ptr, name.len));
}

/// The body from offset off, as much of it as fits into buf; empty at the end.
pub fn readBody(off: i64, buf: []u8) Refusal![]u8 {
    return filled(raw.body_read(off, buf.ptr, buf.len), buf);
}

/// Adds to the new body, which raw.body_begin starts.
pub fn writeBody(data: []const u8) Refusal!void {
    return done(raw.body_write(data.ptr, data.len));
}

/// The value of a key of a part: "type", "filename". 0 is the message itself.
pub fn part(p: i32, key: []const u8, buf: []u8) Refusal![]u8 {
    return filled(raw.part_get(p, key.ptr, key.len, buf.ptr, buf.len), buf);
}

/// The decoded content of a part from offset off, as much of it as fits into buf;
/// empty at the end.
pub fn readPart(p: i32, off: i64, buf: []u8) Refusal![]u8 {
    return filled(raw.part_read(p, off, buf.ptr, buf.len), buf);
}

/// Replaces a part, with the parts within it, by a text in UTF-8.
pub fn replacePart(p: i32, text: []const u8) Refusal!void {
    return done(raw.part_replace(p, text.ptr, text.len));
}

/// A code, an enhanced status code and a line for people. Zero and empty ones
/// stand for the usual ones of the action.
pub const Reply = struct { code: i32 = 0, enhanced: []const u8 = "", text: []const u8 = "" };

/// What happens to a message or a recipient, with the numbers of the ABI.
pub const Action = enum(i32) { pass, accept, reject, @"defer", discard, hold };

/// Decides about the message. The last call counts.
pub fn verdict(action: Action, reply: Reply) Refusal!void {
    return done(raw.verdict(@intFromEnum(action), reply.code, reply.enhanced.ptr, reply.enhanced.len, reply.text.ptr, reply.text.len));
}

/// Decides about one recipient, whatever is decided about the message.
pub fn recipientVerdict(i: i32, action: Action, reply: Reply) Refusal!void {
    return done(raw.rcpt_verdict(i, @intFromEnum(action), reply.code, reply.enhanced.ptr, reply.enhanced.len, reply.text.ptr, reply.text.len));
}

/// A value that an earlier call has kept. All kv functions need the capability kv.
pub fn kvGet(key: []const u8, buf: []u8) Refusal![]u8 {
    return filled(raw.kv_get(key.ptr, key.len, buf.ptr, buf.len), buf);
}

/// Keeps a value for ttl seconds, or forever for 0.
pub fn kvSet(key: []const u8, value: []const u8, ttl: i32) Refusal!void {
    return done(raw.kv_set(key.ptr, key.len, value.ptr, value.len, ttl));
}

/// Changes a counter and returns the new count, which is never below 0.
pub fn kvIncr(key: []const u8, delta: i64, ttl: i32) Refusal!i64 {
    const n = raw.kv_incr(key.ptr, key.len, delta, ttl);
    if (n < 0) _ = try check(@intCast(n));
    return n;
}

/// Deletes a value.
pub fn kvDelete(key: []const u8) Refusal!void {
    return done(raw.kv_delete(key.ptr, key.len));
}

/// Types of DNS records.
pub const Dns = enum(i32) { a = 1, ptr = 12, mx = 15, txt = 16, aaaa = 28 };

/// The records of a name, one per line. It needs the capability dns.
pub fn lookup(kind: Dns, name: []const u8, buf: []u8) Refusal![]u8 {
    return filled(raw.dns(@intFromEnum(kind), name.ptr, name.len, buf.ptr, buf.len), buf);
}

/// Adds to a counter of the module, in mmgw's metrics. It needs the capability
/// metric.
pub fn count(name: []const u8, delta: i64) void {
    raw.metric(name.ptr, name.len, delta);
}
