//! The deployment of a gateway: the pods that serve it and the service that its clients dial.
//!
//! Istio's `IsManaged`, `extractGatewayServices` and `extractServicePorts`, release 1.31. Where Istio
//! deploys the pods, Git holds neither their `Deployment` nor their `Service`; both are made here as
//! Istio makes them, every value at the line of the `Gateway` that it comes from.

use std::collections::BTreeSet;
use std::sync::Arc;

use stilltrace_manifest::{Mark, Node, Object, Scalar, Style, Value};

use super::GROUP;
use super::class::{self, Class};
use crate::age::Guess;
use crate::hosts;
use crate::injection::MANAGED;
use crate::inventory::Inventory;
use crate::source::Source;

/// Annotation that gives the deployment another name.
const NAME: &str = "gateway.istio.io/name-override";
/// Label of the pods that serve a gateway.
pub(crate) const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// The port on which the pods say whether they are ready.
const STATUS: u16 = 15_021;

/// Whether Istio deploys the gateway's pods: unless it names the host of an existing service.
pub(super) fn is_managed(gateway: &Source) -> bool {
    match addresses(gateway) {
        [] => true,
        [only] => kind(only) == "IPAddress",
        _ => false,
    }
}

/// Full names of the services in front of the gateway's pods; none where no address can be used.
pub(super) fn services(gateway: &Source, class: &str) -> Vec<String> {
    let namespace = gateway.namespace();
    if is_managed(gateway) {
        return vec![hosts::service(&name(gateway, class), namespace)];
    }
    let named = addresses(gateway).iter().filter(|address| kind(address) == "Hostname");
    let values = named.filter_map(|address| address.get("value")?.text());
    let full = |value: &str| {
        if value.contains('.') { value.to_owned() } else { hosts::service(value, namespace) }
    };
    values.map(full).collect()
}

/// What Istio deploys for all gateways, unless the repository holds objects of these names.
pub(crate) fn made(applied: &[Source]) -> Vec<Source> {
    if !applied.iter().any(|source| source.group() == GROUP) {
        return Vec::new();
    }
    let inventory = Inventory::new(applied, Guess::FirstByName);
    let mut found = Vec::new();
    for gateway in inventory.of(GROUP, "Gateway").iter().filter(|gateway| is_managed(gateway)) {
        let class = gateway.root.at(&["spec", "gatewayClassName"]).and_then(Node::text);
        let class = class.unwrap_or_default();
        let (name, role) = match class::of(class, &inventory) {
            Some(Class::Gateway) => (name(gateway, class), "istio.io-gateway-controller"),
            Some(Class::Waypoint) => {
                let written = gateway.annotation(NAME).and_then(|field| field.text());
                (written.unwrap_or(gateway.name()).to_owned(), "istio.io-mesh-controller")
            }
            Some(Class::Remote) | None => continue,
        };
        let exists = |group: &'static str, kind: &'static str| {
            let known = |source: &&Source| {
                (source.namespace(), source.name()) == (gateway.namespace(), name.as_str())
            };
            inventory.of(group, kind).iter().any(known)
        };
        let maker = Maker { gateway, name: &name, role };
        if !exists("apps", "Deployment") {
            found.extend(maker.object("apps/v1", "Deployment", maker.pods()));
        }
        if !exists("", "Service") {
            found.extend(maker.object("v1", "Service", maker.service()));
        }
    }
    found
}

/// Name of the deployment and service that Istio makes.
fn name(gateway: &Source, class: &str) -> String {
    let written = gateway.annotation(NAME).and_then(|field| field.text());
    written.map_or_else(|| format!("{}-{class}", gateway.name()), str::to_owned)
}

fn addresses(gateway: &Source) -> &[Node] {
    gateway.root.at(&["spec", "addresses"]).map(Node::items).unwrap_or_default()
}

/// The type of an address; the API server fills in `IPAddress`.
fn kind(address: &Node) -> &str {
    address.get("type").and_then(Node::text).unwrap_or("IPAddress")
}

/// Makes the objects of one gateway.
struct Maker<'m> {
    gateway: &'m Source,
    name: &'m str,
    role: &'static str,
}

impl Maker<'_> {
    /// Where the gateway is named: the line of everything that is no value of its own.
    fn mark(&self) -> Mark {
        let name = self.gateway.root.at(&["metadata", "name"]);
        name.map_or_else(|| self.gateway.root.mark.clone(), |name| name.mark.clone())
    }

    fn text(&self, text: &str) -> Node {
        Node::string(text, self.mark())
    }

    fn map(&self, entries: Vec<(&str, Node)>) -> Node {
        let mut node = Node::new(Value::Mapping(Vec::new()), self.mark());
        for (key, value) in entries {
            node.set(key, &self.mark(), value);
        }
        node
    }

    fn object(&self, api_version: &str, kind: &str, spec: Node) -> Option<Source> {
        let namespace = self.gateway.namespace();
        let mut metadata = vec![
            ("name", self.text(self.name)),
            ("namespace", self.text(namespace)),
            ("labels", self.map(self.labels())),
        ];
        let created = self.gateway.root.at(&["metadata", "creationTimestamp"]);
        metadata.extend(created.map(|created| ("creationTimestamp", created.clone())));
        let mut root = self.map(vec![
            ("apiVersion", self.text(api_version)),
            ("kind", self.text(kind)),
            ("metadata", self.map(metadata)),
            ("spec", spec),
        ]);
        root.mark = self.gateway.root.mark.clone();
        let object = Object::from_node(Arc::new(root))?;
        let reconciler = self.gateway.reconciler.clone();
        Some(Source::new(&object, namespace.to_owned(), reconciler, &self.gateway.gaps))
    }

    fn labels(&self) -> Vec<(&'static str, Node)> {
        vec![(GATEWAY_NAME, self.text(self.gateway.name())), (MANAGED, self.text(self.role))]
    }

    /// `spec` of the deployment.
    fn pods(&self) -> Node {
        let mut labels = self.labels();
        labels.push(("sidecar.istio.io/inject", self.text("false")));
        let template = self.map(vec![
            ("metadata", self.map(vec![("labels", self.map(labels))])),
            ("spec", self.map(vec![("serviceAccountName", self.text(self.name))])),
        ]);
        self.map(vec![("template", template)])
    }

    /// `spec` of the service: every port of a listener, and that of the pods' state.
    fn service(&self) -> Node {
        let status = vec![
            ("name", self.text("status-port")),
            ("port", number(STATUS, &self.mark())),
            ("appProtocol", self.text("tcp")),
        ];
        let mut ports = vec![self.map(status)];
        let listeners = self.gateway.root.at(&["spec", "listeners"]).map(Node::items);
        let mut seen = BTreeSet::new();
        for listener in listeners.unwrap_or_default() {
            let (Some(port), Some(name)) = (listener.get("port"), listener.get("name")) else {
                continue;
            };
            if seen.insert(port.text()) {
                let written = listener.get("protocol");
                let protocol = written.and_then(Node::text).unwrap_or_default();
                let mut protocol = self.text(&protocol.to_ascii_lowercase());
                protocol.mark = written.map_or_else(|| self.mark(), |node| node.mark.clone());
                ports.push(self.map(vec![
                    ("name", name.clone()),
                    ("port", port.clone()),
                    ("appProtocol", protocol),
                ]));
            }
        }
        let selector = self.map(vec![(GATEWAY_NAME, self.text(self.gateway.name()))]);
        let ports = Node::new(Value::Sequence(ports), self.mark());
        self.map(vec![("selector", selector), ("ports", ports)])
    }
}

/// A number as it would be written.
pub(super) fn number(number: u16, mark: &Mark) -> Node {
    let text = number.to_string().as_str().into();
    Node::new(Value::Scalar(Scalar { text, style: Style::Plain }), mark.clone())
}
