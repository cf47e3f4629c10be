//! Pods that the API server refuses for what their containers ask for.
//!
//! Rules of the API server's validation of resources (`ValidateContainerResourceRequirements`) and of
//! `PodValidateLimitFunc` of its `LimitRanger` admission, Kubernetes 1.36, for items of type
//! `Container`: a bound holds for every container, the injected proxy included, after the namespace's
//! defaults were filled in.

use std::fmt::Display;

use stilltrace_model::{ContainerId, Setting, Workload};

use super::LimitRanges;
use crate::field::Field;
use crate::resources::{Amount, Share};
use crate::workloads::Pods;

/// Names the first reason for each container.
pub(super) fn report(workload: &Workload, pods: &Pods<'_>, ranges: &LimitRanges<'_>) {
    let items = ranges.items(&pods.id.namespace);
    for one in &workload.containers {
        let judge = Judge { pods, container: &one.name, items };
        let _ = judge.judge(&one.cpu_limit, &one.cpu_request)
            || judge.judge(&one.memory_limit, &one.memory_request);
    }
    if let Some(proxy) = &workload.sidecar {
        let judge = Judge { pods, container: ContainerId::SIDECAR, items };
        let _ = judge.judge(&proxy.cpu_limit, &proxy.cpu_request)
            || judge.judge(&proxy.memory_limit, &proxy.memory_request);
    }
}

/// Judges one container.
struct Judge<'j, 'a> {
    pods: &'j Pods<'a>,
    container: &'j str,
    items: &'j [Field<'a>],
}

impl Judge<'_, '_> {
    /// Whether one resource of the container was found wrong.
    fn judge<T>(&self, limit: &Setting<Option<T>>, request: &Setting<Option<T>>) -> bool
    where
        T: Amount + Ord + Display,
    {
        let resource = T::KEY;
        let share = Share { limit: limit.clone(), request: request.clone() };
        if let (Some(most), Some(kept)) = (limit.value, request.value)
            && kept > most
        {
            let written = [&request.origin, &limit.origin].into_iter().find_map(|o| o.location());
            let place = written.map_or_else(String::new, |place| format!("{place}: "));
            self.tell(
                &format!("{place}{kept} of {resource} is requested and {most} is the limit"),
                &format!("request no more {resource} than the limit allows"),
            );
            return true;
        }
        self.items.iter().any(|item| self.breaks(item, &share))
    }

    /// Whether the share breaks a bound of the item.
    fn breaks<T: Amount + Ord + Display>(&self, item: &Field<'_>, share: &Share<T>) -> bool {
        let bound = |key: &str| item.at(&[key, T::KEY]);
        let found = bound("min").and_then(|field| below(field, share));
        let found = found.or_else(|| above(bound("max")?, share));
        let found = found.or_else(|| beyond(bound("maxLimitRequestRatio")?, share));
        let Some((field, why)) = found else { return false };
        let (mark, object, resource) = (&field.node().mark, &item.source().id, T::KEY);
        self.tell(
            &format!("{mark}: {object} wants {why} of {resource} for every container"),
            "write what the LimitRange allows, or change the LimitRange",
        );
        true
    }

    fn tell(&self, reason: &str, remedy: &str) {
        self.pods.source.gaps.add(
            format!("{reason}: container {} of {}", self.container, self.pods.source.id),
            "the API server refuses such pods: none starts, and those that run stay as they were",
            remedy,
        );
    }
}

/// A bound that is broken, and what it wants.
type Broken<'f> = Option<(Field<'f>, String)>;

/// `minConstraint`: a request is needed, and neither it nor the limit may be less.
fn below<'f, T: Amount + Ord + Display>(field: Field<'f>, share: &Share<T>) -> Broken<'f> {
    let least = T::read(&field)?;
    let (what, is) = match (share.request.value, share.limit.value) {
        (None, _) => ("request", None),
        (Some(request), _) if request < least => ("request", Some(request)),
        (_, Some(limit)) if limit < least => ("limit", Some(limit)),
        _ => return None,
    };
    Some((field, format!("at least {least}, not {},", shown(what, is))))
}

/// `maxConstraint`: a limit is needed, and neither it nor the request may be more.
fn above<'f, T: Amount + Ord + Display>(field: Field<'f>, share: &Share<T>) -> Broken<'f> {
    let most = T::read(&field)?;
    let limit = share.limit.value;
    let breaks = limit.is_none_or(|limit| limit > most);
    breaks.then(|| (field, format!("at most {most}, not {},", shown("limit", limit))))
}

/// `limitRequestRatioConstraint`: both are needed, and the limit is at most so many times the request.
fn beyond<'f, T: Amount + Ord + Display>(field: Field<'f>, share: &Share<T>) -> Broken<'f> {
    let text = field.text()?;
    let most: f64 = text.parse().ok()?;
    let why = match (share.limit.value, share.request.value) {
        (Some(limit), Some(request)) if request.number() > 0.0 && limit.number() > 0.0 => {
            let fits = limit.number() <= request.number() * most;
            (!fits).then(|| format!("{limit} beside {request}"))?
        }
        (limit, request) => format!("{} and {}", shown("limit", limit), shown("request", request)),
    };
    Some((field, format!("a limit of at most {text} times the request, not {why},")))
}

/// What a container has.
fn shown<T: Display>(what: &str, amount: Option<T>) -> String {
    amount.map_or_else(|| format!("no {what}"), |amount| format!("a {what} of {amount}"))
}
