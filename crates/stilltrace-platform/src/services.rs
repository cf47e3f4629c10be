//! Kubernetes services and the hosts of `ServiceEntry` objects: what a proxy can call.

use std::collections::BTreeMap;

use stilltrace_model::{Origin, ServiceId, WorkloadId};

use crate::field::Field;
use crate::hosts;
use crate::inventory::Inventory;
use crate::labels::{Labels, selects};
use crate::mesh_config::MeshConfig;
use crate::visibility::Visibility;
use crate::workloads::Pods;

/// Ports that are plain TCP unless their name says otherwise (SMTP, DNS, MySQL, MongoDB): the
/// server speaks first there, so that Istio must not wait for the client's bytes.
const SERVER_FIRST: [u16; 4] = [25, 53, 3_306, 27_017];

/// What a proxy can call under one host name.
#[derive(Debug, Clone)]
pub(crate) struct Callee {
    /// `namespace/name`; for a `ServiceEntry` host the name is the host.
    pub(crate) id: ServiceId,
    /// Full host name.
    pub(crate) host: String,
    /// Port number to protocol, in lower case; `auto` is sniffed.
    pub(crate) ports: BTreeMap<u16, String>,
    /// Which namespaces may call it.
    pub(crate) visibility: Visibility,
    /// Whether callers dial pods directly instead of a service address.
    pub(crate) headless: bool,
    /// Whether it lies outside the mesh.
    pub(crate) external: bool,
    /// Where the object starts.
    pub(crate) origin: Origin,
    /// Workloads whose pods it selects, sorted.
    pub(crate) workloads: Vec<WorkloadId>,
}

impl Callee {
    /// Whether requests to the port are routed as HTTP.
    pub(crate) fn speaks_http(&self, port: u16) -> bool {
        let protocol = self.ports.get(&port).map(String::as_str);
        matches!(protocol, Some("http" | "http2" | "grpc" | "grpc-web" | "auto"))
    }
}

/// Reads all services, oldest first.
pub(crate) fn read(inventory: &Inventory<'_>, mesh: &MeshConfig, pods: &[Pods]) -> Vec<Callee> {
    let mut found = Vec::new();
    for source in inventory.of("", "Service") {
        let spec = source.spec();
        let text = |key: &str| spec.as_ref()?.get(key)?.text();
        if text("type") == Some("ExternalName") {
            continue;
        }
        let exported = source.annotation("networking.istio.io/exportTo");
        let exported: Vec<&str> = exported
            .and_then(|field| field.text())
            .map(|list| list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect())
            .unwrap_or_default();
        let default: Vec<&str> = mesh.service_export_to.iter().map(String::as_str).collect();
        let exported = if exported.is_empty() { default } else { exported };
        let selector = spec.as_ref().and_then(|spec| spec.get("selector")).map(|s| s.labels());
        let selector = selector.filter(|selector| !selector.is_empty());
        found.push(Callee {
            id: ServiceId::new(source.namespace(), source.name()),
            host: hosts::service(source.name(), source.namespace()),
            ports: service_ports(spec.as_ref()),
            workloads: selected(selector.as_ref(), source.namespace(), pods),
            visibility: Visibility::of(&exported, source.namespace()),
            headless: text("clusterIP") == Some("None"),
            external: false,
            origin: source.origin(),
        });
    }
    for source in inventory.of("networking.istio.io", "ServiceEntry") {
        read_entry(source, mesh, pods, &mut found);
    }
    found
}

/// Adds the hosts of a `ServiceEntry`.
fn read_entry(
    source: &crate::source::Source,
    mesh: &MeshConfig,
    pods: &[Pods],
    found: &mut Vec<Callee>,
) {
    let Some(spec) = source.spec() else { return };
    let namespace = source.namespace();
    let ports: BTreeMap<u16, String> = spec.list("ports").iter().filter_map(entry_port).collect();
    let selector = spec.at(&["workloadSelector", "labels"]).map(|s| s.labels());
    let resolution = spec.get("resolution").and_then(|field| field.text());
    let inside = spec.get("location").and_then(|field| field.text()) == Some("MESH_INTERNAL");
    for host in spec.get("hosts").map(|hosts| hosts.texts()).unwrap_or_default() {
        found.push(Callee {
            id: ServiceId::new(namespace, host),
            host: host.to_ascii_lowercase(),
            ports: ports.clone(),
            workloads: selected(selector.as_ref(), namespace, pods),
            visibility: Visibility::read(Some(&spec), &mesh.service_export_to, namespace),
            headless: matches!(resolution, None | Some("NONE")),
            external: !inside,
            origin: source.origin(),
        });
    }
}

/// Workloads of a namespace whose pods a selector matches, sorted.
fn selected(selector: Option<&Labels>, namespace: &str, pods: &[Pods]) -> Vec<WorkloadId> {
    let Some(selector) = selector else { return Vec::new() };
    let matching = pods
        .iter()
        .filter(|pods| pods.id.namespace == namespace && selects(selector, &pods.labels));
    let mut workloads: Vec<WorkloadId> = matching.map(|pods| pods.id.clone()).collect();
    workloads.sort();
    workloads
}

fn service_ports(spec: Option<&Field<'_>>) -> BTreeMap<u16, String> {
    let ports = spec.map(|spec| spec.list("ports")).unwrap_or_default();
    ports.iter().filter_map(service_port).collect()
}

fn service_port(port: &Field<'_>) -> Option<(u16, String)> {
    let number = port.get("port")?.port()?;
    let text = |key: &str| port.get(key).and_then(|field| field.text());
    if text("protocol").is_some_and(|protocol| !protocol.eq_ignore_ascii_case("tcp")) {
        return None;
    }
    let name = text("name").unwrap_or_default();
    Some((number, protocol(number, name, text("appProtocol"))))
}

fn entry_port(port: &Field<'_>) -> Option<(u16, String)> {
    let number = port.get("number")?.port()?;
    let written = port.get("protocol").and_then(|field| field.text()).unwrap_or_default();
    let parsed = parse(written);
    (parsed != "udp").then(|| (number, parsed.to_owned()))
}

/// The protocol of a service port: `appProtocol`, else the prefix of its name, else sniffed.
fn protocol(port: u16, name: &str, app_protocol: Option<&str>) -> String {
    let name = match app_protocol {
        Some("kubernetes.io/h2c") => "http2",
        Some("kubernetes.io/ws") => "http",
        Some("kubernetes.io/wss") => "https",
        Some(other) => other,
        None => name,
    };
    let name = name.to_ascii_lowercase();
    if name.starts_with("grpc-web") {
        return "grpc-web".to_owned();
    }
    let prefix = name.split('-').next().unwrap_or_default();
    match parse(prefix) {
        "auto" if SERVER_FIRST.contains(&port) => "tcp".to_owned(),
        protocol => protocol.to_owned(),
    }
}

fn parse(name: &str) -> &'static str {
    const KNOWN: [&str; 11] = [
        "tcp", "udp", "grpc", "grpc-web", "http", "http2", "https", "tls", "mongo", "redis",
        "mysql",
    ];
    let known = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name));
    known.copied().unwrap_or("auto")
}

#[cfg(test)]
mod tests {
    use super::protocol;

    #[test]
    fn protocol_comes_from_app_protocol_then_name_then_sniffing() {
        assert_eq!(protocol(80, "http-web", None), "http");
        assert_eq!(protocol(80, "http-web", Some("kubernetes.io/h2c")), "http2");
        assert_eq!(protocol(80, "grpc-web-x", None), "grpc-web");
        assert_eq!(protocol(80, "web", None), "auto");
        assert_eq!(protocol(3306, "db", None), "tcp");
        assert_eq!(protocol(3306, "http", None), "http");
    }
}
