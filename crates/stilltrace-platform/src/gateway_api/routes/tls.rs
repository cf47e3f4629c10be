//! `TLSRoute`: Istio's `TLSRouteCollection`, release 1.31.

use super::connections;
use crate::connections::{Connections, Meeting};
use crate::gateway_api::GROUP;
use crate::gateway_api::listener::MADE;
use crate::gateway_api::merge::{Made, destination};
use crate::gateway_api::parent::{self, Parent};
use crate::gateway_api::route::{self, Context};
use crate::hosts;
use crate::source::Source;
use crate::virtual_service::VirtualService;

/// The virtual services of all objects: one for every host of every attachment.
pub(in crate::gateway_api) fn read<'a>(context: &Context<'_, 'a>) -> Vec<VirtualService<'a>> {
    let mut found = Vec::new();
    for source in context.facts.inventory.of(GROUP, "TLSRoute") {
        let names = route::hostnames(source);
        let written = source.spec().and_then(|spec| spec.get("hostnames"));
        let listed = written.map_or_else(|| source.origin(), |list| list.key_origin());
        let mut count = 0_usize;
        for parent in &parent::read(source, &names, context.facts) {
            for (host, sni, port) in greetings(parent, &names) {
                let meeting = Meeting::of_greeting(sni, Some(listed.clone()), port);
                let Some(tls) = rules(context, source, &meeting, !parent.is_mesh()) else {
                    continue;
                };
                if !context.has_room(source, tls.len()) {
                    return found;
                }
                let name = format!("{}~tls~{count}~{MADE}", source.name());
                let gateway = parent.gateway();
                let made = Made { source, name, host: &host, gateway: &gateway };
                let targets = tls.iter().flat_map(|rule| &rule.targets);
                found.push(VirtualService {
                    destinations: targets.map(|(wanted, _)| destination(wanted)).collect(),
                    tls: tls.clone(),
                    ..made.virtual_service(context.facts)
                });
                count += 1;
            }
        }
    }
    found
}

/// Hosts of an attachment with the names in the greeting that lead to them, and the only port.
fn greetings(parent: &Parent<'_, '_>, names: &[String]) -> Vec<(String, Vec<String>, Option<u16>)> {
    match parent {
        Parent::Mesh { hosts, port } => {
            // Without names of its own the route takes those of its parents.
            let any = matches!(names, [only] if only == "*");
            let names = if any { hosts } else { names };
            let fitting = |host: &String| -> Vec<String> {
                let fits = |name: &&String| names.len() == 1 || hosts::overlap(host, name);
                names.iter().filter(fits).cloned().collect()
            };
            hosts.iter().map(|host| (host.clone(), fitting(host), *port)).collect()
        }
        Parent::Listener { listener, .. } if !listener.hostname.is_empty() => {
            let shared = intersection(names, &listener.hostname);
            shared.iter().map(|host| (host.clone(), shared.clone(), None)).collect()
        }
        Parent::Listener { .. } => {
            names.iter().map(|host| (host.clone(), names.to_vec(), None)).collect()
        }
    }
}

/// Names that both sides cover: of two that overlap, the narrower one.
fn intersection(names: &[String], own: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        let narrower = if hosts::covers(own, name) {
            name
        } else if hosts::covers(name, own) {
            own
        } else {
            continue;
        };
        if !found.iter().any(|known| known == narrower) {
            found.push(narrower.to_owned());
        }
    }
    found
}

fn rules<'a>(
    context: &Context<'_, 'a>,
    source: &'a Source,
    meeting: &Meeting,
    guarded: bool,
) -> Option<Vec<Connections>> {
    let rules = source.spec()?.list("rules");
    let read = |rule| connections::read(context, rule, vec![meeting.clone()], guarded).ok();
    rules.iter().map(read).collect()
}
