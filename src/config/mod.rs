//! Text to specs: reading a folder, YAML with positions, JSON Schemas, and where in a file a mistake is.

pub mod folder;
mod load;
pub mod report;
mod resolve;
pub mod schema;
pub mod spec;
pub mod units;
pub mod yaml;

pub use load::{Loaded, Place, Sources, Written, load};
pub use resolve::{duration, plain, rate, scalar, secret, size};
