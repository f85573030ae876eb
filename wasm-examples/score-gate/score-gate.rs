//! score-gate is an example of an incoming handler in Rust: it judges a message
//! by the score that a spam filter in front of mmgw left in its header.
//!
//! Settings: header, "X-Spam-Score" by default; reject and hold, from which
//! score on a message is refused or kept for an owner, as text or number: "15",
//! 7.5. A message without a score that can be read passes. The filter has to
//! remove such fields of others: only the first one counts here.
//!
//!     /usr/bin/rustc --edition 2021 --target wasm32-unknown-unknown --crate-type cdylib \
//!         -C opt-level=z -C lto -C codegen-units=1 -C panic=abort -C strip=symbols \
//!         -C linker=wasm-ld-14 -C link-arg=-zstack-size=65536 -o score-gate.wasm score-gate.rs
#![no_std]

#[path = "../../sdk/rust/mmgw.rs"]
mod mmgw;

use mmgw::Verdict;

/// What a header field or a setting may be long: more is no score.
const TEXT_MAX: usize = 256;

#[no_mangle]
pub extern "C" fn mmgw_incoming() -> i32 {
    mmgw::finish(judge())
}

fn judge() -> mmgw::Result<()> {
    let mut buf = [0; TEXT_MAX];
    let mut name = [0; TEXT_MAX];
    let name = mmgw::text(mmgw::get("config.header", &mut name).unwrap_or(b"X-Spam-Score"))?;
    let score = match mmgw::header(name, 0, &mut buf) {
        Ok(value) => milli(value),
        Err(_) => None,
    };
    let above = |key| matches!((score, limit(key)), (Some(score), Some(limit)) if score >= limit);
    if above("config.reject") {
        return mmgw::verdict(Verdict::Reject { code: 550, enhanced: "5.7.1", text: "the message looks like spam" });
    }
    if above("config.hold") {
        return mmgw::verdict(Verdict::Hold { text: "it looks like spam" });
    }
    Ok(())
}

/// The setting of that key in thousandths.
fn limit(key: &str) -> Option<i64> {
    let mut buf = [0; TEXT_MAX];
    milli(mmgw::get(key, &mut buf).ok()?)
}

/// The decimal number that a text begins with, in thousandths: "-1.25 / 5" is
/// -1250. What follows the third decimal place is dropped.
fn milli(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (mut n, mut places, mut any) = (0i64, None, false);
    for &c in digits {
        match (c, places) {
            (b'.', None) => places = Some(0),
            (b'0'..=b'9', Some(3)) => {}
            (b'0'..=b'9', _) => {
                n = n.saturating_mul(10).saturating_add((c - b'0') as i64);
                places = places.map(|p| p + 1);
                any = true;
            }
            _ => break,
        }
    }
    for _ in places.unwrap_or(0)..3 {
        n = n.saturating_mul(10);
    }
    any.then(|| if negative { -n } else { n })
}
