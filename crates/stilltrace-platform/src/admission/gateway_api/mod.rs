//! What the API server refuses of the Gateway API beyond the structure of objects: the rules across
//! fields (`x-kubernetes-validations`) of its custom resources, release 1.6.
//!
//! The standard and the experimental channel differ in a few rules; only what both refuse is refused
//! here. Rules for parts that Istio does not read are left out.

mod backend_tls;
mod filters;
mod gateway;
mod matches;
mod route;

use super::check::Check;
use crate::field::Field;

pub(super) use backend_tls::judge as backend_tls_policy;
pub(super) use gateway::judge as gateway;
pub(super) use route::{grpc, http, tcp, tls};

/// The text of a field, or what the schema fills in.
fn text_or<'a>(field: &Field<'a>, key: &str, default: &'a str) -> &'a str {
    field.get(key).and_then(|field| field.node().text()).unwrap_or(default)
}

/// What a reference points at: group, kind, name and namespace as written.
fn target<'a>(reference: &Field<'a>, group: &'a str, kind: &'a str) -> [&'a str; 4] {
    [
        text_or(reference, "group", group),
        text_or(reference, "kind", kind),
        text_or(reference, "name", ""),
        text_or(reference, "namespace", ""),
    ]
}

/// A service needs a port.
fn port_of_service(reference: &Field<'_>, check: &mut Check<'_>) {
    let [group, kind, ..] = target(reference, "", "Service");
    if group.is_empty() && kind == "Service" && reference.get("port").is_none() {
        check.refuse(reference, "a reference to a Service needs a port");
    }
}

/// Refuses every item of a list that an earlier one makes impossible.
fn rivals(
    items: &[Field<'_>],
    clash: impl Fn(&Field<'_>, &Field<'_>) -> bool,
    message: &str,
    check: &mut Check<'_>,
) {
    for (index, item) in items.iter().enumerate() {
        let known = items.iter().take(index).filter(|earlier| !earlier.holds_variable());
        if known.into_iter().any(|earlier| clash(earlier, item)) {
            check.refuse(item, message);
        }
    }
}
