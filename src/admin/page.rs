//! What can be asked for, and by whom.

use http::Method;

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
    Reload,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody: a kubelet and a scraper bring neither token nor a name of ours.
    Open,
    /// Whoever has the token, and no page of somebody else.
    Guarded,
}

impl Page {
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
            _ => return None,
        })
    }

    pub(super) fn access(self) -> Access {
        match self {
            Page::Livez | Page::Readyz | Page::Metrics => Access::Open,
            _ => Access::Guarded,
        }
    }

    pub(super) fn allow(self) -> &'static str {
        match self {
            Page::Reload => "POST",
            // There is no end of it whose length a HEAD could tell.
            Page::EventStream | Page::DeliveryStream => "GET",
            _ => "GET, HEAD",
        }
    }

    pub(super) fn allows(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| method == allowed)
    }
}
