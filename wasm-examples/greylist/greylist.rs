//! greylist is an example of an incoming handler in Rust that keeps values and
//! asks the DNS: it refuses mail from clients that a DNS list (RFC 5782) knows,
//! and puts off mail of a client, sender and list that were not seen together
//! before.
//!
//! The MTA in front of mmgw has the mail in its queue and tries again by itself:
//! no sender is bothered, and a client that has just begun to send spam may be on
//! the list by then, which is asked at every try.
//!
//! The client is the one that the MTA told of by XFORWARD, or that [lmtp]
//! trusted_received names; where none is known, mail passes. So it does where
//! the DNS or the database does not answer.
//!
//! Settings, all optional: dnsbl, the domain of a DNS list; delay, in seconds,
//! 300 by default, 0 for none; exempt, a client's address or the begin of it.
//! Capabilities: dns, kv.
//!
//!     /usr/bin/rustc --edition 2021 --target wasm32-unknown-unknown --crate-type cdylib \
//!         -C opt-level=z -C lto -C codegen-units=1 -C panic=abort -C strip=symbols \
//!         -C linker=wasm-ld-14 -C link-arg=-zstack-size=65536 -o greylist.wasm greylist.rs
#![no_std]

#[path = "../../sdk/rust/mmgw.rs"]
mod mmgw;

use mmgw::{Dns, Verdict, NOT_FOUND};

/// How long a client, sender and list are remembered after their last mail.
const REMEMBERED_S: i32 = 35 * 24 * 60 * 60;

/// What a reverse-path or another text may be long; what is longer is cut.
const TEXT_MAX: usize = 512;

#[no_mangle]
pub extern "C" fn mmgw_incoming() -> i32 {
    mmgw::finish(judge())
}

fn judge() -> mmgw::Result<()> {
    let mut buf = [0; 64];
    let client = match mmgw::get("env.client_ip", &mut buf) {
        Ok(client) => client,
        Err(_) => return Ok(()),
    };
    if exempt(client) {
        return Ok(());
    }
    if listed(client) {
        return mmgw::verdict(Verdict::Reject { code: 550, enhanced: "5.7.1", text: "the client is on a list of senders of spam" });
    }
    if met_too_lately(client) {
        return mmgw::verdict(Verdict::Defer { code: 451, enhanced: "4.7.1", text: "greylisted, try again in some minutes" });
    }
    Ok(())
}

fn exempt(client: &[u8]) -> bool {
    let mut buf = [0; 64];
    matches!(mmgw::get("config.exempt", &mut buf), Ok(prefix) if !prefix.is_empty() && client.starts_with(prefix))
}

/// Whether the DNS list has the client: it answers with an address of 127/8.
fn listed(client: &[u8]) -> bool {
    let mut zone = [0; 128];
    match mmgw::get("config.dnsbl", &mut zone) {
        Ok(zone) => listed_by(zone, client),
        Err(_) => false,
    }
}

fn listed_by(zone: &[u8], client: &[u8]) -> bool {
    let (mut name, mut answer) = (Text::new(), [0; 1024]);
    if !reverse(client, &mut name) {
        return false;
    }
    name.push(zone);
    match mmgw::text(name.octets()).and_then(|name| mmgw::dns(Dns::A, name, &mut answer)) {
        Ok(answer) => answer.starts_with(b"127."),
        Err(NOT_FOUND) => false,
        Err(refusal) => {
            mmgw::log(mmgw::Level::Warn, refusal.text());
            false
        }
    }
}

/// Whether client, sender and list have been seen together for less than the
/// delay. Two values say so, which go by themselves: one that they were seen,
/// and one that they have to wait.
fn met_too_lately(client: &[u8]) -> bool {
    let delay = mmgw::get_int("config.delay").unwrap_or(300);
    if delay <= 0 {
        return false;
    }
    let digest = hex(digest(network(client)));
    let (mut met, mut wait, mut buf) = (*b"met/0123456789abcdef", *b"wait/0123456789abcdef", [0; 8]);
    met[4..].copy_from_slice(&digest);
    wait[5..].copy_from_slice(&digest);
    let new = match mmgw::kv_get(met, &mut buf).map(|_| ()) {
        Ok(()) if mmgw::kv_get(wait, &mut buf).is_ok() => return true,
        Ok(()) => false,
        Err(NOT_FOUND) => mmgw::kv_set(wait, "1", delay.min(24 * 60 * 60) as i32).is_ok(),
        Err(_) => false,
    };
    mmgw::kv_set(met, "1", REMEMBERED_S).is_ok() && new
}

/// The part of an address that servers of one operator share: of 192.0.2.1 it
/// is 192.0.2, of an IPv6 address what stands in front of the fifth colon.
fn network(client: &[u8]) -> &[u8] {
    let (mark, nth) = if client.contains(&b':') { (b':', 4) } else { (b'.', 3) };
    let mut marks = client.iter().enumerate().filter(|(_, &c)| c == mark);
    marks.nth(nth - 1).map_or(client, |(i, _)| &client[..i])
}

/// FNV-1a over network, reverse-path and list.
fn digest(network: &[u8]) -> u64 {
    let mut buf = [0; TEXT_MAX];
    let mut h = fnv(0xcbf29ce484222325, network);
    for key in ["env.mail_from", "list.address"] {
        h = fnv(h, mmgw::get(key, &mut buf).unwrap_or(b""));
    }
    h
}

/// Adds a line to a digest.
fn fnv(digest: u64, line: &[u8]) -> u64 {
    let add = |h: u64, c: u8| (h ^ c.to_ascii_lowercase() as u64).wrapping_mul(0x100000001b3);
    add(line.iter().fold(digest, |h, &c| add(h, c)), b'\n')
}

/// Writes an address as DNS lists ask for it: 192.0.2.1 as "1.2.0.192.", an IPv6
/// address as its nibbles (RFC 5782, section 2.4).
fn reverse(client: &[u8], out: &mut Text) -> bool {
    if !client.contains(&b':') {
        for part in client.rsplit(|&c| c == b'.') {
            out.push(part);
            out.push(b".");
        }
        return true;
    }
    let groups = match groups(client) {
        Some(groups) => groups,
        None => return false,
    };
    for group in groups.iter().rev() {
        for shift in [0, 4, 8, 12] {
            out.push(&[digit((group >> shift) as u8 & 15), b'.']);
        }
    }
    true
}

/// The eight numbers of an IPv6 address.
fn groups(client: &[u8]) -> Option<[u16; 8]> {
    let mut all = [0u16; 8];
    let (mut n, mut gap) = (0, None);
    for part in client.split(|&c| c == b':') {
        if part.is_empty() {
            gap = gap.or(Some(n));
            continue;
        }
        let text = core::str::from_utf8(part).ok()?;
        *all.get_mut(n)? = u16::from_str_radix(text, 16).ok()?;
        n += 1;
    }
    if let Some(gap) = gap {
        all[gap..].rotate_right(8 - n);
    }
    Some(all)
}

fn hex(x: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (i, place) in digits.iter_mut().enumerate() {
        *place = digit((x >> (60 - 4 * i)) as u8 & 15);
    }
    digits
}

fn digit(nibble: u8) -> u8 {
    b"0123456789abcdef"[nibble as usize]
}

/// A text in the making. What does not fit is left out.
struct Text {
    room: [u8; 256],
    len: usize,
}

impl Text {
    fn new() -> Text {
        Text { room: [0; 256], len: 0 }
    }

    fn push(&mut self, octets: &[u8]) {
        for &c in octets {
            if let Some(place) = self.room.get_mut(self.len) {
                *place = c;
                self.len += 1;
            }
        }
    }

    fn octets(&self) -> &[u8] {
        &self.room[..self.len]
    }
}
