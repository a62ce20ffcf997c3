//! Which patterns a request fits: hosts, path patterns, and globs on headers and query parameters.
//!
//! Pure look-ups over compiled patterns; what stands behind a pattern is the caller's ([`crate::route`]).

mod glob;
mod host;
mod path;

pub use glob::Glob;
pub use host::{HostPattern, HostPatternError, Hosts};
pub use path::{PathError, PathPattern, PathPatternError, PathTree, decode_segment};

#[cfg(test)]
mod tests;
