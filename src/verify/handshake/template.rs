//! Text with `{…}` in it, of which handshakes and literal replies are made.

use crate::verify::evidence::{Evidence, Place, PlaceError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    At(Place),
    /// The keyed hash that the handshake describes.
    Mac,
    /// Replaced by its value when a check is compiled.
    Parameter(Parameter),
}

/// What a check may say for the sake of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) enum Parameter {
    VerifyToken,
    Confirmation,
    GroupId,
    AllowedOrigins,
    TopicArn,
    /// Not a key at all: the name of one (`braintree`).
    PublicKey,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    #[error("a variable has no end: close it with `}}`")]
    Unclosed,
    #[error(transparent)]
    Place(#[from] PlaceError),
}

/// What strangers make us say is at most this long, in bytes. Challenges have some hundred.
pub(super) const SAID_MAX: usize = 4096;

impl Parameter {
    pub const ALL: [Parameter; 6] = [
        Parameter::VerifyToken,
        Parameter::Confirmation,
        Parameter::GroupId,
        Parameter::AllowedOrigins,
        Parameter::TopicArn,
        Parameter::PublicKey,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Parameter::VerifyToken => "verify_token",
            Parameter::Confirmation => "confirmation",
            Parameter::GroupId => "group_id",
            Parameter::AllowedOrigins => "allowed_origins",
            Parameter::TopicArn => "topic_arn",
            Parameter::PublicKey => "public_key",
        }
    }

    /// Of `{name}`.
    pub fn parse(text: &str) -> Option<Parameter> {
        let name = text.strip_prefix('{')?.strip_suffix('}')?;
        Parameter::ALL.into_iter().find(|parameter| parameter.name() == name)
    }
}

impl Template {
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, variable)) = rest.split_once('{') {
            let (name, after) = variable.split_once('}').ok_or(TemplateError::Unclosed)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(match (name, Parameter::parse(&format!("{{{name}}}"))) {
                ("mac", _) => Part::Mac,
                (_, Some(parameter)) => Part::Parameter(parameter),
                (place, None) => Part::At(Place::parse(place)?),
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Template(parts))
    }

    /// The one place that it consists of.
    pub fn place(&self) -> Option<&Place> {
        match self.0.as_slice() {
            [Part::At(place)] => Some(place),
            _ => None,
        }
    }

    pub fn names_mac(&self) -> bool {
        self.0.contains(&Part::Mac)
    }

    pub fn parameters(&self) -> impl Iterator<Item = Parameter> {
        self.0.iter().filter_map(|part| match part {
            Part::Parameter(parameter) => Some(*parameter),
            Part::Literal(_) | Part::At(_) | Part::Mac => None,
        })
    }

    /// With the values of parameters in their places; one without a value stays.
    pub fn fill(&mut self, value: impl Fn(Parameter) -> Option<String>) {
        for part in &mut self.0 {
            if let Part::Parameter(parameter) = part
                && let Some(value) = value(*parameter)
            {
                *part = Part::Literal(value);
            }
        }
    }

    /// `None` where something that it names is missing, repeated or too long.
    pub fn render(&self, evidence: &Evidence<'_>, mac: Option<&str>) -> Option<String> {
        let mut said = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => said.push_str(text),
                Part::At(place) => said.push_str(&evidence.text(place).ok()?),
                Part::Mac => said.push_str(mac?),
                Part::Parameter(_) => return None,
            }
        }
        (said.len() <= SAID_MAX).then_some(said)
    }
}
