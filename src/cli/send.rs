//! `hookswitch send`: a real delivery to the targets of a route, to see whether they answer as they should.

use super::offline::{self, Offline, Uuid};
use super::{Shown, arguments};
use crate::clock::Clock;
use crate::deliver::Client;
use crate::examples::{self, Failure};
use crate::secret::Missing;
use crate::server::admission::Admission;
use crate::server::gateway::{Gateway, Outgoing, Parts, Trust};
use crate::server::rate_limits::Counting;
use crate::telemetry::metrics::Metrics;
use crate::trial::{self, Draft, Report, Trial};
use crate::verify::NoKeys;
use bytes::Bytes;
use http::Request;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration folder
    #[arg(short, long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// The route, or one target of it
    #[arg(value_name = "ROUTE[/TARGET]")]
    place: String,
    /// The body, or @FILE; without a content-type header it is JSON [default: that of the route's first example, else {}]
    #[arg(short, long, value_name = "BODY")]
    data: Option<String>,
    /// A header, as 'name: value'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// The path and query of the webhook, or a whole URL [default: that of the example, else the route's path]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    format: Shown,
}

/// A body is the operator's own: this only bounds a mistake.
const BYTES_MAX: usize = 256 << 20;

pub fn run(args: Args) -> ExitCode {
    let Some(offline) = offline::load_with(args.config.as_deref(), Missing::Fails, Uuid::Random) else {
        return ExitCode::FAILURE;
    };
    match send(&args, &offline) {
        Ok((report, origin)) => {
            let told = super::print(&match args.format {
                Shown::Human => offline.hidden(&format!("the request is {origin}\n{report}")),
                Shown::Json => {
                    let mut document = report.to_json(&origin);
                    offline.hide(&mut document);
                    super::json(&document)
                }
            });
            if report.succeeded() { told } else { ExitCode::FAILURE }
        }
        Err(Failure(message)) => {
            super::say_error(&message);
            ExitCode::from(2)
        }
    }
}

fn send(args: &Args, offline: &Offline) -> Result<(Report, String), Failure> {
    let failed = |error: trial::TrialError| match error {
        trial::TrialError::NoPath(_) => Failure(format!("{error}, with --url")),
        error => Failure(error.to_string()),
    };
    let (name, target) = match args.place.split_once('/') {
        Some((route, target)) => (route, Some(target)),
        None => (args.place.as_str(), None),
    };
    let generation = offline.rehearsal.generation();
    let route = trial::named(&generation.value.table, name, target).map_err(failed)?;
    let headers = arguments::headers(&args.headers)?;
    let body = args.data.as_deref().map(arguments::body).transpose()?;
    let (example, place) = example(offline, name).unzip();
    let origin = match (&body, place) {
        (Some(_), _) => "what -d says".to_owned(),
        (None, Some(place)) => place,
        (None, None) => "empty: no example has one for this route, and -d says none".to_owned(),
    };
    let draft = Draft { url: args.url.as_deref(), headers, body, example };
    let (request, public_url) = draft.request(route).map_err(failed)?;
    let trial = Trial { route: route.name.clone(), target: target.map(Into::into), request, public_url };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Failure(format!("cannot run it: {error}")))?;
    runtime.block_on(async {
        let gateway = gateway(offline).map_err(|error| Failure(error.to_string()))?;
        let report = trial::run(&gateway, trial).await.map_err(failed)?;
        Ok((report, origin))
    })
}

/// The first example that the route takes, and where it stands.
fn example(offline: &Offline, route: &str) -> Option<(Request<Bytes>, String)> {
    offline.loaded.tests.iter().find_map(|file| {
        let path = offline.folder.join(&file.file);
        let folder = path.parent().unwrap_or(&offline.folder);
        file.spec.tests.iter().find_map(|test| {
            let request = examples::taken_by(&offline.rehearsal, test, folder, route)?;
            Some((request, format!("the example `{}` of {}", test.name, file.file)))
        })
    })
}

fn gateway(offline: &Offline) -> Result<Gateway, crate::deliver::ClientError> {
    let parts = Parts {
        outgoing: Outgoing::Live(Client::new()?),
        keys: Box::new(NoKeys),
        trust: Trust::Assume,
        counting: Counting::Off,
        admission: Admission::new(1, BYTES_MAX),
        accepted: Admission::new(1, BYTES_MAX),
        body_timeout: Duration::from_secs(30),
        clock: Clock::System,
        log: None,
        metrics: Metrics::default(),
    };
    Ok(Gateway::new(offline.rehearsal.live().clone(), parts))
}
