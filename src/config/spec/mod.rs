//! What a user may write, exactly: one type per YAML shape, no logic. The JSON Schemas in `schemas/` are generated
//! from these types. Strings are kept as written: `${env:…}`, `${file:…}` and `${EXPR}` are read by compile steps.

mod auth;
mod chain;
mod egress;
mod process;
mod route;
mod scalar;
mod secret;
mod target;
mod tests;
mod verify;

pub use auth::*;
pub use chain::*;
pub use egress::*;
pub use process::*;
pub use route::*;
pub use scalar::*;
pub use secret::*;
pub use target::*;
pub use tests::*;
pub use verify::*;

use indexmap::IndexMap;

/// A mapping in the order it was written.
pub type Ordered<T> = IndexMap<String, T>;
