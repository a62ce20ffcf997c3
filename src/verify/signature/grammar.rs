//! How a header holds signatures: one alone, pairs, or a list. Nothing here knows what was signed.

use super::Parameter;
use crate::verify::Refusal;

/// More signatures than this in one request are refused: each costs a comparison, or a public key operation.
pub(crate) const SIGNATURES_MAX: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// `PREFIX SIGNATURE`.
    Raw { prefix: String, optional: bool },
    /// `ts=1767237945,v1=SIGNATURE`. Other keys are skipped.
    Pairs {
        between: String,
        inside: String,
        time: Option<String>,
        signature: String,
        /// The name of the signature is a parameter of the check, which replaces `signature`.
        named_by: Option<Parameter>,
        several: bool,
        /// Pairs that the message names, with what is written there when we sign.
        others: Vec<(String, String)>,
    },
    /// `v1,SIGNATURE v1,SIGNATURE`. What has another prefix is skipped, and never accepted.
    List { between: String, prefix: String, several: bool },
}

/// The parts of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read<'h> {
    /// At least one, none of them empty.
    pub signatures: Vec<&'h str>,
    /// Where the grammar has a key for it.
    pub time: Option<&'h str>,
    /// Other pairs.
    pub others: Vec<(&'h str, &'h str)>,
}

impl Grammar {
    pub fn read<'h>(&self, header: &'h str) -> Result<Read<'h>, Refusal> {
        let read = match self {
            Grammar::Raw { prefix, optional } => {
                let bare = header.strip_prefix(prefix.as_str());
                let signature = if *optional { bare.unwrap_or(header) } else { bare.ok_or(Refusal::Malformed)? };
                Read { signatures: vec![signature], time: None, others: Vec::new() }
            }
            Grammar::Pairs { .. } => self.read_pairs(header)?,
            Grammar::List { between, prefix, several } => {
                let elements = || header.split(between.as_str());
                if elements().any(str::is_empty) {
                    return Err(Refusal::Malformed);
                }
                let signatures: Vec<&str> = elements().filter_map(|one| one.strip_prefix(prefix.as_str())).collect();
                if signatures.len() > 1 && !several {
                    return Err(Refusal::Repeated);
                }
                Read { signatures, time: None, others: Vec::new() }
            }
        };
        match read.signatures.len() {
            1..=SIGNATURES_MAX if read.signatures.iter().all(|signature| !signature.is_empty()) => Ok(read),
            _ => Err(Refusal::Malformed),
        }
    }

    fn read_pairs<'h>(&self, header: &'h str) -> Result<Read<'h>, Refusal> {
        let Grammar::Pairs { between, inside, time: time_key, signature: signature_key, several, .. } = self else {
            return Err(Refusal::Malformed);
        };
        let mut read = Read { signatures: Vec::new(), time: None, others: Vec::new() };
        for pair in header.split(between.as_str()) {
            let (key, value) = pair.split_once(inside.as_str()).ok_or(Refusal::Malformed)?;
            if key == signature_key {
                read.signatures.push(value);
            } else if time_key.as_deref() != Some(key) {
                read.others.push((key, value));
            } else if read.time.replace(value).is_some() {
                return Err(Refusal::Repeated);
            }
        }
        if read.signatures.len() > 1 && !several {
            return Err(Refusal::Repeated);
        }
        if time_key.is_some() && read.time.is_none() {
            return Err(Refusal::BadTimestamp);
        }
        Ok(read)
    }

    /// The header that holds one signature: [`Self::read`] the other way round.
    pub fn write(&self, signature: &str, time: &str) -> String {
        match self {
            Grammar::Raw { prefix, .. } | Grammar::List { prefix, .. } => format!("{prefix}{signature}"),
            Grammar::Pairs { between, inside, time: key, signature: name, others, .. } => {
                let time = key.iter().map(|key| (key.as_str(), time));
                let others = others.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                let pairs = time.chain(others).chain([(name.as_str(), signature)]);
                pairs.map(|(key, value)| format!("{key}{inside}{value}")).collect::<Vec<_>>().join(between)
            }
        }
    }

    /// Pairs that the message names, as [`Self::write`] writes them.
    pub fn written_pairs(&self) -> Vec<(&str, &str)> {
        match self {
            Grammar::Pairs { others, .. } => others.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            Grammar::Raw { .. } | Grammar::List { .. } => Vec::new(),
        }
    }
}
