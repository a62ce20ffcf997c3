//! `hookswitch health`: is a running router ready? For container probes that have no curl.

use crate::settings::ADMIN_DEFAULT;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The router's admin listener
    #[arg(long, value_name = "ADDR", default_value = ADMIN_DEFAULT)]
    admin: SocketAddr,
}

/// Shorter than the second after which most probes give up.
const TIMEOUT: Duration = Duration::from_millis(900);
/// A status line is 20 bytes; this bounds what somebody else on the port may send.
const ANSWER_MAX: u64 = 1024;

pub fn run(args: Args) -> ExitCode {
    match ask(args.admin) {
        Ok(200) => super::print("ready\n"),
        Ok(status) => {
            super::say_error(&format!("{} is not ready: it answers {status}", args.admin));
            ExitCode::FAILURE
        }
        Err(error) => {
            super::say_error(&format!("cannot ask {}: {error}", args.admin));
            ExitCode::FAILURE
        }
    }
}

fn ask(admin: SocketAddr) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&admin, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_MAX).read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::other("this is no HTTP answer"))
}
