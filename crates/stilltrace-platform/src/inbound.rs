//! The server's side of a workload: mutual TLS, pool and retries for every port of its own.
//!
//! Rules of Istio's inbound clusters and listeners, release 1.31: without `Sidecar.ingress` every
//! target port of a service that selects the pods has a cluster, of several services the oldest's;
//! with it, only the listed ports have.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stilltrace_model::{
    Inbound, InboundPort, InboundRetries, Origin, ServiceId, Setting, TowardsApplication,
};

use crate::age::rivals::Rival;
use crate::defaults;
use crate::edges::Mesh;
use crate::field::Field;
use crate::peer_authentication::Effective;
use crate::policy;
use crate::ports::{self, Port, Target};
use crate::scope::View;
use crate::services::Callee;
use crate::sidecar_scope::Sidecar;
use crate::workloads::Pods;

/// Ports of the proxy itself, which services cannot have.
const OWN_PORTS: [u16; 4] = [15_001, 15_006, 15_021, 15_090];

/// A port that reaches the application, and who says so.
struct Served<'s> {
    /// The service; `None` for a port that only a `Sidecar` names.
    service: Option<&'s Callee>,
    /// Every service port that leads here.
    reached_by: BTreeSet<(ServiceId, u16)>,
    /// The port that a rule's port-level settings go by.
    port: u16,
    protocol: String,
    named_by: Origin,
    /// Whether the proxy has a listener of the usual kind for it.
    listens: bool,
}

/// All inbound ports of a workload with a sidecar.
pub(crate) fn of(
    pods: &Pods<'_>,
    view: &View,
    sidecar: Option<&Sidecar<'_>>,
    mesh: &Mesh<'_>,
) -> BTreeMap<InboundPort, Inbound> {
    let peers = mesh.peers.of_workload(&pods.id.namespace, &pods.labels);
    let ingress = sidecar.map(Sidecar::ingress).unwrap_or_default();
    let served =
        if ingress.is_empty() { of_services(pods, mesh) } else { of_sidecar(pods, &ingress, mesh) };
    let mut found: BTreeMap<InboundPort, Inbound> = served
        .iter()
        .map(|(number, served)| {
            let inbound = one(pods, *number, served, (view, sidecar), &peers, mesh);
            (InboundPort::Port(*number), inbound)
        })
        .collect();
    let mutual_tls = Some(peers.mode.clone());
    let others = Inbound { mutual_tls, services: BTreeSet::new(), application: None };
    found.insert(InboundPort::Others, others);
    found
}

/// Target ports of the services that select the pods; of several services the oldest's.
fn of_services<'s>(pods: &Pods<'_>, mesh: &'s Mesh<'_>) -> BTreeMap<u16, Served<'s>> {
    let mut found: BTreeMap<u16, Served<'s>> = BTreeMap::new();
    let in_front = mesh.directory.in_front_of(&pods.id).iter();
    let mut callees: Vec<&Callee> = in_front.map(|index| &mesh.callees[*index]).collect();
    let guess = mesh.inventory.guess;
    callees.sort_by(|a, b| guess.order((a.created, &a.host), (b.created, &b.host)));
    for callee in callees {
        for port in &callee.declared {
            let Some(number) = target_of(port, callee, pods) else { continue };
            let reached_by = (ServiceId::clone(&callee.id), port.number);
            let served = Served {
                service: Some(callee),
                reached_by: BTreeSet::from([reached_by.clone()]),
                port: port.number,
                protocol: port.protocol.clone(),
                named_by: port.origin.clone(),
                listens: !OWN_PORTS.contains(&number),
            };
            match found.entry(number) {
                Entry::Vacant(free) => _ = free.insert(served),
                Entry::Occupied(mut taken) => {
                    report_shared(taken.get(), callee, pods, number);
                    taken.get_mut().reached_by.insert(reached_by);
                }
            }
        }
    }
    found
}

/// Reports that two services share a port of the pods and only their unknown ages decide.
fn report_shared(first: &Served<'_>, second: &Callee, pods: &Pods<'_>, port: u16) {
    let Some(first) = first.service.filter(|first| first.id != second.id) else { return };
    if first.created.is_some() && second.created.is_some() {
        return;
    }
    let rival = |callee: &Callee| {
        let id = callee.origin.object()?.clone();
        Some(Rival { id: Arc::new(id), dated: callee.created.is_some() })
    };
    if let (Some(first), Some(second)) = (rival(first), rival(second)) {
        pods.source.gaps.depend_on_age(&format!("both lead to {}:{port}", pods.id), first, second);
    }
    pods.source.gaps.add(
        format!("which of {} and {} is older (both lead to port {port} of {})", first.id, second.id, pods.id),
        "depends on age: the server's proxy takes the protocol and the limits of the older service; \
         the answer takes the first by name and names the others under `depends_on_age`",
        "give the services target ports of their own, or make them one service",
    );
}

/// The port of the pods that a service port means; `None` when they have no port of that name.
fn target_of(port: &Port, callee: &Callee, pods: &Pods<'_>) -> Option<u16> {
    match &port.target {
        Target::Number(number) => Some(*number),
        Target::Named(name) if callee.kubernetes => pods.container_port(name, port.udp),
        Target::Same | Target::Named(_) => Some(port.number),
    }
}

/// The ports that a `Sidecar` lists.
fn of_sidecar<'s>(
    pods: &Pods<'_>,
    ingress: &[Field<'_>],
    mesh: &'s Mesh<'_>,
) -> BTreeMap<u16, Served<'s>> {
    let services = of_services(pods, mesh);
    let mut found = BTreeMap::new();
    for listener in ingress {
        let Some(number) = listener.at(&["port", "number"]).and_then(|port| port.port()) else {
            continue;
        };
        let protocol = listener.at(&["port", "protocol"]);
        let text = protocol.as_ref().and_then(Field::text).unwrap_or_default();
        // A listener that binds to its port itself is not part of the one that takes all traffic.
        let captured = listener.get("captureMode").and_then(|f| f.text()) != Some("NONE");
        let known = services.get(&number);
        found.entry(number).or_insert(Served {
            service: known.and_then(|served| served.service),
            reached_by: known.map(|served| served.reached_by.clone()).unwrap_or_default(),
            port: number,
            protocol: ports::parse(text).to_owned(),
            named_by: protocol.map_or_else(|| listener.origin(), |field| field.origin()),
            listens: captured && !OWN_PORTS.contains(&number),
        });
    }
    found
}

fn one(
    pods: &Pods<'_>,
    number: u16,
    served: &Served<'_>,
    (view, sidecar): (&View, Option<&Sidecar<'_>>),
    peers: &Effective,
    mesh: &Mesh<'_>,
) -> Inbound {
    // A server whose own Sidecar hides its service sees no rule for it.
    let rule = served.service.and_then(|service| {
        let seen = view.service_of_host(&service.host, mesh.callees)?;
        mesh.rules.find_for_server(&pods.id.namespace, seen)
    });
    let pool = sidecar.and_then(|sidecar| sidecar.inbound_pool(number));
    let port = (served.port, served.protocol.as_str(), &served.named_by);
    let (pool, retry_budget) = policy::inbound(rule, port, pool.as_ref(), &mesh.around());
    let tried_again =
        ports::is_http_or_sniffed(&served.protocol) && !ports::is_grpc(&served.protocol);
    let retries = InboundRetries { attempts: 2, retry_on: "reset-before-request".to_owned() };
    let mode = peers.of_port(number);
    Inbound {
        mutual_tls: served.listens.then(|| mode.clone()),
        services: served.reached_by.clone(),
        application: Some(Box::new(TowardsApplication {
            pool,
            retry_budget,
            retries: (tried_again && served.listens)
                .then(|| Setting::default_of(retries, defaults::ISTIO)),
            timeout: Setting::default_of(None, defaults::ISTIO),
        })),
    }
}
