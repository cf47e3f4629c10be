//! References to backends: which service a route means, and what it is told where it may not.
//!
//! Istio's `buildDestination`, release 1.31.

use stilltrace_model::{Setting, Target};

use super::route::Context;
use crate::defaults;
use crate::field::Field;
use crate::hosts;
use crate::wanted::Wanted;

/// A backend with its share of requests.
pub(super) type Weighted = (Wanted, Setting<u32>);

/// What a list of `backendRefs` comes to.
pub(super) enum Backends<'a> {
    /// No reference has a share, so that every request is refused.
    None,
    /// The references with a share, as a single one gets everything, and the services behind them.
    Some(Vec<(Field<'a>, Weighted)>),
}

/// A reference that makes Istio drop the whole route object.
pub(super) struct Unusable;

/// Reads `backendRefs` of a rule.
pub(super) fn read<'a>(
    context: &Context<'_, 'a>,
    rule: &Field<'a>,
    guarded: bool,
) -> Result<Backends<'a>, Unusable> {
    let weight = |item: &Field<'a>| match item.get("weight") {
        Some(field) => field.count().map_or_else(unweighted, |count| field.setting(count)),
        None => unweighted(),
    };
    let items: Vec<(Field<'a>, Setting<u32>)> = rule
        .list("backendRefs")
        .into_iter()
        .map(|item| (item.clone(), weight(&item)))
        .filter(|(_, weight)| weight.value > 0)
        .collect();
    if items.is_empty() {
        return Ok(Backends::None);
    }
    let single = items.len() == 1;
    let mut found = Vec::new();
    for (item, weight) in items {
        let wanted = wanted(context, &item, guarded)?;
        let share = match weight {
            weight if !single => weight,
            weight if weight.is_written() => weight.map(|_| 100),
            _ => Setting::default_of(100, defaults::SINGLE),
        };
        found.push((item, (wanted, share)));
    }
    Ok(Backends::Some(found))
}

fn unweighted() -> Setting<u32> {
    Setting::default_of(1, defaults::GATEWAY_API)
}

/// Where a mirror copies requests to; `None` where it copies none: its backend may not be used or
/// does not exist.
pub(super) fn mirror(
    context: &Context<'_, '_>,
    reference: &Field<'_>,
    guarded: bool,
) -> Result<Option<Wanted>, Unusable> {
    let wanted = wanted(context, reference, guarded)?;
    if wanted.host == Target::UNKNOWN {
        return Ok(None);
    }
    let namespace = reference.source().namespace();
    let known = context.facts.callees.iter().any(|callee| {
        callee.host == wanted.host && (callee.kubernetes || callee.visibility.includes(namespace))
    });
    if !known {
        reference.report(&format!("a service that exists; {} does not", wanted.host));
    }
    Ok(known.then_some(wanted))
}

/// The service that a reference means. Where the route is one of a gateway (`guarded`), references
/// to other namespaces need a grant; without one, requests are answered with status 500.
pub(super) fn wanted(
    context: &Context<'_, '_>,
    reference: &Field<'_>,
    guarded: bool,
) -> Result<Wanted, Unusable> {
    let text = |key: &str| reference.get(key).and_then(|field| field.text());
    let route = reference.source();
    let name = text("name").unwrap_or_default();
    let group = text("group").unwrap_or_default();
    let kind = text("kind").unwrap_or("Service");
    let namespace = text("namespace").unwrap_or(route.namespace());
    let foreign = namespace != route.namespace();
    let from = (route.id.kind.as_str(), route.namespace());
    if guarded && foreign && !context.grants.allow(from, group, kind, (namespace, name)) {
        route.gaps.add(
            format!(
                "{}: {}: no ReferenceGrant in {namespace} lets it send to {kind} {name}",
                reference.origin(),
                route.id
            ),
            "the gateway answers these requests with 500",
            format!(
                "add a ReferenceGrant to {namespace} for {} objects of {}",
                route.id.kind,
                route.namespace()
            ),
        );
        return Ok(nowhere(reference));
    }
    let host = match (group, kind) {
        ("", "Service") | ("multicluster.x-k8s.io", "ServiceImport") => {
            if name.contains('.') && kind == "Service" {
                return refuse(reference, "the name of a Service without its namespace");
            }
            hosts::service(name, namespace)
        }
        ("networking.istio.io", "Hostname") => {
            if reference.get("namespace").is_some() {
                return refuse(reference, "a Hostname without a namespace");
            }
            name.to_owned()
        }
        _ => {
            reference.report(
                "a Service, ServiceImport or Hostname; Istio answers requests to others with 500",
            );
            return Ok(nowhere(reference));
        }
    };
    let Some(port) = reference.get("port") else {
        return refuse(reference, "a backend with a port");
    };
    let host_origin =
        reference.get("name").map_or_else(|| reference.origin(), |name| name.origin());
    Ok(Wanted {
        host,
        host_origin,
        port: port.port().map(|number| (number, port.origin())),
        subset: None,
    })
}

/// Reports a reference for which Istio drops the object's routes.
fn refuse(reference: &Field<'_>, expected: &str) -> Result<Wanted, Unusable> {
    reference.report(&format!("{expected}; Istio drops all routes of the object"));
    Err(Unusable)
}

/// The cluster that no proxy has.
fn nowhere(reference: &Field<'_>) -> Wanted {
    Wanted {
        host: Target::UNKNOWN.to_owned(),
        host_origin: reference.origin(),
        port: None,
        subset: None,
    }
}
