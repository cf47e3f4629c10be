//! From a virtual service to the routes that a proxy tries for its hosts.

use stilltrace_model::{Destination, HashKey, Mirror, Retries, Route, ServiceId, Setting, Target};

use crate::defaults;
use crate::hosts;
use crate::http_rule::HttpRule;
use crate::matching::{Caller, Match};
use crate::virtual_service::VirtualService;
use crate::wanted::Wanted;

/// What a proxy knows about destinations.
pub(crate) trait Lookup {
    /// The service port or subset that a destination means.
    fn target(&self, wanted: &Wanted) -> Target;
    /// What requests to a destination are hashed by.
    fn hash(&self, wanted: &Wanted) -> Hashing;
}

/// How requests to a destination are spread.
pub(crate) enum Hashing {
    /// Not by a hash.
    None,
    /// By a hash of something.
    By(Setting<HashKey>),
    /// By a hash that names nothing to hash.
    Empty,
}

/// What a destination host means when no service has it.
pub(crate) fn unknown_service(host: &str) -> ServiceId {
    let (name, namespace) = hosts::service_parts(host).unwrap_or((host, ""));
    ServiceId::new(namespace, name)
}

/// The routes of `service` that apply to `caller`, in the order in which its proxy tries them.
///
/// Empty when none is meant for this caller: the virtual service then does not claim the host.
pub(crate) fn routes(
    service: &VirtualService<'_>,
    caller: &Caller<'_>,
    lookup: &dyn Lookup,
) -> Vec<Route> {
    let mut found = Vec::new();
    for rule in &service.http {
        if rule.cases.is_empty() {
            found.push(build(rule, None, lookup));
            return found;
        }
        for case in rule.cases.iter().filter(|case| case.is_for(caller)) {
            found.push(build(rule, Some(case), lookup));
            if case.takes_everything() {
                return found;
            }
        }
    }
    found
}

fn build(rule: &HttpRule, case: Option<&Match>, lookup: &dyn Lookup) -> Route {
    let mut route = rule.route(case);
    let sent = rule
        .targets
        .iter()
        .map(|(wanted, weight)| Destination { to: lookup.target(wanted), weight: weight.clone() });
    route.destinations = sent.collect();
    let copied = rule
        .mirrors
        .iter()
        .map(|(wanted, percent)| Mirror { to: lookup.target(wanted), percent: percent.clone() });
    route.mirrors = copied.collect();
    let mut hashed = false;
    for (wanted, _) in &rule.targets {
        match lookup.hash(wanted) {
            Hashing::None => {}
            Hashing::By(key) => {
                hashed = true;
                route.hash.push(key);
            }
            Hashing::Empty => hashed = true,
        }
    }
    if hashed && rule.is_single && !rule.chooses_hosts {
        route.retries.other_hosts = Setting::default_of(false, defaults::HASHED);
    }
    route
}

/// The route that a service port gets by itself.
pub(crate) fn plain(service: ServiceId, host: String, port: u16, retries: Retries) -> Route {
    let destination = Destination {
        to: Target::implied(service, host, port, defaults::OWN_ROUTE),
        weight: Setting::default_of(100, defaults::SINGLE),
    };
    Route::towards(vec![destination], Setting::default_of(None, defaults::ISTIO), retries)
}
