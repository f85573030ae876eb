//! Puts "[wasm] " in front of the subject: the figures of gateway/sandbox.
#![no_std]
#[path = "../../../../../sdk/rust/mmgw.rs"]
mod mmgw;

#[no_mangle]
pub extern "C" fn mmgw_incoming() -> i32 {
    mmgw::finish(tag())
}

fn tag() -> mmgw::Result<()> {
    const PREFIX: &[u8] = b"[wasm] ";
    let mut subject = [0; 1024];
    subject[..PREFIX.len()].copy_from_slice(PREFIX);
    match mmgw::header("Subject", 0, &mut subject[PREFIX.len()..]) {
        Ok(value) => {
            let n = PREFIX.len() + value.len();
            mmgw::header_set("Subject", &subject[..n])
        }
        Err(_) => Ok(()),
    }
}
