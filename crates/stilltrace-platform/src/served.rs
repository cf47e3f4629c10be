//! What the proxy of every workload is told, computed on all cores.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stilltrace_manifest::{Node, Tree, parallel};
use stilltrace_model::{
    Bearing, Bytes, Edge, Millicores, OutboundPolicy, PodRules, ProbeAgent, RouteTable, Scope,
    Setting, SidecarProxy, Workload, WorkloadId,
};

use crate::defaults;
use crate::edges::{Mesh, Shared};
use crate::envoy_filter;
use crate::field::Field;
use crate::gaps::Gaps;
use crate::inbound;
use crate::injection::Injected;
use crate::interception;
use crate::kubernetes::{self, Filler, LimitRanges};
use crate::proxy_config::{self, Layers};
use crate::proxy_resources;
use crate::resources::Share;
use crate::sidecar_scope::{self, Sidecar};
use crate::telemetry;
use crate::views::Seen;
use crate::workloads::Pods;

/// How many edges are computed; every proxy that sees every service makes them grow with the
/// product of both numbers.
const MAX_EDGES: usize = 50_000;
/// Workloads that one thread takes at a time, at most. Neighbours see the same, so that one table
/// serves them.
const MAX_RUN: usize = 32;

/// One workload.
pub(crate) struct Task<'t, 'a> {
    /// Its pods.
    pub(crate) pods: &'t Pods<'a>,
    /// What its proxy asks for; `None` where there is none, or another revision of the control plane
    /// serves it.
    pub(crate) proxy: Option<Ask>,
}

/// What a proxy asks for.
pub(crate) struct Ask {
    /// The revision of the control plane that serves it.
    pub(crate) by: Setting<String>,
    /// The number of its view.
    pub(crate) view: usize,
    /// The configuration that the pods carry.
    annotation: Option<Node>,
    /// Whether its edges are computed.
    has_edges: bool,
}

impl Ask {
    /// What the proxy of these pods asks this revision for; `view` is the number of what it sees.
    pub(crate) fn new(pods: &Pods<'_>, by: Setting<String>, view: usize, tree: &dyn Tree) -> Self {
        Self { by, view, annotation: proxy_config::annotation(pods, tree), has_edges: true }
    }
}

/// What a workload amounts to.
pub(crate) struct Done {
    /// The workload, without who owns it.
    pub(crate) workload: Workload,
    /// What its proxy routes.
    pub(crate) routes: Option<Arc<RouteTable>>,
    /// What its proxy does with calls.
    pub(crate) edges: Vec<Edge>,
}

/// What the answers for all workloads are made of.
pub(crate) struct Around<'s, 'a> {
    /// Everything that decides about edges.
    pub(crate) mesh: &'s Mesh<'a>,
    /// What proxies see, by number.
    pub(crate) views: &'s [Seen<'a>],
    /// Rules about pods.
    pub(crate) rules: &'s kubernetes::Rules<'a>,
    /// What namespaces fill in.
    pub(crate) ranges: &'s LimitRanges<'a>,
    /// Workloads whose number of pods an autoscaler sets, by kind.
    pub(crate) scaled: &'s BTreeSet<(String, WorkloadId)>,
}

/// What every workload amounts to, in the order of the tasks. Where proxies see so much that there
/// are too many edges, some have none, and a gap says so.
pub(crate) fn all(mut tasks: Vec<Task<'_, '_>>, around: &Around<'_, '_>, gaps: &Gaps) -> Vec<Done> {
    limit(&mut tasks, around.views, gaps);
    let view = |task: &Task<'_, '_>| task.proxy.as_ref().map(|proxy| proxy.view);
    let runs: Vec<&[Task<'_, '_>]> = tasks
        .chunk_by(|one, next| view(one) == view(next))
        .flat_map(|run| run.chunks(MAX_RUN))
        .collect();
    let done = parallel::map_with(&runs, Shared::default, |shared, run| {
        run.iter().map(|task| one(task, around, shared)).collect::<Vec<Done>>()
    });
    done.into_iter().flatten().collect()
}

/// Leaves out the edges of proxies that would make them too many.
fn limit(tasks: &mut [Task<'_, '_>], views: &[Seen<'_>], gaps: &Gaps) {
    let mut edges = 0_usize;
    for Task { pods, proxy } in tasks {
        let Some(proxy) = proxy else { continue };
        let seen = views.get(proxy.view).map(|seen| &seen.view.services);
        let more: usize = seen.into_iter().flatten().map(|(_, ports)| ports.len()).sum();
        proxy.has_edges = edges + more <= MAX_EDGES;
        if proxy.has_edges {
            edges += more;
        } else {
            report_too_many(&pods.id, gaps);
        }
    }
}

fn report_too_many(workload: &WorkloadId, gaps: &Gaps) {
    gaps.add_bearing(
        Bearing::Answer,
        format!("calls of {workload} are not computed: more than {MAX_EDGES} edges"),
        "what its proxy does with requests is not part of the answer",
        "limit what proxies see with Sidecar objects, or read a part of the repository",
    );
}

fn one(task: &Task<'_, '_>, around: &Around<'_, '_>, shared: &mut Shared) -> Done {
    let Task { pods, proxy: ask } = task;
    let (mut routes, mut edges) = (None, Vec::new());
    let seen = ask.as_ref().and_then(|ask| Some((ask, around.views.get(ask.view)?)));
    let sidecar = seen.map(|(ask, seen)| {
        if ask.has_edges {
            let told = shared.tables.of(around.mesh, pods, (ask.view, &seen.view));
            edges = around.mesh.edges(pods, &seen.view, &told, shared);
            routes = Some(Arc::clone(&told.table));
        }
        proxy(pods, ask, around.mesh, seen, &around.ranges.of(&pods.id.namespace))
    });
    let sidecar_known = sidecar.is_some() || pods.injected == Injected::Nothing;
    let agent = kubernetes::agent(pods, around.mesh.installation, around.mesh.document.as_ref());
    let agent = agent.filter(|_| sidecar.is_some());
    let fill = (around.ranges, agent.as_ref());
    let mut workload = workload(pods, around.rules.of(pods), sidecar, fill);
    workload.replicas = pods.replicas(around.scaled);
    if sidecar_known {
        kubernetes::report_workload(&workload, pods, around.ranges);
    }
    Done { workload, routes, edges }
}

/// The proxy of these pods as a whole.
fn proxy(
    pods: &Pods<'_>,
    ask: &Ask,
    mesh: &Mesh<'_>,
    Seen { view, sidecar }: &Seen<'_>,
    filler: &Filler<'_>,
) -> SidecarProxy {
    let sidecar = *sidecar;
    let document: Option<&Field<'_>> = mesh.document.as_ref();
    let root = &mesh.config.root_namespace;
    let config = Layers::new(pods, ask.annotation.as_ref(), mesh.inventory, document, root);
    let installed = mesh.installation;
    let cpu: Share<Millicores> = proxy_resources::share(pods, installed, filler);
    let memory: Share<Bytes> = proxy_resources::share(pods, installed, filler);
    let inbound = match pods.injected {
        Injected::Sidecar => inbound::of(pods, view, sidecar, mesh),
        Injected::Gateway | Injected::Nothing => BTreeMap::new(),
    };
    SidecarProxy {
        revision: ask.by.clone(),
        concurrency: config.concurrency(&cpu.limit),
        cpu_limit: cpu.limit,
        cpu_request: cpu.request,
        memory_limit: memory.limit,
        memory_request: memory.request,
        scope: Scope {
            hosts: sidecar.map_or_else(sidecar_scope::everything, Sidecar::hosts),
            object: sidecar.map(|sidecar| sidecar.source.origin()),
            visible_services: view.services.len(),
        },
        outbound_policy: (pods.injected == Injected::Sidecar).then(|| outbound(sidecar, mesh)),
        passed_by: interception::of(pods, inbound.keys()),
        inbound,
        patches: envoy_filter::patches(pods, mesh.inventory, root),
        telemetry: telemetry::of(pods, mesh, &config),
    }
}

/// What happens to requests for unknown hosts. A `Sidecar` that is silent inherits from the mesh
/// and not from a broader `Sidecar`.
fn outbound(sidecar: Option<&Sidecar<'_>>, mesh: &Mesh<'_>) -> Setting<OutboundPolicy> {
    let of_mesh = &mesh.config.outbound_policy;
    match sidecar.and_then(Sidecar::outbound_policy) {
        Some(mut own) => {
            own.overrode.extend(of_mesh.is_written().then(|| of_mesh.origin.clone()));
            own
        }
        None => of_mesh.clone(),
    }
}

/// The workload without its owner and number of pods.
fn workload(
    pods: &Pods<'_>,
    rules: PodRules,
    sidecar: Option<SidecarProxy>,
    (ranges, agent): (&LimitRanges<'_>, Option<&ProbeAgent>),
) -> Workload {
    Workload {
        id: pods.id.clone(),
        kind: pods.source.id.kind.clone(),
        origin: pods.source.origin(),
        labels: pods.labels.clone(),
        service_account: pods.service_account(),
        replicas: Setting::default_of(None, defaults::KUBERNETES),
        pod_rules: rules,
        containers: pods.applications(&ranges.of(&pods.id.namespace), agent),
        sidecar,
        is_gateway: pods.injected == Injected::Gateway,
        owners: Vec::new(),
        reconciler: pods.source.reconciler.as_deref().cloned(),
    }
}
