//! The command line follows.

fn main() {}
