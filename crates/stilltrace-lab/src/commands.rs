//! The subcommands that people use, one module each.

pub(crate) mod down;
pub(crate) mod moved;
pub(crate) mod publish;
pub(crate) mod record_all;
pub(crate) mod run;
pub(crate) mod score;
pub(crate) mod up;
