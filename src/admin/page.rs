//! What can be asked for, and by whom.

use super::console::{self, Asset};
use http::Method;
use percent_encoding::percent_decode_str;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Livez,
    Readyz,
    Metrics,
    Config,
    Routes,
    Handshakes,
    Events,
    EventStream,
    Deliveries,
    DeliveryStream,
    OpenApi,
    Reload,
    Explain,
    /// Of the target that [`tested`] finds in the path.
    Test,
    /// A file of the console.
    Asset(&'static Asset),
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody: a kubelet and a scraper bring neither token nor a name of ours.
    Open,
    /// Everybody who opens it in a browser: it holds nothing but the program of the console.
    Shown,
    /// Whoever has the token, and no page of somebody else.
    Guarded,
}

impl Page {
    /// How many there are, the console's files being one.
    #[cfg(test)]
    pub(super) const KINDS: usize = 15;

    pub(super) fn at(path: &str) -> Option<Page> {
        Some(match path {
            "/livez" => Page::Livez,
            "/readyz" => Page::Readyz,
            "/metrics" => Page::Metrics,
            "/config" => Page::Config,
            "/routes" => Page::Routes,
            "/handshakes" => Page::Handshakes,
            "/events" => Page::Events,
            "/events/stream" => Page::EventStream,
            "/deliveries" => Page::Deliveries,
            "/deliveries/stream" => Page::DeliveryStream,
            "/reload" => Page::Reload,
            "/openapi.json" => Page::OpenApi,
            "/explain" => Page::Explain,
            _ if tested(path).is_some() => Page::Test,
            _ => Page::Asset(console::asset(path)?),
        })
    }

    pub(super) fn access(self) -> Access {
        match self {
            Page::Livez | Page::Readyz | Page::Metrics => Access::Open,
            Page::Asset(_) => Access::Shown,
            _ => Access::Guarded,
        }
    }

    pub(super) fn allow(self) -> &'static str {
        match self {
            Page::Reload | Page::Explain | Page::Test => "POST",
            // There is no end of it whose length a HEAD could tell.
            Page::EventStream | Page::DeliveryStream => "GET",
            _ => "GET, HEAD",
        }
    }

    pub(super) fn allows(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| method == allowed)
    }
}

/// Route and target of `/targets/{route}/{target}/test`.
pub(super) fn tested(path: &str) -> Option<(String, String)> {
    let (route, target) = path.strip_prefix("/targets/")?.strip_suffix("/test")?.split_once('/')?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
    decoded(route).zip(decoded(target)).filter(|(route, target)| !route.is_empty() && !target.is_empty())
}
