//! Entries of `tcp` and `tls` of a virtual service: which connections go where.

use stilltrace_model::{Origin, Setting};

use crate::field::Field;
use crate::http_rule::weighted;
use crate::labels::{Labels, selects};
use crate::matching::{Caller, gateway_name};
use crate::wanted::Wanted;

/// One entry of `tcp` or `tls`, or what a rule of the Gateway API comes to.
#[derive(Clone)]
pub(crate) struct Connections {
    /// Alternatives; empty matches everything.
    pub(crate) cases: Vec<Meeting>,
    /// Number of entries of `route`, whatever their weight.
    pub(crate) entries: usize,
    /// The host of the first entry of `route`: its rule decides about idle time.
    pub(crate) first: Option<String>,
    /// Where connections go.
    pub(crate) targets: Vec<(Wanted, Setting<u32>)>,
}

/// One entry of `match`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meeting {
    /// `sniHosts`.
    pub(crate) sni: Vec<String>,
    /// The line of the list.
    pub(crate) sni_origin: Option<Origin>,
    /// `destinationSubnets`.
    pub(crate) subnets: Vec<String>,
    /// The line of the list.
    pub(crate) subnets_origin: Option<Origin>,
    port: Option<u16>,
    source_labels: Labels,
    source_namespace: String,
    gateways: Vec<String>,
}

impl Connections {
    /// Reads an entry.
    pub(crate) fn read(entry: &Field<'_>) -> Self {
        let route = entry.list("route");
        let first = route.first().and_then(|item| item.get("destination"));
        Self {
            cases: entry.list("match").iter().map(Meeting::read).collect(),
            entries: route.len(),
            first: first.and_then(|to| Wanted::read(&to)).map(|wanted| wanted.host),
            targets: weighted(&route),
        }
    }
}

impl Meeting {
    /// The only entry of a route of the Gateway API.
    pub(crate) fn of_greeting(sni: Vec<String>, listed: Option<Origin>, port: Option<u16>) -> Self {
        Self { sni, sni_origin: listed, port, ..Self::default() }
    }

    fn read(field: &Field<'_>) -> Self {
        let texts = |key: &str| field.get(key).map(|list| list.texts()).unwrap_or_default();
        let owned = |key: &str| texts(key).into_iter().map(str::to_owned).collect();
        let line = |key: &str| field.get(key).map(|list| list.key_origin());
        let namespace = field.source().namespace();
        let source = field.get("sourceNamespace").and_then(|value| value.text());
        Self {
            sni: owned("sniHosts"),
            sni_origin: line("sniHosts"),
            subnets: owned("destinationSubnets"),
            subnets_origin: line("destinationSubnets"),
            port: field.get("port").and_then(|value| value.port()),
            source_labels: field.get("sourceLabels").map(|map| map.labels()).unwrap_or_default(),
            source_namespace: source.unwrap_or_default().to_owned(),
            gateways: texts("gateways").iter().map(|name| gateway_name(name, namespace)).collect(),
        }
    }

    /// Whether the entry looks at the caller's labels.
    pub(crate) fn looks_at_labels(&self) -> bool {
        !self.source_labels.is_empty()
    }

    /// Whether the entry is meant for a sidecar. Unlike for requests, all of gateways, labels and
    /// namespace count.
    pub(crate) fn is_for(&self, caller: &Caller<'_>) -> bool {
        self.is_for_server(caller.port, caller.gateway)
            && selects(&self.source_labels, caller.labels)
            && (self.source_namespace.is_empty() || self.source_namespace == caller.namespace)
    }

    /// Whether the entry is meant for a server of a gateway, which looks at nothing else.
    pub(crate) fn is_for_server(&self, port: u16, gateway: &str) -> bool {
        self.port.is_none_or(|own| own == port)
            && (self.gateways.is_empty() || self.gateways.iter().any(|own| own == gateway))
    }
}
