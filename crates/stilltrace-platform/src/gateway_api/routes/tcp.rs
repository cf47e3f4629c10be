//! `TCPRoute`: Istio's `TCPRouteCollection`, release 1.31.

use super::connections;
use crate::connections::{Connections, Meeting};
use crate::gateway_api::GROUP;
use crate::gateway_api::listener::MADE;
use crate::gateway_api::merge::{Made, destination};
use crate::gateway_api::parent::{self, Parent};
use crate::gateway_api::route::Context;
use crate::source::Source;
use crate::virtual_service::VirtualService;

/// The virtual services of all objects: one for every host of every attachment.
pub(in crate::gateway_api) fn read<'a>(context: &Context<'_, 'a>) -> Vec<VirtualService<'a>> {
    let mut found = Vec::new();
    let any = ["*".to_owned()];
    for source in context.facts.inventory.of(GROUP, "TCPRoute") {
        let mut count = 0_usize;
        for parent in &parent::read(source, &any, context.facts) {
            let (hosts, port) = match parent {
                Parent::Mesh { hosts, port } => (hosts.as_slice(), *port),
                Parent::Listener { .. } => (any.as_slice(), None),
            };
            let Some(tcp) = rules(context, source, port, !parent.is_mesh()) else { continue };
            for host in hosts {
                if !context.has_room(source, tcp.len()) {
                    return found;
                }
                let name = format!("{}~tcp~{count}~{MADE}", source.name());
                let gateway = parent.gateway();
                let made = Made { source, name, host, gateway: &gateway };
                let targets = tcp.iter().flat_map(|rule| &rule.targets);
                found.push(VirtualService {
                    destinations: targets.map(|(wanted, _)| destination(wanted)).collect(),
                    tcp: tcp.clone(),
                    ..made.virtual_service(context.facts)
                });
                count += 1;
            }
        }
    }
    found
}

fn rules<'a>(
    context: &Context<'_, 'a>,
    source: &'a Source,
    port: Option<u16>,
    guarded: bool,
) -> Option<Vec<Connections>> {
    let cases = || port.map(|port| Meeting::of_greeting(Vec::new(), None, Some(port)));
    let rules = source.spec()?.list("rules");
    let read = |rule| connections::read(context, rule, cases().into_iter().collect(), guarded).ok();
    rules.iter().map(read).collect()
}
