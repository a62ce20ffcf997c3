//! A collector on a free port: OTLP over HTTP/protobuf and gRPC, read by OpenTelemetry's own types.

use super::PATIENCE;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

/// What a collector does with what it gets.
#[derive(Debug, Clone, Copy)]
pub enum Habit {
    Takes,
    /// Answers with this status of HTTP, over gRPC with UNAVAILABLE.
    Refuses(u16),
    /// Never answers.
    Hangs,
}

/// One export.
pub struct Exported {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

pub struct Collector {
    pub address: SocketAddr,
    exports: Receiver<Exported>,
    pub spans: Vec<Span>,
    pub logs: Vec<LogRecord>,
    pub metrics: Vec<Metric>,
    pub resource: BTreeMap<String, String>,
    pub headers: HeaderMap,
}

impl Collector {
    pub fn new(habit: Habit) -> Collector {
        let (sender, exports) = channel();
        let (told, address) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                told.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        let service = hyper::service::service_fn(move |request| answer(request, sender.clone(), habit));
                        let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            });
        });
        Collector {
            address: address.recv().unwrap(),
            exports,
            spans: Vec::new(),
            logs: Vec::new(),
            metrics: Vec::new(),
            resource: BTreeMap::new(),
            headers: HeaderMap::new(),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until something that was exported fits.
    pub fn wait_for(&mut self, fits: impl Fn(&Collector) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !fits(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.exports.recv_timeout(left) {
                Ok(exported) => self.keep(&exported),
                Err(_) => panic!("not exported within {PATIENCE:?}; spans: {:#?}\nlogs: {:#?}", self.spans, self.logs),
            }
        }
    }

    fn keep(&mut self, exported: &Exported) {
        let body = &exported.body[..];
        self.headers = exported.headers.clone();
        let mut resource = None;
        if exported.path.contains("race") {
            for part in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
                resource = part.resource;
                self.spans.extend(part.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        } else if exported.path.contains("ogs") {
            for part in ExportLogsServiceRequest::decode(body).unwrap().resource_logs {
                resource = part.resource;
                self.logs.extend(part.scope_logs.into_iter().flat_map(|scope| scope.log_records));
            }
        } else {
            for part in ExportMetricsServiceRequest::decode(body).unwrap().resource_metrics {
                resource = part.resource;
                self.metrics = part.scope_metrics.into_iter().flat_map(|scope| scope.metrics).collect();
            }
        }
        self.resource = attributes(&resource.unwrap().attributes);
    }

    pub fn span(&self, name: &str) -> &Span {
        let found = self.spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("{name} in {:?}", self.spans.iter().map(|span| &span.name).collect::<Vec<_>>()))
    }
}

/// Attributes as text.
pub fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes.iter().map(|pair| (pair.key.clone(), text(pair.value.as_ref()))).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()).expect("every attribute has a value") {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        Value::BoolValue(on) => on.to_string(),
        Value::KvlistValue(map) => {
            map.values.iter().map(|pair| format!("{}={};", pair.key, text(pair.value.as_ref()))).collect()
        }
        other => panic!("{other:?}"),
    }
}

type Body = StreamBody<futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

async fn answer(
    request: Request<Incoming>,
    sender: Sender<Exported>,
    habit: Habit,
) -> Result<Response<Body>, Infallible> {
    let (head, mut incoming) = request.into_parts();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        body.extend_from_slice(frame.unwrap().data_ref().unwrap());
    }
    let is_grpc = head.headers["content-type"] == "application/grpc";
    if is_grpc {
        let length = u32::from_be_bytes(body[1..5].try_into().unwrap());
        assert_eq!(length as usize, body.len() - 5);
        body.drain(..5);
    }
    if ["content-encoding", "grpc-encoding"].iter().any(|name| head.headers.get(*name).is_some()) {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
        body = plain;
    }
    let _ = sender.send(Exported { path: head.uri.path().to_owned(), headers: head.headers, body });
    let (status, code) = match habit {
        Habit::Takes => (200, "0"),
        Habit::Refuses(status) => (status, "14"),
        Habit::Hangs => std::future::pending().await,
    };
    let mut frames = Vec::new();
    if is_grpc {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static(code));
        frames = vec![Ok(Frame::data(Bytes::from_static(&[0; 5]))), Ok(Frame::trailers(trailers))];
    }
    let mut response = Response::new(StreamBody::new(futures_util::stream::iter(frames)));
    if !is_grpc {
        *response.status_mut() = status.try_into().unwrap();
    }
    Ok(response)
}
