//! Puts "[wasm] " in front of the subject: the figures of gateway/sandbox.
const mmgw = @import("../../../../../sdk/zig/mmgw.zig");

comptime {
    _ = mmgw.abi;
}

export fn mmgw_incoming() i32 {
    return mmgw.finish(tag());
}

fn tag() !void {
    const prefix = "[wasm] ";
    var subject: [1024]u8 = undefined;
    @memcpy(subject[0..prefix.len], prefix);
    const value = mmgw.header("Subject", 0, subject[prefix.len..]) catch return;
    return mmgw.setHeader("Subject", subject[0 .. prefix.len + value.len]);
}
