//! ABI 1 for modules in Rust, without std and without an allocator: the host
//! functions in `raw`, and safe functions over them.
//!
//! Texts are passed as anything that is octets (`"Subject"`, `b"Subject"`,
//! `&buf[..n]`), and returned in a buffer of the caller. ABI.md, one folder up, says
//! what each function does, in which phases, and with which keys and capabilities.
//!
//! ```
//! #![no_std]
//! #[path = "mmgw.rs"]
//! mod mmgw;
//!
//! #[no_mangle]
//! pub extern "C" fn mmgw_incoming() -> i32 {
//!     mmgw::finish(mmgw::header_set("X-Seen-By", "mmgw"))
//! }
//! ```
#![allow(dead_code)]

use core::str;

/// The version of the ABI: major 1, minor 0.
pub const ABI: i32 = 0x0001_0000;

/// The host functions as they are.
pub mod raw {
    #[link(wasm_import_module = "mmgw")]
    extern "C" {
        // All modules.
        pub fn get(key: *const u8, klen: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn get_int(key: *const u8, klen: usize) -> i64;
        pub fn set(key: *const u8, klen: usize, val: *const u8, vlen: usize) -> i32;
        pub fn log(level: i32, text: *const u8, len: usize);
        pub fn log_enabled(level: i32) -> i32;
        pub fn error(text: *const u8, len: usize);
        pub fn now_ms() -> i64;
        pub fn random(buf: *mut u8, len: usize) -> i32;

        // Recipients.
        pub fn rcpt_count() -> i32;
        pub fn rcpt_get(i: i32, buf: *mut u8, cap: usize) -> i32;
        pub fn rcpt_add(address: *const u8, len: usize) -> i32;
        pub fn rcpt_remove(i: i32) -> i32;
        pub fn rcpt_set(i: i32, key: *const u8, klen: usize, val: *const u8, vlen: usize) -> i32;

        // Header.
        pub fn header_count() -> i32;
        pub fn header_name(i: i32, buf: *mut u8, cap: usize) -> i32;
        pub fn header_value(i: i32, buf: *mut u8, cap: usize) -> i32;
        pub fn header_raw(i: i32, buf: *mut u8, cap: usize) -> i32;
        pub fn header_find(name: *const u8, nlen: usize, from: i32) -> i32;
        pub fn header_get(name: *const u8, nlen: usize, nth: i32, buf: *mut u8, cap: usize) -> i32;
        pub fn header_insert(i: i32, name: *const u8, nlen: usize, val: *const u8, vlen: usize) -> i32;
        pub fn header_replace(i: i32, val: *const u8, vlen: usize) -> i32;
        pub fn header_delete(i: i32) -> i32;
        pub fn header_set(name: *const u8, nlen: usize, val: *const u8, vlen: usize) -> i32;
        pub fn header_remove(name: *const u8, nlen: usize) -> i32;
        pub fn header_template(name: *const u8, nlen: usize, val: *const u8, vlen: usize) -> i32;

        // Body.
        pub fn body_size() -> i64;
        pub fn body_read(off: i64, buf: *mut u8, cap: usize) -> i32;
        pub fn body_begin() -> i32;
        pub fn body_write(data: *const u8, len: usize) -> i32;

        // Parts of a MIME message, decoded.
        pub fn part_count() -> i32;
        pub fn part_get(p: i32, key: *const u8, klen: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn part_read(p: i32, off: i64, buf: *mut u8, cap: usize) -> i32;
        pub fn part_replace(p: i32, data: *const u8, len: usize) -> i32;

        // Verdict.
        pub fn verdict(action: i32, code: i32, enh: *const u8, enhlen: usize, text: *const u8, textlen: usize) -> i32;
        pub fn rcpt_verdict(i: i32, action: i32, code: i32, enh: *const u8, enhlen: usize, text: *const u8, textlen: usize) -> i32;

        // Values that outlive a call, the DNS, counters.
        pub fn kv_get(key: *const u8, klen: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn kv_set(key: *const u8, klen: usize, val: *const u8, vlen: usize, ttl: i32) -> i32;
        pub fn kv_incr(key: *const u8, klen: usize, delta: i64, ttl: i32) -> i64;
        pub fn kv_delete(key: *const u8, klen: usize) -> i32;
        pub fn dns(kind: i32, name: *const u8, nlen: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn metric(name: *const u8, nlen: usize, delta: i64);

        // Configuration writers.
        pub fn inv_count(table: *const u8, tlen: usize) -> i32;
        pub fn inv_get(table: *const u8, tlen: usize, row: i32, column: *const u8, clen: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn file_begin(path: *const u8, plen: usize, mode: i32) -> i32;
        pub fn file_write(data: *const u8, len: usize) -> i32;
        pub fn file_end() -> i32;
    }
}

/// Why mmgw refused a call, by the numbers of the ABI.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Refusal(pub i32);

pub const NOT_FOUND: Refusal = Refusal(-1);
pub const BAD_ARGUMENT: Refusal = Refusal(-2);
pub const NOT_PERMITTED: Refusal = Refusal(-3);
pub const LIMIT: Refusal = Refusal(-4);
pub const WRONG_PHASE: Refusal = Refusal(-5);
pub const TEMPORARY: Refusal = Refusal(-6);

impl Refusal {
    /// The refusal in words.
    pub fn text(self) -> &'static str {
        match self {
            NOT_FOUND => "not found",
            BAD_ARGUMENT => "bad argument",
            NOT_PERMITTED => "not permitted",
            LIMIT => "limit exceeded",
            WRONG_PHASE => "not in this phase",
            TEMPORARY => "temporary failure",
            _ => "refused",
        }
    }
}

pub type Result<T> = core::result::Result<T, Refusal>;

/// A result of the ABI: a number below zero is a refusal.
pub fn check(n: i32) -> Result<usize> {
    if n < 0 { Err(Refusal(n)) } else { Ok(n as usize) }
}

fn done(n: i32) -> Result<()> {
    check(n).map(|_| ())
}

/// What a reader wrote into buf. The error is `LIMIT` if the text is longer than
/// buf: call again with a larger one.
fn filled(n: i32, buf: &[u8]) -> Result<&[u8]> {
    buf.get(..check(n)?).ok_or(LIMIT)
}

/// What a hook returns for the result of a handler: 0, or 1 with the refusal in
/// the log. Then on_error of the configuration decides about the message.
pub fn finish(result: Result<()>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(refusal) => fail(refusal.text()),
    }
}

/// What a hook returns if it cannot do its work. The reason goes to the log.
pub fn fail(reason: &str) -> i32 {
    unsafe { raw::error(reason.as_ptr(), reason.len()) };
    1
}

/// The value of a key: "list.address", "config.limit".
pub fn get<'b>(key: &str, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    filled(unsafe { raw::get(key.as_ptr(), key.len(), buf.as_mut_ptr(), buf.len()) }, buf)
}

/// The value of a key as a number, if there is one.
pub fn get_int(key: &str) -> Option<i64> {
    let n = unsafe { raw::get_int(key.as_ptr(), key.len()) };
    if n == i64::MIN { None } else { Some(n) }
}

/// Sets a key: "route", or a setting of a plan.
pub fn set(key: &str, value: impl AsRef<[u8]>) -> Result<()> {
    let value = value.as_ref();
    done(unsafe { raw::set(key.as_ptr(), key.len(), value.as_ptr(), value.len()) })
}

/// The level of a log line.
#[derive(Clone, Copy)]
#[repr(i32)]
pub enum Level { Debug, Info, Warn, Error }

pub fn log(level: Level, line: impl AsRef<[u8]>) {
    let line = line.as_ref();
    unsafe { raw::log(level as i32, line.as_ptr(), line.len()) }
}

/// Fills buf with random octets from mmgw.
pub fn random(buf: &mut [u8]) -> Result<()> {
    done(unsafe { raw::random(buf.as_mut_ptr(), buf.len()) })
}

/// Milliseconds since 1970; a configuration writer has no clock.
pub fn now_ms() -> i64 {
    unsafe { raw::now_ms() }
}

pub fn rcpt_count() -> i32 {
    unsafe { raw::rcpt_count() }
}

/// The address of a recipient.
pub fn rcpt(i: i32, buf: &mut [u8]) -> Result<&[u8]> {
    filled(unsafe { raw::rcpt_get(i, buf.as_mut_ptr(), buf.len()) }, buf)
}

/// The value of the nth field of a name, from 0, unfolded.
pub fn header<'b>(name: &str, nth: i32, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    filled(unsafe { raw::header_get(name.as_ptr(), name.len(), nth, buf.as_mut_ptr(), buf.len()) }, buf)
}

/// Makes value the only field of a name.
pub fn header_set(name: &str, value: impl AsRef<[u8]>) -> Result<()> {
    let value = value.as_ref();
    done(unsafe { raw::header_set(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// header_set, with placeholders such as {member} that each copy fills in.
pub fn header_template(name: &str, value: impl AsRef<[u8]>) -> Result<()> {
    let value = value.as_ref();
    done(unsafe { raw::header_template(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Inserts a new field before field i, or at the end for -1.
pub fn header_insert(i: i32, name: &str, value: impl AsRef<[u8]>) -> Result<()> {
    let value = value.as_ref();
    done(unsafe { raw::header_insert(i, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Deletes all fields of a name and returns how many there were.
pub fn header_remove(name: &str) -> Result<usize> {
    check(unsafe { raw::header_remove(name.as_ptr(), name.len()) })
}

/// The length of the body in octets.
pub fn body_size() -> i64 {
    unsafe { raw::body_size() }
}

/// The body from offset off, as much of it as fits into buf; empty at the end.
pub fn body_read(off: i64, buf: &mut [u8]) -> Result<&[u8]> {
    filled(unsafe { raw::body_read(off, buf.as_mut_ptr(), buf.len()) }, buf)
}

/// Starts a new body.
pub fn body_begin() -> Result<()> {
    done(unsafe { raw::body_begin() })
}

/// Adds to the new body.
pub fn body_write(data: impl AsRef<[u8]>) -> Result<()> {
    let data = data.as_ref();
    done(unsafe { raw::body_write(data.as_ptr(), data.len()) })
}

/// How many parts the message has; 0 is the message itself.
pub fn part_count() -> Result<usize> {
    check(unsafe { raw::part_count() })
}

/// The value of a key of a part: "type", "filename".
pub fn part<'b>(p: i32, key: &str, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    filled(unsafe { raw::part_get(p, key.as_ptr(), key.len(), buf.as_mut_ptr(), buf.len()) }, buf)
}

/// The decoded content of a part from offset off, as much of it as fits into buf;
/// empty at the end.
pub fn part_read(p: i32, off: i64, buf: &mut [u8]) -> Result<&[u8]> {
    filled(unsafe { raw::part_read(p, off, buf.as_mut_ptr(), buf.len()) }, buf)
}

/// Replaces a part, with the parts within it, by a text in UTF-8.
pub fn part_replace(p: i32, data: impl AsRef<[u8]>) -> Result<()> {
    let data = data.as_ref();
    done(unsafe { raw::part_replace(p, data.as_ptr(), data.len()) })
}

/// What happens to a message or a recipient. Code 0 and enhanced "" stand for the
/// usual ones; text is one line for people.
pub enum Verdict<'a> {
    Continue,
    Accept,
    Reject { code: i32, enhanced: &'a str, text: &'a str },
    Defer { code: i32, enhanced: &'a str, text: &'a str },
    Discard,
    Hold { text: &'a str },
}

impl<'a> Verdict<'a> {
    fn parts(&self) -> (i32, i32, &'a str, &'a str) {
        match *self {
            Verdict::Continue => (0, 0, "", ""),
            Verdict::Accept => (1, 0, "", ""),
            Verdict::Reject { code, enhanced, text } => (2, code, enhanced, text),
            Verdict::Defer { code, enhanced, text } => (3, code, enhanced, text),
            Verdict::Discard => (4, 0, "", ""),
            Verdict::Hold { text } => (5, 0, "", text),
        }
    }
}

/// Decides about the message. The last call counts.
pub fn verdict(v: Verdict) -> Result<()> {
    let (action, code, enh, text) = v.parts();
    done(unsafe { raw::verdict(action, code, enh.as_ptr(), enh.len(), text.as_ptr(), text.len()) })
}

/// Decides about one recipient, whatever is decided about the message.
pub fn rcpt_verdict(i: i32, v: Verdict) -> Result<()> {
    let (action, code, enh, text) = v.parts();
    done(unsafe { raw::rcpt_verdict(i, action, code, enh.as_ptr(), enh.len(), text.as_ptr(), text.len()) })
}

/// A value that an earlier call has kept. All kv functions need the capability kv.
pub fn kv_get(key: impl AsRef<[u8]>, buf: &mut [u8]) -> Result<&[u8]> {
    let key = key.as_ref();
    filled(unsafe { raw::kv_get(key.as_ptr(), key.len(), buf.as_mut_ptr(), buf.len()) }, buf)
}

/// Keeps a value for ttl seconds, or forever for 0.
pub fn kv_set(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, ttl: i32) -> Result<()> {
    let (key, value) = (key.as_ref(), value.as_ref());
    done(unsafe { raw::kv_set(key.as_ptr(), key.len(), value.as_ptr(), value.len(), ttl) })
}

/// Changes a counter and returns the new count, which is never below 0.
pub fn kv_incr(key: impl AsRef<[u8]>, delta: i64, ttl: i32) -> Result<i64> {
    let key = key.as_ref();
    let n = unsafe { raw::kv_incr(key.as_ptr(), key.len(), delta, ttl) };
    if n < 0 { Err(Refusal(n as i32)) } else { Ok(n) }
}

/// Deletes a value.
pub fn kv_delete(key: impl AsRef<[u8]>) -> Result<()> {
    let key = key.as_ref();
    done(unsafe { raw::kv_delete(key.as_ptr(), key.len()) })
}

/// Types of DNS records.
#[derive(Clone, Copy)]
#[repr(i32)]
pub enum Dns { A = 1, Ptr = 12, Mx = 15, Txt = 16, Aaaa = 28 }

/// The records of a name, one per line. It needs the capability dns.
pub fn dns<'b>(kind: Dns, name: &str, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    filled(unsafe { raw::dns(kind as i32, name.as_ptr(), name.len(), buf.as_mut_ptr(), buf.len()) }, buf)
}

/// Adds to a counter of the module, in mmgw's metrics. It needs the capability
/// metric.
pub fn count(name: &str, delta: i64) {
    unsafe { raw::metric(name.as_ptr(), name.len(), delta) }
}

/// Octets as text, if they are UTF-8.
pub fn text(octets: &[u8]) -> Result<&str> {
    str::from_utf8(octets).map_err(|_| BAD_ARGUMENT)
}

#[no_mangle]
pub extern "C" fn mmgw_abi() -> i32 {
    ABI
}

/// A panic is a trap: the call fails, and on_error of the configuration decides.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
