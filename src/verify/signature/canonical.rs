//! Parts of a request that a scheme puts in an order of its own before it signs them.

use super::message::Piece;
use crate::document::Kind;
use crate::verify::Refusal;
use crate::verify::evidence::{Evidence, Pairs, Place, scalar};
use http::HeaderName;
use std::borrow::Cow;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Canonical {
    /// Names and values of an urlencoded body, sorted, run together.
    Form,
    /// `name=value` of an urlencoded body, sorted, with `&` between, but these names.
    FormPairs { except: Vec<String> },
    /// Scalar values at the root of a JSON body, sorted by name, run together; the secret stands among them under a name.
    JsonValues { except: String, secret: String },
    /// `name:value` of the headers that a header lists, with `;` between; it must list `required`.
    Headers { list: HeaderName, required: Vec<HeaderName> },
    /// Query and form in the order of their names: `?a=1&b=2.nameValue`.
    Parameters,
    /// `:name=value` of the parameters that begin with a prefix in either case, sorted.
    Prefixed { prefix: String },
    /// The exact bytes of a JSON body, but that the secret stands in the place of the text at a pointer.
    BodyWithSecret { at: Vec<String> },
}

impl Canonical {
    pub fn names_secret(&self) -> bool {
        matches!(self, Canonical::JsonValues { .. } | Canonical::BodyWithSecret { .. })
    }

    pub fn pieces<'r>(&self, evidence: &'r Evidence<'_>, out: &mut Vec<Piece<'r>>) -> Result<(), Refusal> {
        let text = match self {
            Canonical::Form => {
                let mut pairs = sorted(evidence.form());
                pairs.dedup();
                run_together(&pairs)
            }
            Canonical::FormPairs { except } => {
                let mut pairs = sorted(evidence.form());
                pairs.retain(|(name, _)| !except.contains(name));
                joined(&pairs)
            }
            Canonical::JsonValues { except, secret } => return json_values(evidence, except, secret, out),
            Canonical::Headers { list, required } => headers(evidence, list, required)?,
            Canonical::Parameters => parameters(evidence),
            Canonical::Prefixed { prefix } => prefixed(evidence, prefix),
            Canonical::BodyWithSecret { at } => return body_with_secret(evidence, at, out),
        };
        out.push(Piece::Bytes(Cow::Owned(text.into_bytes())));
        Ok(())
    }
}

fn sorted(pairs: &Pairs) -> Vec<&(String, String)> {
    let mut pairs: Vec<_> = pairs.iter().collect();
    pairs.sort();
    pairs
}

fn run_together(pairs: &[&(String, String)]) -> String {
    pairs.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect()
}

fn joined(pairs: &[&(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn json_values<'r>(
    evidence: &'r Evidence<'_>,
    except: &str,
    secret: &str,
    out: &mut Vec<Piece<'r>>,
) -> Result<(), Refusal> {
    let root = evidence.json()?;
    if root.kind() != Kind::Map {
        return Err(Refusal::Malformed);
    }
    let mut values: Vec<(&str, Piece<'r>)> = vec![(secret, Piece::Secret)];
    for (name, value) in root.entries() {
        match value.kind() {
            Kind::List | Kind::Map | Kind::Null => {}
            // A member of that name would stand where the secret belongs.
            _ if name == secret => return Err(Refusal::Malformed),
            _ if name == except => {}
            _ => values.push((name, Piece::Bytes(into_bytes(scalar(value)?)))),
        }
    }
    values.sort_by_key(|(name, _)| *name);
    out.extend(values.into_iter().map(|(_, piece)| piece));
    Ok(())
}

fn into_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn headers(evidence: &Evidence<'_>, list: &HeaderName, required: &[HeaderName]) -> Result<String, Refusal> {
    let listed: Vec<&str> = evidence.header(list)?.split(',').map(str::trim).collect();
    let lists = |name: &HeaderName| listed.iter().any(|one| one.eq_ignore_ascii_case(name.as_str()));
    if !required.iter().all(lists) {
        return Err(Refusal::Malformed);
    }
    let values = listed.iter().map(|name| {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Refusal::Malformed)?;
        Ok(format!("{}:{}", header.as_str(), evidence.header(&header)?.trim()))
    });
    Ok(values.collect::<Result<Vec<_>, Refusal>>()?.join(";"))
}

/// With a form, the question mark stands there even without a query.
fn parameters(evidence: &Evidence<'_>) -> String {
    let query = joined(&sorted(evidence.query()));
    let form = run_together(&sorted(evidence.form()));
    match (query.as_str(), form.as_str()) {
        ("", "") => String::new(),
        (query, "") => format!("?{query}"),
        ("", form) => format!("?{form}"),
        (query, form) => format!("?{query}.{form}"),
    }
}

fn prefixed(evidence: &Evidence<'_>, prefix: &str) -> String {
    let begins = |name: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let mut pairs = sorted(evidence.parameters());
    pairs.retain(|(name, _)| begins(name));
    pairs.iter().map(|(name, value)| format!(":{name}={value}")).collect()
}

/// The text must stand in the body exactly once, as it is: where else it stood, the secret would be taken as well.
fn body_with_secret<'r>(evidence: &'r Evidence<'_>, at: &[String], out: &mut Vec<Piece<'r>>) -> Result<(), Refusal> {
    let text = evidence.text(&Place::Json(at.to_vec()))?.into_owned().into_bytes();
    if text.is_empty() {
        return Err(Refusal::Malformed);
    }
    let mut found = evidence.body.windows(text.len()).enumerate().filter(|(_, window)| *window == text);
    let (start, _) = found.next().ok_or(Refusal::Malformed)?;
    if found.next().is_some() {
        return Err(Refusal::Malformed);
    }
    let (before, from) = evidence.body.split_at(start);
    out.push(Piece::Bytes(Cow::Borrowed(before)));
    out.push(Piece::Secret);
    out.push(Piece::Bytes(Cow::Borrowed(from.get(text.len()..).unwrap_or_default())));
    Ok(())
}
