//! What several subcommands take: headers and bodies as they are written on a command line.

use crate::examples::{Failure, WrittenBody};

/// `name: value`, each.
pub(super) fn headers(written: &[String]) -> Result<Vec<(&str, &str)>, Failure> {
    let split = written.iter().map(|header| {
        let split = header.split_once(':');
        let (name, value) = split.ok_or_else(|| Failure(format!("`{header}` is not a header; write 'name: value'")))?;
        Ok((name.trim(), value.trim()))
    });
    split.collect()
}

/// A body, or `@` and the file that it is in. Without a content-type header it is JSON.
pub(super) fn body(data: &str) -> Result<WrittenBody, Failure> {
    let bytes = match data.strip_prefix('@') {
        Some(file) => std::fs::read(file).map_err(|error| Failure(format!("cannot read {file}: {error}")))?.into(),
        None => data.to_owned().into(),
    };
    Ok(WrittenBody { bytes, content_type: Some("application/json") })
}
