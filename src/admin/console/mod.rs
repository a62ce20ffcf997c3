//! The console: a page for the browser, made of files that are part of the binary.
//!
//! No build step and no request to anywhere else: the files here are what the browser gets. They hold no data; that comes
//! from the pages that a token guards. A policy keeps the browser from running or loading anything but these files.

use super::body::AdminBody;
use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::Full;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asset {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

/// Trusted Types on top: no text can become HTML, whatever a later change of these files does.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";
const IMAGE: &str = "image/svg+xml";

macro_rules! assets {
    ($($path:literal $content_type:ident $file:literal,)*) => {
        &[$(Asset { path: $path, content_type: $content_type, text: include_str!($file) },)*]
    };
}

static ASSETS: &[Asset] = assets! {
    "/" HTML "index.html",
    "/console/style.css" STYLE "style.css",
    "/console/icon.svg" IMAGE "icon.svg",
    "/console/main.js" SCRIPT "main.js",
    "/console/api.js" SCRIPT "api.js",
    "/console/dom.js" SCRIPT "dom.js",
    "/console/text.js" SCRIPT "text.js",
    "/console/pieces.js" SCRIPT "pieces.js",
    "/console/live.js" SCRIPT "live.js",
    "/console/routes.js" SCRIPT "routes.js",
    "/console/deliveries.js" SCRIPT "deliveries.js",
    "/console/events.js" SCRIPT "events.js",
    "/console/explain.js" SCRIPT "explain.js",
    "/console/test.js" SCRIPT "test.js",
    "/console/configuration.js" SCRIPT "configuration.js",
    "/console/login.js" SCRIPT "login.js",
    "/console/en.json" JSON "en.json",
    "/console/ru.json" JSON "ru.json",
};

/// The file at a path.
pub(super) fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    pub(super) fn answer(&self) -> Response<AdminBody> {
        let mut answer = Response::new(AdminBody::Whole(Full::new(Bytes::from_static(self.text.as_bytes()))));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value};
    use std::collections::BTreeSet;

    fn table(language: &str) -> Map<String, Value> {
        let asset = asset(&format!("/console/{language}.json")).unwrap();
        serde_json::from_str(asset.text).unwrap()
    }

    fn scripts() -> impl Iterator<Item = &'static Asset> {
        ASSETS.iter().filter(|asset| asset.content_type == SCRIPT)
    }

    /// `{name}`s of a text.
    fn names(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn both_languages_say_the_same() {
        let (english, russian) = (table("en"), table("ru"));
        let keys = |table: &Map<String, Value>| table.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&english), keys(&russian), "the same keys, in the same order");
        for (key, text) in &english {
            let (text, other) = (text.as_str().unwrap(), russian[key].as_str().unwrap());
            assert_eq!(names(text), names(other), "{key}");
            assert!(!text.is_empty() && !other.is_empty(), "{key}");
        }
    }

    #[test]
    fn every_text_that_is_used_is_there() {
        let english = table("en");
        let known = |key: &str| english.contains_key(key) || english.contains_key(&format!("{key}.other"));
        for script in scripts() {
            for (position, _) in script.text.match_indices("t('") {
                let before = script.text[..position].chars().next_back();
                let key = script.text[position + 3..].split('\'').next().unwrap();
                let is_call = before.is_none_or(|before| !before.is_alphanumeric());
                assert!(!is_call || known(key), "{} uses {key}", script.path);
            }
        }
        let outcomes = "success failed skipped taken ignored delivered accepted duplicate refused rate_limited handshake timeout \
                        server_error throttled unsatisfied connect dns tls reset deadline expression answer_too_large write \
                        draining egress credentials queue_full breaker_open applied unchanged rejected unsettled crashed";
        outcomes.split_whitespace().for_each(|outcome| assert!(known(&format!("outcome.{outcome}")), "{outcome}"));
    }

    #[test]
    fn nothing_parses_html_and_nothing_is_loaded_from_elsewhere() {
        for asset in ASSETS {
            for forbidden in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style=\"", "onclick=\""]
            {
                assert!(!asset.text.contains(forbidden), "{} has {forbidden}", asset.path);
            }
            let others =
                asset.text.replace("http://www.w3.org/2000/svg", "").replace("https://html.spec.whatwg.org", "");
            let absolute = others.split("http").skip(1).any(|rest| rest.starts_with("://") || rest.starts_with("s://"));
            assert!(!absolute, "{} names another host", asset.path);
        }
    }

    #[test]
    fn every_import_leads_to_a_file() {
        for script in scripts() {
            for rest in script.text.split("from './").skip(1) {
                let name = rest.split('\'').next().unwrap();
                assert!(asset(&format!("/console/{name}")).is_some(), "{} imports {name}", script.path);
            }
        }
        let page = asset("/").unwrap().text;
        for rest in page.split("=\"/console/").skip(1) {
            assert!(asset(&format!("/console/{}", rest.split('"').next().unwrap())).is_some());
        }
    }
}
