//! `hookswitch sink`: a receiver to try things against. It shows every request, and answers as it is told to.
//!
//! On a terminal people read it; elsewhere each request is one JSON line, after a first line that says where it listens.
//! With `--record DIR` each request leaves two files: `0001.json`, the request in full, and `0001.test.yaml`, an example
//! that can be put beside a route; credentials are left out of the latter.

mod record;
mod show;

use crate::config::units::parse_duration;
use crate::server::Answer;
use crate::server::admission::Admission;
use crate::server::body::{self, Bounds};
use crate::server::listener::{self, Limits};
use crate::server::rejection::Rejection;
use crate::server::request_id;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    listen: String,
    /// Status to answer with
    #[arg(long, default_value = "200", value_parser = status)]
    status: StatusCode,
    /// How long to wait before answering
    #[arg(long, default_value = "0s", value_parser = parse_duration)]
    delay: Duration,
    /// Share of requests that are answered 503, from 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    fail: f64,
    /// Folder to write each request to
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

/// Of one request, in bytes; of all at a time.
const MAX_BODY: usize = 16 * 1024 * 1024;
const MAX_BODIES: usize = 16 * MAX_BODY;
const MAX_REQUESTS: usize = 1000;

/// From the end of the headers to the end of the body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

fn status(text: &str) -> Result<StatusCode, String> {
    // 1xx are no answers: HTTP goes on waiting after them.
    let status = text.parse::<StatusCode>().ok().filter(|status| !status.is_informational());
    status.ok_or_else(|| "write a status from 200 to 999".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a number from 0 to 1".to_owned())
}

pub fn run(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            super::say_error(&format!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            super::say_error(&message);
            ExitCode::FAILURE
        }
    }
}

/// Until Ctrl-C.
async fn serve(args: Args) -> Result<(), String> {
    if let Some(folder) = &args.record {
        std::fs::create_dir_all(folder).map_err(|error| format!("cannot record to {}: {error}", folder.display()))?;
    }
    let bound = listener::bind("sink", &args.listen).await.map_err(|error| error.to_string())?;
    let human = std::io::stdout().is_terminal();
    print(&show::listening(bound.listener.address, human));
    let sink = Arc::new(Sink::new(args, human));
    let _server = listener::serve(vec![bound], Limits::default(), move |request: Request<Incoming>, _peer| {
        let sink = Arc::clone(&sink);
        async move { sink.answer(request).await }
    });
    tokio::signal::ctrl_c().await.map_err(|error| format!("cannot wait for Ctrl-C: {error}"))
}

/// A reader that has gone away (`| head`) is no reason to stop answering.
fn print(text: &str) {
    let _ = crate::stdout::write_lines(text.as_bytes());
}

/// A request as it came.
struct Seen {
    number: u64,
    time: DateTime<Utc>,
    method: Method,
    /// As on the request line, not decoded.
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    body: Bytes,
    /// What it was answered.
    status: StatusCode,
}

struct Sink {
    args: Args,
    human: bool,
    admission: Arc<Admission>,
    count: AtomicU64,
}

impl Sink {
    fn new(args: Args, human: bool) -> Sink {
        Sink { args, human, admission: Admission::new(MAX_REQUESTS, MAX_BODIES), count: AtomicU64::new(0) }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let time = Utc::now();
        let (head, body) = request.into_parts();
        let id = request_id::of(&head.headers, time, fastrand::u128(..));
        let Some(mut permit) = self.admission.enter() else { return Rejection::Overload.into_answer(&id) };
        let bounds = Bounds { max_size: MAX_BODY, timeout: BODY_TIMEOUT };
        let body = match body::read(body, bounds, &mut permit).await {
            Ok(body) => body,
            Err(error) => return Rejection::from(error).into_answer(&id),
        };
        tokio::time::sleep(self.args.delay).await;
        let fails = fastrand::f64() < self.args.fail;
        let seen = Seen {
            number: self.count.fetch_add(1, Ordering::Relaxed) + 1,
            time,
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers,
            body,
            status: if fails { StatusCode::SERVICE_UNAVAILABLE } else { self.args.status },
        };
        let status = seen.status;
        self.tell(seen).await;
        reply(status, fails)
    }

    /// Shows and records off the threads that serve: both may have to wait for somebody.
    async fn tell(&self, seen: Seen) {
        let (human, folder) = (self.human, self.args.record.clone());
        let work = move || {
            print(&show::request(&seen, human));
            let recorded = folder.map(|folder| (record::write(&folder, &seen), folder));
            if let Some((Err(error), folder)) = recorded {
                super::say_error(&format!("cannot record to {}: {error}", folder.display()));
            }
        };
        // A panic in there has been told by its own message; the sender is answered all the same.
        let _ = tokio::task::spawn_blocking(work).await;
    }
}

fn reply(status: StatusCode, fails: bool) -> Answer {
    let body = if fails { r#"{"status":"failed on purpose"}"# } else { r#"{"status":"ok"}"# };
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let mut answer = Response::new(Full::new(Bytes::from_static(if bodiless { b"" } else { body.as_bytes() })));
    *answer.status_mut() = status;
    if !bodiless {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    answer
}

#[cfg(test)]
mod tests;
