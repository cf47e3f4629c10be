//! Routes: parents, rules, backends and limits.

use super::{filters, matches, port_of_service, rivals, target, text_or};
use crate::admission::check::Check;
use crate::admission::values;
use crate::field::Field;
use crate::value;

/// How many conditions all rules of a route may have together.
const MOST_MATCHES: usize = 128;

/// Judges `spec` of an `HTTPRoute`.
pub(in crate::admission) fn http(spec: &Field<'_>, check: &mut Check<'_>) {
    of_requests(spec, check, |rule, check| {
        let redirect =
            rule.list("filters").into_iter().find(|f| f.get("requestRedirect").is_some());
        if let Some(redirect) = redirect
            && values::has_items(rule, "backendRefs")
        {
            check.refuse(&redirect, "a redirect cannot stand beside backendRefs");
        }
        prefixes(rule, check);
        for condition in rule.list("matches") {
            if let Some(path) = condition.block("path") {
                matches::path(&path, check);
            }
        }
        timeouts(rule, check);
    });
}

/// Judges `spec` of a `GRPCRoute`.
pub(in crate::admission) fn grpc(spec: &Field<'_>, check: &mut Check<'_>) {
    of_requests(spec, check, |rule, check| {
        for condition in rule.list("matches") {
            if let Some(method) = condition.block("method") {
                matches::method(&method, check);
            }
        }
    });
}

/// Judges what routes of requests have in common, and what `own` says of each rule.
fn of_requests(spec: &Field<'_>, check: &mut Check<'_>, own: impl Fn(&Field<'_>, &mut Check<'_>)) {
    parents(spec, check);
    let rules = spec.list("rules");
    count_matches(spec, &rules, check);
    for rule in &rules {
        backends(rule, check);
        filters::judge(rule, check);
        own(rule, check);
    }
}

/// Judges `spec` of a `TCPRoute`.
pub(in crate::admission) fn tcp(spec: &Field<'_>, check: &mut Check<'_>) {
    parents(spec, check);
    for rule in spec.list("rules") {
        backends(&rule, check);
    }
}

/// Judges `spec` of a `TLSRoute`.
pub(in crate::admission) fn tls(spec: &Field<'_>, check: &mut Check<'_>) {
    tcp(spec, check);
}

/// References to one parent must name different parts of it: all or none of them a section.
fn parents(spec: &Field<'_>, check: &mut Check<'_>) {
    const GROUP: &str = "gateway.networking.k8s.io";
    let port = |field: &Field<'_>| field.get("port").as_ref().and_then(values::number);
    let clash = |a: &Field<'_>, b: &Field<'_>| {
        let section = |field| text_or(field, "sectionName", "");
        let ports = port(a).is_some() != port(b).is_some() || port(a) == port(b);
        target(a, GROUP, "Gateway") == target(b, GROUP, "Gateway")
            && (section(a).is_empty() != section(b).is_empty() || section(a) == section(b) && ports)
    };
    let message = "references to one parent need different sectionNames";
    rivals(&spec.list("parentRefs"), clash, message, check);
}

/// The API server fills in one condition for rules of an `HTTPRoute` without any.
fn count_matches(spec: &Field<'_>, rules: &[Field<'_>], check: &mut Check<'_>) {
    let implied = usize::from(check.source().id.kind == "HTTPRoute");
    let of =
        |rule: &Field<'_>| rule.get("matches").map_or(implied, |list| list.node().items().len());
    if rules.iter().map(of).sum::<usize>() > MOST_MATCHES {
        check.refuse(spec, format!("all rules together have more than {MOST_MATCHES} matches"));
    }
}

fn backends(rule: &Field<'_>, check: &mut Check<'_>) {
    for backend in rule.list("backendRefs") {
        port_of_service(&backend, check);
        filters::judge(&backend, check);
    }
}

/// A prefix can be replaced only where there is exactly one condition, and it is for a prefix.
fn prefixes(rule: &Field<'_>, check: &mut Check<'_>) {
    let conditions = rule.list("matches");
    let is_prefix = |condition: &Field<'_>| {
        let path = condition.get("path");
        path.is_none_or(|path| text_or(&path, "type", "PathPrefix") == "PathPrefix")
    };
    // Without any, the API server fills in one for every path.
    let fits = match conditions.as_slice() {
        [] => rule.get("matches").is_none(),
        [only] => is_prefix(only),
        _ => false,
    };
    let own = rule.list("filters").into_iter().find(filters::replaces_prefix);
    let of_backends = rule.list("backendRefs").into_iter();
    let of_backends: Vec<Field<'_>> = of_backends
        .filter_map(|backend| backend.list("filters").into_iter().find(filters::replaces_prefix))
        .collect();
    // The rule for backends looks for exactly one that does so.
    let judged =
        own.into_iter().chain(of_backends.first().filter(|_| of_backends.len() == 1).cloned());
    for filter in judged {
        if !fits {
            let message = "a prefix can be replaced only beside exactly one match, of a PathPrefix";
            let beside = ["matches", "backendRefs"].into_iter().filter_map(|key| rule.get(key));
            check.refuse_beside(&filter, beside, message);
        }
    }
}

/// One try cannot have more time than the whole request.
fn timeouts(rule: &Field<'_>, check: &mut Check<'_>) {
    let Some(block) = rule.block("timeouts") else { return };
    let time = |key: &str| {
        let field = block.get(key)?;
        value::duration(field.node().text()?)
    };
    let (Some(whole), Some(one)) = (time("request"), time("backendRequest")) else { return };
    if !whole.is_zero() && one > whole {
        check.refuse(&block, "backendRequest cannot be longer than request");
    }
}
