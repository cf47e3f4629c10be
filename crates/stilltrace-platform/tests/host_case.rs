//! Hosts with upper-case letters, against recorded answers of Istio's own control plane: every
//! folder of `tests/host_case` asks where Istio tells the case of letters and where it does not.

#![allow(clippy::disallowed_methods, reason = "the test reads its cases from disk")]

mod recorded;
mod settings_diff;

#[test]
fn one_question_cases_are_what_istio_answered() {
    recorded::equal_istio("host_case");
}
