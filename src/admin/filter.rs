//! Which events and deliveries somebody wants to see: the query of `/events`, `/deliveries` and their streams.
//!
//! All filters must fit. What is not understood is refused: a filter that is dropped would show what nobody asked for.

use crate::history::{DeliveryEntry, EventEntry, KEPT_MAX, Label};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    id: Option<String>,
    request_id: Option<String>,
    route: Option<String>,
    pub(super) target: Option<String>,
    /// One of them.
    outcomes: Vec<String>,
    /// One of them.
    statuses: Vec<StatusFilter>,
    /// Name, and value where it matters.
    labels: Vec<(String, Option<String>)>,
    /// In lower case.
    text: Option<String>,
    pub(super) limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatusFilter {
    Exactly(u16),
    /// 4 is 4xx.
    Class(u16),
    /// There was no answer.
    None,
}

/// Entries of an answer where nobody says how many.
const LIMIT: usize = 100;

impl Filter {
    /// # Errors
    /// What is wrong, for whoever asked.
    pub(super) fn parse(query: &str) -> Result<Filter, String> {
        let mut filter = Filter { limit: LIMIT, ..Filter::default() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            // A form sends the fields that nobody filled in, too.
            if value.is_empty() {
                continue;
            }
            match &*name {
                "id" => filter.id = Some(value.into_owned()),
                "request_id" => filter.request_id = Some(value.into_owned()),
                "route" => filter.route = Some(value.into_owned()),
                "target" => filter.target = Some(value.into_owned()),
                "outcome" => filter.outcomes.extend(value.split(',').map(|outcome| outcome.trim().to_owned())),
                "status" => {
                    for written in value.split(',') {
                        filter.statuses.push(StatusFilter::parse(written.trim())?);
                    }
                }
                "label" => filter.labels.push(match value.split_once(':') {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (value.into_owned(), None),
                }),
                "text" => filter.text = Some(value.to_lowercase()),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=KEPT_MAX).contains(limit));
                    filter.limit = limit.ok_or_else(|| format!("limit is a number from 1 to {KEPT_MAX}"))?;
                }
                _ => {
                    return Err(
                        "filters are id, request_id, route, target, outcome, status, label, text and limit".to_owned()
                    );
                }
            }
        }
        Ok(filter)
    }

    /// `id` is what the entry is called outside.
    pub(super) fn fits_delivery(&self, id: &str, entry: &DeliveryEntry) -> bool {
        let outcome = |wanted: &String| match wanted.as_str() {
            "failed" => !entry.succeeded(),
            wanted => wanted == entry.outcome,
        };
        self.id.as_ref().is_none_or(|wanted| wanted == id)
            && self.request_id.as_ref().is_none_or(|wanted| **wanted == *entry.request_id)
            && self.route.as_ref().is_none_or(|wanted| **wanted == *entry.route)
            && self.target.as_ref().is_none_or(|wanted| **wanted == *entry.target)
            && (self.outcomes.is_empty() || self.outcomes.iter().any(outcome))
            && (self.statuses.is_empty() || self.statuses.iter().any(|wanted| wanted.fits(entry.status())))
            && self.fits_labels(&entry.labels)
            && self.fits_text(|contains| {
                let texts = [&*entry.request_id, &entry.route, &entry.target, &entry.event_id, &entry.reason];
                let names = [&entry.chosen, &entry.dead_letter];
                texts.into_iter().chain(names.into_iter().flatten().map(|name| &**name)).any(contains)
                    || contains(entry.outcome)
                    || contains(&entry.trace_id.to_string())
                    || entry.labels.iter().any(|(name, value)| contains(name) || contains(value))
            })
    }

    /// `reached` says whether the event went to a target.
    pub(super) fn fits_event(&self, id: &str, entry: &EventEntry, reached: impl Fn(&str) -> bool) -> bool {
        let taken = || entry.asked.iter().any(|asked| asked.outcome == "taken");
        let outcome = |wanted: &String| match wanted.as_str() {
            "taken" => taken(),
            wanted => wanted == entry.outcome,
        };
        let skipped = |target: &str| entry.skipped.iter().any(|skipped| &*skipped.target == target);
        self.id.as_ref().is_none_or(|wanted| wanted == id)
            && self.request_id.as_ref().is_none_or(|wanted| **wanted == *entry.request_id)
            && self.route.as_ref().is_none_or(|wanted| entry.asked.iter().any(|asked| *asked.route == **wanted))
            && self.target.as_ref().is_none_or(|wanted| skipped(wanted) || reached(wanted))
            && (self.outcomes.is_empty() || self.outcomes.iter().any(outcome))
            && (self.statuses.is_empty() || self.statuses.iter().any(|wanted| wanted.fits(Some(entry.status))))
            && self.fits_labels(&entry.labels)
            && self.fits_text(|contains| {
                let texts = [&*entry.request_id, &entry.path, entry.outcome, &entry.error];
                texts.into_iter().any(contains)
                    || contains(&entry.trace_id.to_string())
                    || contains(&entry.client_ip.to_string())
                    || entry.asked.iter().any(|asked| contains(&asked.route) || contains(&asked.reason))
                    || entry.skipped.iter().any(|skipped| contains(&skipped.target) || contains(&skipped.reason))
                    || entry.labels.iter().any(|(name, value)| contains(name) || contains(value))
            })
    }

    fn fits_labels(&self, labels: &[Label]) -> bool {
        self.labels.iter().all(|(name, value)| {
            let fits = |label: &Label| *label.0 == **name && value.as_ref().is_none_or(|value| *value == label.1);
            labels.iter().any(fits)
        })
    }

    fn fits_text(&self, any: impl Fn(&dyn Fn(&str) -> bool) -> bool) -> bool {
        self.text.as_ref().is_none_or(|text| any(&|field| field.to_lowercase().contains(text)))
    }
}

impl StatusFilter {
    fn parse(written: &str) -> Result<StatusFilter, String> {
        let class = written.strip_suffix("xx").and_then(|class| class.parse().ok()).map(StatusFilter::Class);
        let exactly = || written.parse().ok().filter(|status| (100..=599).contains(status)).map(StatusFilter::Exactly);
        match class.filter(|class| matches!(class, StatusFilter::Class(1..=5))).or_else(exactly) {
            Some(filter) => Ok(filter),
            None if written == "none" => Ok(StatusFilter::None),
            None => Err("a status is one as 502, a class as 5xx, or none".to_owned()),
        }
    }

    fn fits(self, status: Option<u16>) -> bool {
        match self {
            StatusFilter::Exactly(wanted) => status == Some(wanted),
            StatusFilter::Class(class) => status.is_some_and(|status| status / 100 == class),
            StatusFilter::None => status.is_none(),
        }
    }
}

#[cfg(test)]
mod tests;
