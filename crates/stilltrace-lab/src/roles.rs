//! The processes of a lab: hidden subcommands of its one binary.

pub mod exec;
pub mod exporter;
pub mod git_http;
pub mod load;
pub mod sample;
pub mod svc;
