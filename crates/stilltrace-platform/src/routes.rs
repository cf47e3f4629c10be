//! From a virtual service to the routes that a proxy tries for one host and port.

use std::time::Duration;

use stilltrace_model::{Destination, FaultRule, Mirror, Retries, Route, ServiceId, Setting};

use crate::defaults;
use crate::field::Field;
use crate::hosts;
use crate::matching::{Caller, Match};
use crate::retries;
use crate::virtual_service::{HttpRoute, VirtualService, target};

/// Resolves hosts of destinations.
pub(crate) trait Resolve {
    /// The service behind a host.
    fn service(&self, host: &str) -> ServiceId;
    /// The port that a destination without a port means.
    fn implied_port(&self, host: &str) -> u16;
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
    mesh_retries: Option<&Field<'_>>,
    resolve: &dyn Resolve,
) -> Vec<Route> {
    let mut found = Vec::new();
    for entry in &service.http {
        if entry.matches.is_empty() {
            found.push(build(service, entry, None, mesh_retries, resolve));
            return found;
        }
        for condition in entry.matches.iter().filter(|condition| condition.is_for(caller)) {
            found.push(build(service, entry, Some(condition), mesh_retries, resolve));
            if condition.takes_everything() {
                return found;
            }
        }
    }
    found
}

/// The route that a service port gets by itself.
pub(crate) fn plain(service: &ServiceId, port: u16, retries: Retries) -> Route {
    Route {
        object: None,
        name: String::new(),
        matches: Vec::new(),
        destinations: vec![Destination {
            service: service.clone(),
            port,
            subset: None,
            weight: Setting::default_of(100, defaults::SINGLE),
        }],
        timeout: Setting::default_of(None, defaults::ISTIO),
        retries,
        fault: None,
        mirrors: Vec::new(),
    }
}

fn build(
    service: &VirtualService<'_>,
    entry: &HttpRoute<'_>,
    condition: Option<&Match>,
    mesh_retries: Option<&Field<'_>>,
    resolve: &dyn Resolve,
) -> Route {
    let name = match condition.map(Match::name) {
        None | Some("") => entry.name.clone(),
        Some(name) => format!("{}.{name}", entry.name),
    };
    let answers_itself = entry.redirect.is_some() || entry.direct_response.is_some();
    let forwards = !answers_itself;
    Route {
        object: Some(service.source.origin()),
        name,
        matches: condition.map(Match::print).unwrap_or_default(),
        destinations: if forwards { destinations(entry, resolve) } else { Vec::new() },
        timeout: timeout(entry),
        retries: retries::read(entry.retries.as_ref(), mesh_retries),
        fault: entry.fault.as_ref().and_then(fault),
        mirrors: if forwards { mirrors(entry, resolve) } else { Vec::new() },
    }
}

/// Time for the whole request; `0s` switches the limit off.
fn timeout(entry: &HttpRoute<'_>) -> Setting<Option<Duration>> {
    let written = entry.timeout.as_ref().and_then(|field| Some((field, field.duration()?)));
    match written {
        Some((field, time)) => field.setting((!time.is_zero()).then_some(time)),
        None => Setting::default_of(None, defaults::ISTIO),
    }
}

/// Targets with their weights. The weight of a single target does not count; of several, those
/// without weight get nothing.
fn destinations(entry: &HttpRoute<'_>, resolve: &dyn Resolve) -> Vec<Destination> {
    let single = entry.destinations.len() == 1;
    let mut found = Vec::new();
    for item in &entry.destinations {
        let Some(destination) = item.get("destination") else { continue };
        let Some((host, port)) = target(&destination) else { continue };
        let written = item.get("weight").and_then(|field| field.count().map(|n| field.setting(n)));
        let weight = match written {
            Some(weight) if single => weight.map(|_| 100),
            None if single => Setting::default_of(100, defaults::SINGLE),
            Some(weight) if weight.value > 0 => weight,
            _ => continue,
        };
        let subset = destination.get("subset").and_then(|field| field.text());
        found.push(Destination {
            service: resolve.service(&host),
            port: port.unwrap_or_else(|| resolve.implied_port(&host)),
            subset: subset.filter(|name| !name.is_empty()).map(str::to_owned),
            weight,
        });
    }
    found
}

/// Injected faults. Without a percentage nothing is injected.
fn fault(block: &Field<'_>) -> Option<FaultRule> {
    let percent = |kind: &Field<'_>| {
        let written = kind.at(&["percentage", "value"]).or_else(|| kind.get("percent"));
        written.and_then(|field| field.percent()).unwrap_or(0.0)
    };
    let delay = block.get("delay").and_then(|kind| {
        let field = kind.get("fixedDelay")?;
        Some((field.setting(field.duration()?), percent(&kind)))
    });
    let abort = block.get("abort").and_then(|kind| {
        let field = kind.get("httpStatus")?;
        Some((field.setting(u16::try_from(field.count()?).ok()?), percent(&kind)))
    });
    (delay.is_some() || abort.is_some()).then_some(FaultRule { delay, abort })
}

/// Copies of requests. Without a percentage every request is copied; zero copies none.
fn mirrors(entry: &HttpRoute<'_>, resolve: &dyn Resolve) -> Vec<Mirror> {
    let mut wanted = Vec::new();
    if let Some(mirror) = &entry.mirror {
        wanted.push((mirror.clone(), entry.mirror_percent.clone()));
    }
    for item in entry.mirrors.iter().flat_map(Field::items) {
        if let Some(destination) = item.get("destination") {
            let percent = item.at(&["percentage", "value"]).or_else(|| item.get("percentage"));
            wanted.push((destination, percent));
        }
    }
    let mut found = Vec::new();
    for (destination, percent) in wanted {
        let Some((host, port)) = target(&destination) else { continue };
        let percent = match &percent {
            // A percentage block without a value says zero.
            Some(field) if !field.node().entries().is_empty() => field.setting(0.0),
            Some(field) => field.setting(field.percent().unwrap_or(0.0)),
            None => Setting::default_of(100.0, defaults::ISTIO),
        };
        if percent.value > 0.0 {
            found.push(Mirror {
                destination: resolve.service(&host),
                port: port.unwrap_or_else(|| resolve.implied_port(&host)),
                percent,
            });
        }
    }
    found
}
