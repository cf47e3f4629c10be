//! Several objects that give one host its ports, endpoints and protocols, and entries whose endpoints
//! callers dial, against recorded answers of Istio's own control plane: every folder of
//! `tests/service_names` asks one question.

#![allow(clippy::disallowed_methods, reason = "the test reads its cases from disk")]

mod recorded;
mod settings_diff;

#[test]
fn one_question_cases_are_what_istio_answered() {
    recorded::equal_istio("service_names");
}
