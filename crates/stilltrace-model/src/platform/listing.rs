//! Every setting of an edge by name, for comparing revisions.

mod policy;

use std::{collections::BTreeMap, time::Duration};

use super::{Edge, Retries, Route, Target};
use crate::{Origin, Setting};

type Listed<'a> = (String, String, &'a Origin);

impl Edge {
    /// Every setting that can differ between revisions: name, printed value, origin.
    ///
    /// The first route's names are bare (`timeout`); a later route's carry its index or name
    /// (`route[canary].timeout`). Names of subsets' settings start with `subset[NAME].`.
    pub fn settings(&self) -> Vec<Listed<'_>> {
        let mut all = Vec::new();
        for (index, route) in self.routes.iter().enumerate() {
            let prefix = match (index, route.name.as_str()) {
                (0, _) => String::new(),
                (_, "") => format!("route[{index}]."),
                (_, name) => format!("route[{name}]."),
            };
            list_route(&prefix, route, &mut all);
        }
        policy::list("", &self.policy, &mut all);
        for (name, (labels, policy)) in self.subsets.as_ref() {
            let prefix = format!("subset[{name}].");
            push(&mut all, &prefix, "labels", labels, pairs);
            policy::list(&prefix, policy, &mut all);
        }
        all
    }
}

fn list_route<'a>(prefix: &str, route: &'a Route, all: &mut Vec<Listed<'a>>) {
    push(all, prefix, "timeout", &route.timeout, duration);
    list_retries(prefix, &route.retries, all);
    for destination in &route.destinations {
        let name = format!("weight[{}]", target(&destination.to));
        push(all, prefix, &name, &destination.weight, ToString::to_string);
    }
    if let Some(fault) = &route.fault {
        if let Some(delay) = &fault.delay {
            push(all, prefix, "fault.delay", &delay.fault, |delay| show(*delay));
            push(all, prefix, "fault.delay.percentage", &delay.percent, percent);
        }
        if let Some(abort) = &fault.abort {
            push(all, prefix, "fault.abort", &abort.fault, ToString::to_string);
            push(all, prefix, "fault.abort.percentage", &abort.percent, percent);
        }
    }
    for mirror in &route.mirrors {
        push(all, prefix, &format!("mirror[{}]", mirror.to.service), &mirror.percent, percent);
    }
    list_changes(prefix, route, all);
}

/// All of them; what Envoy is told (`envoy_retry_on`, `status_codes`) follows from `retry_on`.
fn list_retries<'a>(prefix: &str, retries: &'a Retries, all: &mut Vec<Listed<'a>>) {
    let Retries {
        attempts,
        per_try_timeout,
        retry_on,
        envoy_retry_on: _,
        status_codes: _,
        backoff,
        other_hosts,
        remote_localities,
    } = retries;
    push(all, prefix, "retries.attempts", attempts, ToString::to_string);
    push(all, prefix, "retries.perTryTimeout", per_try_timeout, duration);
    push(all, prefix, "retries.retryOn", retry_on, |on| on.join(","));
    if backoff.is_written() {
        push(all, prefix, "retries.backoff", backoff, duration);
    }
    let flags = [("IgnorePreviousHosts", other_hosts), ("RemoteLocalities", remote_localities)];
    for (name, flag) in flags.into_iter().filter(|(_, flag)| flag.is_written()) {
        push(all, prefix, &format!("retries.retry{name}"), flag, ToString::to_string);
    }
}

/// What a route answers by itself or changes on the way.
fn list_changes<'a>(prefix: &str, route: &'a Route, all: &mut Vec<Listed<'a>>) {
    if let Some(answer) = &route.answer {
        push(all, prefix, "answer", answer, ToString::to_string);
    }
    if let Some(rewrite) = &route.rewrite {
        push(all, prefix, "rewrite.uri", rewrite, ToString::to_string);
    }
    if let Some(host) = &route.rewrite_host {
        push(all, prefix, "rewrite.authority", host, Clone::clone);
    }
    for hash in &route.hash {
        push(all, prefix, "consistentHash", hash, ToString::to_string);
    }
}

/// `service|subset`, with `*` for all pods.
fn target(target: &Target) -> String {
    format!("{}|{}", target.service, target.subset.as_deref().unwrap_or("*"))
}

fn push<'a, T>(
    all: &mut Vec<Listed<'a>>,
    prefix: &str,
    name: &str,
    setting: &'a Setting<T>,
    text: impl Fn(&T) -> String,
) {
    all.push((format!("{prefix}{name}"), text(&setting.value), &setting.origin));
}

fn percent(value: &f64) -> String {
    format!("{value}%")
}

/// Labels as a selector on the command line writes them.
fn pairs(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

fn limit(value: &Option<u32>) -> String {
    value.map_or_else(|| "unset".to_owned(), |value| value.to_string())
}

fn duration(value: &Option<Duration>) -> String {
    value.map_or_else(|| "unset".to_owned(), show)
}

/// A duration as people write it in manifests: `100ms`, `1.5s`, `90s`, `10m`, `1h`.
fn show(value: Duration) -> String {
    let millis = value.as_millis();
    if millis > 0 && millis.is_multiple_of(3_600_000) {
        format!("{}h", millis / 3_600_000)
    } else if millis >= 120_000 && millis.is_multiple_of(60_000) {
        format!("{}m", millis / 60_000)
    } else if millis.is_multiple_of(1_000) {
        format!("{}s", millis / 1_000)
    } else if millis < 1_000 {
        format!("{millis}ms")
    } else {
        format!("{}s", value.as_secs_f64())
    }
}
