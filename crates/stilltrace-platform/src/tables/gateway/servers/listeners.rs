//! Listeners of the Gateway API as servers: every listener is a `Gateway` object of its own.
//!
//! Istio's `PushContext.mergeGateways` and `filterStrictGatewayMerging`, release 1.31: a listener is
//! served by the pods behind the service that its gateway names, on no port but the service's.

use std::collections::BTreeSet;

use super::ports::ServicePort;
use super::{EVERYWHERE, Server, Tls, qualified};
use crate::gateway_api::Listener;

/// Istio's name for the port of every server that it makes.
const PORT_NAME: &str = "default";

/// Servers for pods in `namespace` behind these service ports, each with its port of the pods.
pub(super) fn servers(
    listeners: &[Listener<'_>],
    targets: &[ServicePort],
    namespace: &str,
) -> Vec<(Server, u16)> {
    let mut found = Vec::new();
    for listener in listeners.iter().filter(|own| own.valid && own.home == namespace) {
        let leads = |service: &&ServicePort| {
            service.number == listener.port && listener.services.contains(&service.host)
        };
        let ports: BTreeSet<u16> =
            targets.iter().filter(leads).map(|service| service.target).collect();
        found.extend(ports.into_iter().map(|port| (server(listener), port)));
    }
    found
}

/// Namespaces of gateways that Istio deployed the pods for: pods that belong to one take no `Gateway`
/// objects from elsewhere.
pub(super) fn deployed_in(listeners: &[Listener<'_>], targets: &[ServicePort]) -> BTreeSet<String> {
    let served = |listener: &&Listener<'_>| {
        listener.valid
            && listener.managed
            && targets.iter().any(|service| listener.services.contains(&service.host))
    };
    let serving = listeners.iter().filter(served);
    serving.map(|listener| listener.source.namespace().to_owned()).collect()
}

fn server(listener: &Listener<'_>) -> Server {
    let hosts: Vec<&str> = listener.hosts.iter().map(String::as_str).collect();
    let namespace = listener.source.namespace();
    Server {
        gateway: listener.full_name(),
        port: listener.port,
        port_origin: listener.port_origin.clone(),
        bind_origin: EVERYWHERE,
        hosts_origin: listener.hostname_origin.clone(),
        hosts: qualified(&hosts, namespace),
        protocol: listener.protocol.to_ascii_lowercase(),
        port_name: PORT_NAME.to_owned(),
        bind: String::new(),
        name: listener.made_name(),
        namespace: namespace.to_owned(),
        created: listener.source.created,
        tls: listener.tls.map(|mode| Tls { mode: mode.to_owned(), redirect: None }),
    }
}
