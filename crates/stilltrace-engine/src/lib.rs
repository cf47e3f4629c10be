//! Turns a platform and samples into a ranked diagnosis.
//!
//! Pure: no I/O, no clock, no randomness, and the same input gives the same output. The order of
//! reading is the order of work: [`hypotheses()`] says what could be the cause, [`plan()`] which
//! evidence would tell, and [`diagnose()`] finds the symptom ([`symptom`]), where it sits
//! ([`localise`]), how well each hypothesis fits ([`weigh`]), decides ([`decide`]), and lays the
//! answer out from the symptom down to the owner ([`chain`]).
//!
//! No mechanism is known here by name: they come from the catalog and are treated alike. The only
//! names of its own are the causes outside the platform ([`innocent`]).

mod chain;
mod decide;
mod diagnose;
mod fix;
mod hypothesis;
mod innocent;
mod kernel;
mod localise;
mod measure;
mod plan;
mod reach;
mod rejected;
mod say;
mod statistics;
mod superseded;
mod symptom;
mod weigh;

pub use diagnose::diagnose;
pub use hypothesis::{Hypothesis, Trigger, hypotheses};
pub use plan::plan;

/// Version of the reasoning, part of every report: it changes when the same evidence may be judged
/// differently.
pub const RULES_VERSION: &str = "1";
