//! A written URL, references resolved, to its places: scheme, host, port, path segments, query parameters.
//!
//! Delimiters count only in the operator's text (literals and references): expressions have no width here, so a value
//! can never open a place of its own.

use super::source::{Source, Taken, Token, joined, known};
use super::{Bit, Parameter, Part, Place, UrlTemplate};
use crate::diagnostic::At;
use crate::expr::Environment;
use crate::transform::pieces;
use crate::transform::text::Rendered;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What RFC 3986 allows nowhere in a path or a query: encoded where an operator wrote it.
const WRITTEN: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

pub(super) fn compile(written: &str, environment: &Environment<'_>, at: &At<'_>) -> Option<UrlTemplate> {
    let parts = pieces::cut(written, environment, at)?;
    let reads = pieces::reads(&parts);
    let source = Source::new(parts);
    let compiler = Compiler { at, source, parts: Vec::new(), query: Vec::new(), dynamic_host: false };
    let mut template = compiler.compile()?;
    template.reads = reads;
    Some(template)
}

struct Compiler<'a> {
    at: &'a At<'a>,
    source: Source,
    parts: Vec<Part>,
    query: Vec<Parameter>,
    dynamic_host: bool,
}

/// Byte ranges of the operator's text after `scheme://`.
struct Layout {
    host: usize,
    /// After the colon.
    port: Option<usize>,
    path: usize,
    query: Option<usize>,
}

impl Compiler<'_> {
    fn compile(mut self) -> Option<UrlTemplate> {
        let text = std::mem::take(&mut self.source.text);
        let Some((scheme, rest)) = text.split_once("://") else {
            return self.error_scheme();
        };
        let taken = self.source.take(scheme.len() + "://".len(), false);
        if let Some(span) = taken.hole {
            return self.error_computed_scheme(span);
        }
        if text.contains(|char: char| char.is_ascii_control()) {
            return self.error("the URL holds a control character", "remove it; a newline in a value may be the cause");
        }
        self.known(taken);
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => self.http(rest)?,
            "file" => self.file(rest)?,
            "stdout" => self.stdout(rest)?,
            _ => {
                let message = format!("the scheme of `{}` is not one that can be sent to", self.source.shown);
                return self.error(&message, "use https://, http://, stdout:// or file:///path");
            }
        }
        Some(self.finish())
    }

    fn finish(self) -> UrlTemplate {
        let constant = constant(&self.parts, &self.query);
        UrlTemplate {
            parts: self.parts.into_boxed_slice(),
            query: self.query,
            constant,
            dynamic_host: self.dynamic_host,
            reads: Default::default(),
        }
    }

    fn http(&mut self, rest: &str) -> Option<()> {
        if rest.contains('#') {
            return self.error("a fragment (`#…`) is never sent", "remove it, or write %23 for a `#`");
        }
        let layout = layout(rest);
        self.authority(rest, &layout)?;
        let end = layout.query.map_or(rest.len(), |query| query - 1);
        self.path(rest.get(layout.path..end).unwrap_or_default(), Place::Segment)?;
        if let Some(query) = layout.query {
            self.parameters(rest.get(query..).unwrap_or_default())?;
        }
        Some(())
    }

    fn authority(&mut self, rest: &str, layout: &Layout) -> Option<()> {
        let authority = rest.get(..layout.path).unwrap_or_default();
        if authority.contains('@') {
            return self
                .error("the URL holds a user name or password", "use `auth: {basic: {username: …, password: …}}`");
        }
        let host = rest.get(..layout.host).unwrap_or_default();
        let taken = self.source.take(host.len(), true);
        let forbidden = |char: char| !(char.is_alphanumeric() || "-._[]:".contains(char));
        if host.contains(forbidden) || (taken.hole.is_some() && host.contains(['[', ']'])) {
            return self
                .error("the host of the URL is not valid", "a host is a name or an address, as api.example.com");
        }
        if host.is_empty() && taken.hole.is_none() {
            return self.error("the URL has no host", "write it as https://host/path");
        }
        self.dynamic_host = taken.hole.is_some();
        self.computed(taken, Place::Host);
        let mut port = "";
        let mut port_computed = false;
        if let Some(start) = layout.port {
            port = rest.get(start..layout.path).unwrap_or_default();
            let colon = self.source.take(1, false);
            self.known(colon);
            let taken = self.source.take(port.len(), true);
            port_computed = taken.hole.is_some();
            if (port.is_empty() && !port_computed) || !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return self.error("the port of the URL is not a number", "as in https://api.example.com:8443");
            }
            self.computed(taken, Place::Port);
        }
        let host = if self.dynamic_host { "example.com" } else { host };
        let port = if port_computed || port.is_empty() { "1" } else { port };
        match url::Url::parse(&format!("http://{host}:{port}/")) {
            Ok(_) => Some(()),
            // The parser's words are constants: they repeat nothing of the URL.
            Err(error) => self.error(&format!("the URL is not valid: {error}"), "write it as https://host:port/path"),
        }
    }

    /// From the first `/`; segments with holes are kept whole, to be checked as such.
    fn path(&mut self, path: &str, place: Place) -> Option<()> {
        for segment in path.split('/').skip(1) {
            let slash = self.source.take(1, false);
            self.known(slash);
            let taken = self.source.take(segment.len(), true);
            let taken = if place == Place::Segment { self.encoded(taken)? } else { taken };
            self.computed(taken, place);
        }
        Some(())
    }

    fn parameters(&mut self, query: &str) -> Option<()> {
        for parameter in query.split('&') {
            // The `?` or the `&`.
            let separator = joined(self.source.take(1, false));
            let taken = self.source.take(parameter.len(), true);
            let taken = self.encoded(taken)?;
            if parameter.is_empty() && taken.hole.is_none() {
                continue;
            }
            self.query.push(Parameter { name: constant_name(&taken.bits), separator, bits: taken.bits });
        }
        Some(())
    }

    fn file(&mut self, rest: &str) -> Option<()> {
        if !rest.starts_with('/') {
            return self.error("a file is written with an absolute path", "as in file:///var/log/events.ndjson");
        }
        if rest.contains(['?', '#']) {
            return self.error("the path of a file holds a `?` or a `#`", "choose another name");
        }
        if self.source.take(0, true).hole.is_some() {
            return self.error("a file has no host", "as in file:///var/log/${params.account}.ndjson");
        }
        self.path(rest, Place::FileSegment)?;
        if rest.ends_with('/') && !matches!(self.parts.last(), Some(Part::Computed(..))) {
            return self.error("the path names a folder, not a file", "as in file:///var/log/events.ndjson");
        }
        Some(())
    }

    fn stdout(&mut self, rest: &str) -> Option<()> {
        if rest.is_empty() && self.source.take(0, true).hole.is_none() {
            return Some(());
        }
        self.error("nothing can follow stdout://", "write `url: stdout://`")
    }

    /// A place without a hole is plain text.
    fn computed(&mut self, taken: Taken, place: Place) {
        match taken.hole {
            Some(_) => self.parts.push(Part::Computed(place, taken.bits)),
            None => self.known(taken),
        }
    }

    fn known(&mut self, taken: Taken) {
        let joined = joined(taken);
        match self.parts.last_mut() {
            Some(Part::Known(last)) => last.append(&joined, false),
            _ => self.parts.push(Part::Known(joined)),
        }
    }

    /// The operator's text of a path or query with what RFC 3986 forbids there encoded.
    fn encoded(&self, mut taken: Taken) -> Option<Taken> {
        for bit in &mut taken.bits {
            let Bit::Known(text) = bit else { continue };
            if has_bad_escape(text.real()) {
                return self.error("a `%` in the URL is not followed by two hexadecimal digits", "write %25 for a `%`");
            }
            let real = utf8_percent_encode(text.real(), WRITTEN).to_string();
            *text = known(&real, text.is_secret().then(|| text.shown()));
        }
        Some(taken)
    }

    fn error<T>(&self, message: &str, help: &str) -> Option<T> {
        self.at.error("url", message, help.to_owned());
        None
    }

    fn error_scheme<T>(&self) -> Option<T> {
        let hole = self.source.tokens.iter().find_map(|token| match token {
            Token::Hole(_, span) => Some(*span),
            Token::Text { .. } => None,
        });
        match hole {
            Some(span) if self.source.shown.starts_with("${") => self.error_computed_scheme(span),
            _ => {
                let message = format!("`{}` is not a URL: it has no scheme", self.source.shown);
                self.error(&message, "use https://, http://, stdout:// or file:///path")
            }
        }
    }

    fn error_computed_scheme<T>(&self, span: (usize, usize)) -> Option<T> {
        let help = "write it out, as in https://${body.host}/path/${body.id}".to_owned();
        self.at.error_inside("url", "the scheme of a URL cannot be computed", help, span);
        None
    }
}

fn layout(rest: &str) -> Layout {
    let path = rest.find(['/', '?']).unwrap_or(rest.len());
    let query = rest.find('?').map(|mark| mark + 1);
    let authority = rest.get(..path).unwrap_or_default();
    // In brackets colons belong to the address (RFC 3986, section 3.2.2).
    let bracket = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let colon = authority.get(bracket..).and_then(|after| after.rfind(':')).map(|colon| bracket + colon);
    Layout { host: colon.unwrap_or(path), port: colon.map(|colon| colon + 1), path, query }
}

/// The name of a parameter that no expression has a part in.
fn constant_name(bits: &[Bit]) -> Option<String> {
    let mut name = String::new();
    for bit in bits {
        let Bit::Known(known) = bit else { return None };
        match known.real().split_once('=') {
            Some((end, _)) => {
                name.push_str(end);
                return Some(decoded(&name));
            }
            None => name.push_str(known.real()),
        }
    }
    Some(decoded(&name))
}

fn decoded(name: &str) -> String {
    percent_decode_str(&name.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn has_bad_escape(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .any(|after| !after.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())))
}

/// The whole URL, where it holds no expression.
fn constant(parts: &[Part], query: &[Parameter]) -> Option<Rendered> {
    let mut whole = Rendered::default();
    for part in parts {
        match part {
            Part::Known(known) => whole.append(known, false),
            Part::Computed(..) => return None,
        }
    }
    let mut separator = "?";
    for parameter in query {
        parameter.separate(std::mem::replace(&mut separator, "&"), false, &mut whole);
        for bit in &parameter.bits {
            match bit {
                Bit::Known(known) => whole.append(known, false),
                Bit::Hole(_) => return None,
            }
        }
    }
    Some(whole)
}
