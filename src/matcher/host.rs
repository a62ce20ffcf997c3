//! Host names: exact ones first, then wildcards (the longest first), then none at all.

use std::collections::HashMap;

/// `hooks.example.com` or `*.example.com`; without port, any case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    Exact(String),
    /// Every name below this one; kept with its leading dot.
    Below(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    #[error("a host is a name without port, scheme or path")]
    NotAName,
    #[error("`*` may only stand for the first labels: `*.example.com`")]
    Wildcard,
}

impl HostPattern {
    pub fn parse(written: &str) -> Result<HostPattern, HostPatternError> {
        let lower = written.to_ascii_lowercase();
        let (below, name) = match lower.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, lower.as_str()),
        };
        if name.contains('*') {
            return Err(HostPatternError::Wildcard);
        }
        let bracketed = name.starts_with('[') && name.ends_with(']') && !below;
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        if name.is_empty() || name.starts_with('.') || !(plain || bracketed) {
            return Err(HostPatternError::NotAName);
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        Ok(if below { HostPattern::Below(format!(".{name}")) } else { HostPattern::Exact(name.to_owned()) })
    }
}

/// One `T` for each host pattern, and one for requests to any other host.
#[derive(Debug, Default)]
pub struct Hosts<T> {
    exact: HashMap<String, T>,
    /// Longest suffix first.
    below: Vec<(String, T)>,
    any: T,
}

impl<T: Default> Hosts<T> {
    /// The `T` of a pattern (`None`: any host), made when it is not there yet.
    pub fn entry(&mut self, pattern: Option<&HostPattern>) -> &mut T {
        match pattern {
            None => &mut self.any,
            Some(HostPattern::Exact(name)) => self.exact.entry(name.clone()).or_default(),
            Some(HostPattern::Below(suffix)) => {
                let place = match self.below.iter().position(|(known, _)| known == suffix) {
                    Some(place) => place,
                    None => {
                        let place = self.below.partition_point(|(known, _)| known.len() >= suffix.len());
                        self.below.insert(place, (suffix.clone(), T::default()));
                        place
                    }
                };
                // The place was found or made just now; `any` only stands in for what cannot be.
                self.below.get_mut(place).map_or(&mut self.any, |(_, value)| value)
            }
        }
    }

    /// All that fit a host, the most specific first. `host` is lower case and has no port.
    pub fn candidates<'t>(&'t self, host: &str) -> impl Iterator<Item = &'t T> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let fits = move |suffix: &str| host.len() > suffix.len() && host.ends_with(suffix);
        let below = self.below.iter().filter(move |(suffix, _)| fits(suffix)).map(|(_, value)| value);
        self.exact.get(host).into_iter().chain(below).chain(std::iter::once(&self.any))
    }
}
