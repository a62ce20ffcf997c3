//! The event as expressions see it: each name computed when it is read, and no more of it than is read.

use super::{Evaluation, Result};
use crate::expr::EvaluationError;
use crate::expr::program::{AnswerPart, Place, RequestField, Whose};
use crate::expr::scope::{Answer, Scope};
use crate::expr::value::Value;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};

impl Place {
    /// `None` where it is absent.
    pub(super) fn read(&self, evaluation: &Evaluation<'_>) -> Result<Option<Value>> {
        let scope = evaluation.scope;
        let request = &scope.event.request;
        match self {
            Place::Body => {
                Ok(Some(scope.event.parsed.as_ref().map_or(Value::Null, |parsed| Value::from(&parsed.body))))
            }
            Place::Batch => Ok(Some(scope.event.batch().map_or(Value::Null, |parsed| Value::from(&parsed.body)))),
            Place::Text => text(evaluation).map(Some),
            Place::Headers => header_map(&request.headers, evaluation).map(Some),
            Place::Header(name) => header(&request.headers, name, evaluation),
            Place::Query => query_map(evaluation).map(Some),
            Place::QueryKey(name) => query_key(name, evaluation),
            Place::Params => {
                let entries = request.params.iter().map(|(name, value)| (Value::from(&**name), Value::from(&**value)));
                Ok(Some(Value::map(entries.collect())))
            }
            Place::Param(index, name) => Ok(param(scope, *index, name).map(Value::from)),
            Place::Request => request_map(evaluation).map(Some),
            Place::RequestField(field) => request_field(*field, scope),
            Place::Route => Ok(Some(Value::map(vec![(Value::from("name"), Value::from(scope.route))]))),
            Place::RouteName => Ok(Some(Value::from(scope.route))),
            Place::Vars(names) => {
                let entries = names.iter().zip(scope.vars).map(|(name, value)| (Value::from(&**name), value.clone()));
                Ok(Some(Value::map(entries.collect())))
            }
            Place::Var(index, name) => match scope.vars.get(*index) {
                Some(value) => Ok(Some(value.clone())),
                None => Err(EvaluationError::Wrong(format!("vars.{name} is not computed"))),
            },
            Place::Tables => Ok(Some(Value::from(scope.tables))),
            Place::Answers(names) => answers(names, evaluation).map(Some),
            Place::Answer(whose) => whose.find(scope).map(|answer| answer_map(answer, evaluation)).transpose(),
            Place::AnswerPart(whose, part) => {
                whose.find(scope).map(|answer| answer_part(answer, *part, evaluation)).transpose()
            }
            Place::AnswerHeader(whose, name) => match whose.find(scope) {
                Some(answer) => header(&answer.headers, name, evaluation),
                None => Ok(None),
            },
        }
    }
}

impl Whose {
    fn find<'e>(&self, scope: Scope<'e>) -> Option<&'e Answer> {
        match self {
            Whose::Own => scope.answer,
            Whose::Target(index, _) => scope.answers.get(*index)?.as_ref(),
        }
    }
}

/// The decoded bytes where the body was parsed, else the bytes as they came.
fn text(evaluation: &Evaluation<'_>) -> Result {
    let event = evaluation.scope.event;
    let bytes = event.parsed.as_ref().map_or(&event.bytes, |parsed| &parsed.text);
    evaluation.meter.bytes(bytes.len())?;
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Value::from(text)),
        Err(_) => Err(EvaluationError::Wrong("`text`: the body is not UTF-8".to_owned())),
    }
}

/// All values of a header joined with `, `; `None` when it is absent or not text.
fn header(headers: &HeaderMap, name: &HeaderName, evaluation: &Evaluation<'_>) -> Result<Option<Value>> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next().and_then(|value| value.to_str().ok()) else { return Ok(None) };
    evaluation.meter.bytes(first.len())?;
    let mut joined: Option<String> = None;
    for value in values {
        let Ok(value) = value.to_str() else { return Ok(None) };
        evaluation.meter.bytes(value.len() + 2)?;
        let joined = joined.get_or_insert_with(|| first.to_owned());
        joined.push_str(", ");
        joined.push_str(value);
    }
    Ok(Some(joined.map_or_else(|| Value::from(first), Value::from)))
}

fn header_map(headers: &HeaderMap, evaluation: &Evaluation<'_>) -> Result {
    evaluation.meter.elements(headers.keys_len() * 2)?;
    let mut entries = Vec::with_capacity(headers.keys_len());
    for name in headers.keys() {
        if let Some(value) = header(headers, name, evaluation)? {
            entries.push((Value::from(name.as_str()), value));
        }
    }
    Ok(Value::map(entries))
}

fn query_pairs<'e>(scope: Scope<'e>) -> form_urlencoded::Parse<'e> {
    form_urlencoded::parse(scope.event.request.query.as_deref().unwrap_or_default().as_bytes())
}

/// A repeated key is a list.
fn query_key(name: &str, evaluation: &Evaluation<'_>) -> Result<Option<Value>> {
    evaluation.meter.bytes(evaluation.scope.event.request.query.as_ref().map_or(0, String::len))?;
    let mut values =
        query_pairs(evaluation.scope).filter(|(key, _)| key == name).map(|(_, value)| Value::from(&*value));
    let Some(first) = values.next() else { return Ok(None) };
    let mut all = vec![first];
    all.extend(values);
    Ok(one_or_list(all))
}

fn one_or_list(mut values: Vec<Value>) -> Option<Value> {
    if values.len() > 1 { Some(Value::list(values)) } else { values.pop() }
}

fn query_map(evaluation: &Evaluation<'_>) -> Result {
    evaluation.meter.bytes(evaluation.scope.event.request.query.as_ref().map_or(0, String::len))?;
    let mut keys: indexmap::IndexMap<String, Vec<Value>> = indexmap::IndexMap::new();
    for (key, value) in query_pairs(evaluation.scope) {
        evaluation.meter.elements(2)?;
        keys.entry(key.into_owned()).or_default().push(Value::from(&*value));
    }
    let entries = keys.into_iter().filter_map(|(key, values)| Some((Value::from(key), one_or_list(values)?)));
    Ok(Value::map(entries.collect()))
}

/// By position, because patterns that differ only in names share one match; by name where the positions do not fit.
fn param<'e>(scope: Scope<'e>, index: usize, name: &str) -> Option<&'e str> {
    let params = &scope.event.request.params;
    match params.get(index) {
        Some((found, value)) if &**found == name => Some(value.as_str()),
        other => scope.event.request.param(name).or(other.map(|(_, value)| value.as_str())),
    }
}

fn request_field(field: RequestField, scope: Scope<'_>) -> Result<Option<Value>> {
    let request = &scope.event.request;
    Ok(Some(match field {
        RequestField::Id => Value::String(request.id.clone()),
        RequestField::Method => Value::from(request.method.as_str()),
        RequestField::Path => Value::from(request.path.as_str()),
        RequestField::Host => Value::from(request.host.as_str()),
        RequestField::Time => Value::Timestamp(request.time.fixed_offset()),
        RequestField::ClientIp => Value::from(request.client_ip.to_string()),
        RequestField::Size => Value::Int(scope.event.bytes.len() as i64),
        RequestField::ContentType => {
            let written = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            return Ok(written.map(Value::from));
        }
    }))
}

fn request_map(evaluation: &Evaluation<'_>) -> Result {
    evaluation.meter.elements(RequestField::ALL.len() * 2)?;
    let mut entries = Vec::with_capacity(RequestField::ALL.len());
    for (name, field) in RequestField::ALL {
        if let Some(value) = request_field(field, evaluation.scope)? {
            entries.push((Value::from(name), value));
        }
    }
    Ok(Value::map(entries))
}

fn answers(names: &[String], evaluation: &Evaluation<'_>) -> Result {
    let mut entries = Vec::new();
    for (name, answer) in names.iter().zip(evaluation.scope.answers) {
        if let Some(answer) = answer {
            entries.push((Value::from(&**name), answer_map(answer, evaluation)?));
        }
    }
    Ok(Value::map(entries))
}

fn answer_map(answer: &Answer, evaluation: &Evaluation<'_>) -> Result {
    evaluation.meter.elements(AnswerPart::ALL.len() * 2)?;
    let parts = AnswerPart::ALL.iter();
    let entries = parts.map(|(name, part)| Ok((Value::from(*name), answer_part(answer, *part, evaluation)?)));
    Ok(Value::map(entries.collect::<Result<_>>()?))
}

fn answer_part(answer: &Answer, part: AnswerPart, evaluation: &Evaluation<'_>) -> Result {
    match part {
        AnswerPart::Status => Ok(Value::Int(answer.status.into())),
        AnswerPart::Headers => header_map(&answer.headers, evaluation),
        AnswerPart::Body => Ok(Value::from(&answer.body)),
    }
}
