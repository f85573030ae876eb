//! header-gate is an example of an incoming handler in Zig: it holds or refuses
//! messages that have one of a list of words in one of their header fields.
//!
//! Settings: header, the field's name; words, an array of texts, or one; and
//! action, "hold" by default, or "reject". The case of ASCII letters does not
//! count, and all fields of the name are looked at. Several rules are several
//! plugins with the same path.
//!
//!     zig build-lib header-gate.zig --main-pkg-path ../.. -target wasm32-freestanding -dynamic -rdynamic \
//!         -O ReleaseSmall -fstrip --stack 65536 -femit-bin=header-gate.wasm

const std = @import("std");
const mmgw = @import("../../sdk/zig/mmgw.zig");

comptime {
    _ = mmgw.abi;
}

/// What a field may be long. A longer one is an error: it is not let through
/// unread.
const value_max = 64 << 10;

/// Of settings; more is an error.
const setting_max = 256;

var value_buf: [value_max]u8 = undefined;

export fn mmgw_init() i32 {
    var buf: [setting_max]u8 = undefined;
    _ = mmgw.get("config.header", &buf) catch return mmgw.fail("the setting header is missing or too long");
    return 0;
}

export fn mmgw_incoming() i32 {
    return mmgw.finish(judge());
}

fn judge() !void {
    var buf: [setting_max]u8 = undefined;
    const name = try mmgw.get("config.header", &buf);
    var nth: i32 = 0;
    while (true) : (nth += 1) {
        const value = mmgw.header(name, nth, &value_buf) catch |err| switch (err) {
            error.NotFound => return,
            else => return err,
        };
        if (try match(value)) return decide();
    }
}

/// Whether the value has one of the words in it.
fn match(value: []const u8) !bool {
    var buf: [setting_max]u8 = undefined;
    const count = mmgw.getInt("config.words.#") orelse
        return contains(value, try mmgw.get("config.words", &buf));
    var i: i64 = 0;
    while (i < count) : (i += 1) {
        var key: [32]u8 = undefined;
        if (contains(value, try mmgw.get(try std.fmt.bufPrint(&key, "config.words.{d}", .{i}), &buf))) return true;
    }
    return false;
}

fn contains(value: []const u8, word: []const u8) bool {
    return word.len > 0 and std.ascii.indexOfIgnoreCase(value, word) != null;
}

fn decide() !void {
    var buf: [setting_max]u8 = undefined;
    const action = mmgw.get("config.action", &buf) catch "hold";
    if (std.mem.eql(u8, action, "reject"))
        return mmgw.verdict(.reject, .{ .enhanced = "5.7.1", .text = "a header field of the message is not wanted here" });
    return mmgw.verdict(.hold, .{ .text = "a word of header-gate is in it" });
}
