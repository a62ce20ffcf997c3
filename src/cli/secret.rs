//! `hookswitch secret`: a random secret, in the two spellings that senders ask for.

use crate::hex;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::process::ExitCode;
use zeroize::Zeroizing;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// As long as the output of SHA-256: more adds nothing to an HMAC key (RFC 2104, section 3).
const BYTES: usize = 32;

pub fn run(_args: Args) -> ExitCode {
    let mut bytes = Zeroizing::new([0; BYTES]);
    if SystemRandom::new().fill(bytes.as_mut()).is_err() {
        super::say_error("the system has no random bytes to give");
        return ExitCode::FAILURE;
    }
    let mut text = Zeroizing::new(format!("whsec_{}\n", STANDARD.encode(bytes.as_ref())));
    hex::append(&mut text, bytes.as_ref());
    text.push('\n');
    super::print(&text)
}
