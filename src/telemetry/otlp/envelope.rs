//! What stands around records: who says it (the resource) and what code (the scope).

use super::wire::Message;

/// `resource_spans`, `resource_metrics` and `resource_logs` have the same shape, with the same numbers.
#[derive(Clone)]
pub struct Envelope {
    /// The field `resource`, written.
    resource: Vec<u8>,
}

const RESOURCES: u64 = 1;
const SCOPES: u64 = 2;
const SCHEMA_URL: u64 = 3;

/// What the names of attributes are from.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

impl Envelope {
    pub fn new(attributes: &[(String, String)]) -> Envelope {
        let mut resource = Vec::new();
        Message::new(&mut resource).nested(1, |resource| {
            let mut written = resource.attributes(1);
            attributes.iter().for_each(|(key, value)| written.text(key, value));
        });
        Envelope { resource }
    }

    /// A whole request with these records, which carry their own field numbers.
    pub fn around(&self, records: &[Vec<u8>]) -> Vec<u8> {
        let length: usize = records.iter().map(Vec::len).sum();
        let mut out = Vec::with_capacity(length + self.resource.len() + 256);
        Message::new(&mut out).nested(RESOURCES, |resources| {
            resources.raw(&self.resource);
            resources.nested(SCOPES, |scope| {
                scope.nested(1, |scope| {
                    scope.text(1, env!("CARGO_PKG_NAME"));
                    scope.text(2, env!("CARGO_PKG_VERSION"));
                });
                records.iter().for_each(|record| scope.raw(record));
                scope.text(SCHEMA_URL, SCHEMA);
            });
            resources.text(SCHEMA_URL, SCHEMA);
        });
        out
    }
}
