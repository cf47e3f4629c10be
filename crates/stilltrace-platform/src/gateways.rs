//! Routes of gateways: which virtual services a gateway workload serves.

use std::collections::BTreeSet;

use crate::hosts;
use crate::inventory::Inventory;
use crate::labels::selects;
use crate::source::Source;
use crate::virtual_service::VirtualService;
use crate::workloads::Pods;

/// One server of a `Gateway` object that speaks HTTP to its clients.
pub(crate) struct Server {
    /// `namespace/name` of the `Gateway`.
    pub(crate) gateway: String,
    /// The port that clients dial.
    pub(crate) port: u16,
    hosts: Vec<(String, String)>,
}

/// The HTTP servers that the pods of a gateway run, by age of the `Gateway`, then as written.
pub(crate) fn servers(inventory: &Inventory<'_>, pods: &Pods<'_>) -> Vec<Server> {
    let mut found = Vec::new();
    for source in inventory.of("networking.istio.io", "Gateway") {
        let Some(spec) = source.spec() else { continue };
        let selector = spec.get("selector").map(|labels| labels.labels()).unwrap_or_default();
        if !selects(&selector, &pods.labels) {
            continue;
        }
        for server in spec.list("servers") {
            let text = |path: &[&str]| server.at(path).and_then(|field| field.text());
            let protocol = text(&["port", "protocol"]).unwrap_or_default().to_ascii_uppercase();
            let terminates =
                !matches!(text(&["tls", "mode"]), Some("PASSTHROUGH" | "AUTO_PASSTHROUGH"));
            let http = matches!(protocol.as_str(), "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB")
                || protocol == "HTTPS" && terminates;
            let port = server.at(&["port", "number"]).and_then(|port| port.port());
            let (true, Some(port)) = (http, port) else { continue };
            let hosts = server.get("hosts").map(|hosts| hosts.texts()).unwrap_or_default();
            found.push(Server {
                gateway: format!("{}/{}", source.namespace(), source.name()),
                port,
                hosts: hosts.iter().map(|host| split(host, source)).collect(),
            });
        }
    }
    found
}

/// Namespace (`*` for any) and name of a server's host.
fn split(host: &str, gateway: &Source) -> (String, String) {
    let (namespace, name) = host.split_once('/').unwrap_or(("*", host));
    let namespace = if namespace == "." { gateway.namespace() } else { namespace };
    (namespace.to_owned(), name.to_ascii_lowercase())
}

impl Server {
    /// The hosts that clients of this server reach through a virtual service.
    pub(crate) fn served(&self, service: &VirtualService<'_>) -> BTreeSet<String> {
        if !service.gateways.contains(&self.gateway) {
            return BTreeSet::new();
        }
        let namespace = service.source.namespace();
        let allowed = self.hosts.iter().filter(|(place, _)| place == "*" || place == namespace);
        let mut found = BTreeSet::new();
        for (_, own) in allowed {
            for host in &service.hosts {
                if hosts::covers(own, host) {
                    found.insert(host.clone());
                } else if hosts::covers(host, own) {
                    found.insert(own.clone());
                }
            }
        }
        found
    }
}
