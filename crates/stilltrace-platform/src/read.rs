//! The whole read of one revision: which objects, what they are, what is in effect.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use stilltrace_manifest::{Object, Tree};
use stilltrace_model::{
    Bearing, Bytes, Millicores, ObjectRef, OutboundPolicy, Platform, PodRules, Refusal, Scope,
    Service, ServiceId, Setting, SidecarProxy, Workload, WorkloadId,
};

use crate::admission;
use crate::age::rivals::Rounds;
use crate::age::{self, Guess};
use crate::dangling;
use crate::defaults;
use crate::destination_rule::Rules;
use crate::directory::Directory;
use crate::discovery::Discovery;
use crate::edges::{Mesh, Shared};
use crate::endpoints::Backends;
use crate::envoy_filter;
use crate::field::Field;
use crate::gaps::Gaps;
use crate::gateway_api::{self, Facts};
use crate::gitops::ClusterObjects;
use crate::inbound;
use crate::ineffective::{self, Search};
use crate::injection::Injected;
use crate::inventory::Inventory;
use crate::istio_version;
use crate::kubernetes::{self, Filler, LimitRanges};
use crate::mesh_config::{self, MeshConfig};
use crate::networks;
use crate::ownership;
use crate::peer_authentication::PeerPolicies;
use crate::ports;
use crate::proxy_config::{self, Layers};
use crate::proxy_resources;
use crate::resources::Share;
use crate::revision::Revisions;
use crate::schema_faults;
use crate::scope::View;
use crate::services::{self, Callee};
use crate::sidecar_scope::{self, Sidecar};
use crate::source::Source;
use crate::telemetry;
use crate::virtual_service;
use crate::workloads::{self, Pods};

/// How many edges are computed; every proxy that sees every service makes them grow with the
/// product of both numbers.
const MAX_EDGES: usize = 50_000;

/// Reads what is in effect in one cluster; its gaps and what concerns no single object are left to
/// the caller. Where only unknown ages decide, everything is computed under further guesses at them.
pub(crate) fn effective(
    tree: &dyn Tree,
    cluster: &mut ClusterObjects,
    written: &[Object],
    root: &str,
) -> Platform {
    let gaps = Rc::clone(&cluster.gaps);
    let faults = schema_faults::find(&cluster.applied, tree);
    let refused = take_refused(&mut cluster.applied, faults.refusals());
    faults.report(&refused, &gaps);
    let deployed = gateway_api::deployments(&cluster.applied);
    cluster.applied.extend(deployed);
    let objects = Objects { applied: &cluster.applied, written, tree, root };
    let mut platform = compute(&objects, &gaps, Guess::FirstByName);
    dangling::report(&cluster.applied, root, &gaps);
    platform.refused = refused;
    if gaps.has_undecided() {
        let rounds = gaps.rounds();
        report_left_out(&rounds, &gaps);
        let last =
            |objects: &Objects<'_>| gaps.silently(|| compute(objects, &gaps, Guess::LastByName));
        platform.under_other_ages.push(last(&objects));
        for favoured in &rounds.favoured {
            let applied = age::favouring(&cluster.applied, favoured);
            platform.under_other_ages.push(last(&Objects { applied: &applied, ..objects }));
        }
    }
    platform
}

fn report_left_out(rounds: &Rounds, gaps: &Gaps) {
    let Some(first) = rounds.left_out.first() else { return };
    gaps.add(
        format!(
            "what {} objects, such as {first}, would do if they were the oldest",
            rounds.left_out.len()
        ),
        "so many objects of unknown age compete that not all possible winners are shown",
        "merge objects that are for the same host or pods into one",
    );
}

/// What there is to compute from.
#[derive(Clone, Copy)]
struct Objects<'o> {
    /// The objects of the cluster.
    applied: &'o [Source],
    /// Everything that any file writes.
    written: &'o [Object],
    /// All files.
    tree: &'o dyn Tree,
    /// The namespace whose objects are for the whole mesh.
    root: &'o str,
}

/// What the objects make of each other, with a guess at the ages that are unknown.
fn compute(objects: &Objects<'_>, gaps: &Rc<Gaps>, guess: Guess) -> Platform {
    let mut made = gateway_api::destination_rules(objects.applied, guess);
    if !made.is_empty() {
        made.splice(0..0, objects.applied.iter().cloned());
    }
    let applied = if made.is_empty() { objects.applied } else { &made };
    let objects = &Objects { applied, ..*objects };
    let everything = Inventory::new(objects.applied, guess);
    let pods = workloads::read(&everything);
    let revisions = Revisions::read(&everything);
    let mut platform = Platform::default();
    for revision in revisions.used(&pods, &everything) {
        merge(&mut platform, served_by(&revision, &revisions, objects, gaps, guess));
    }
    platform
}

/// Adds what another revision of the control plane does.
fn merge(platform: &mut Platform, other: Platform) {
    if platform.services.is_empty() && platform.workloads.is_empty() {
        *platform = other;
        return;
    }
    for (id, workload) in other.workloads {
        if workload.sidecar.is_some() {
            platform.workloads.insert(id, workload);
        }
    }
    platform.edges.extend(other.edges);
    platform.routes.extend(other.routes);
    for ineffective in other.ineffective {
        if !platform.ineffective.contains(&ineffective) {
            platform.ineffective.push(ineffective);
        }
    }
}

/// What one revision of the control plane does with its pods; the other workloads have no proxy
/// here.
fn served_by(
    revision: &str,
    revisions: &Revisions,
    objects: &Objects<'_>,
    gaps: &Rc<Gaps>,
    guess: Guess,
) -> Platform {
    let (tree, root) = (objects.tree, objects.root);
    let inventory = Inventory::of_revision(objects.applied, revision, guess);
    let document = mesh_config::find(&inventory, tree, revision, root);
    let document = document.as_ref().map(|document| document.field());
    let config = MeshConfig::read(document.as_ref(), root);
    let discovery = Discovery::read(document.as_ref(), &inventory);
    let inventory = inventory.limited_to(&discovery);
    networks::report(&inventory, tree, gaps);
    kubernetes::report(&inventory);
    let pods = workloads::read(&inventory);
    let scaled = workloads::autoscaled(&inventory);
    let replicas: BTreeMap<&WorkloadId, Option<u32>> =
        pods.iter().map(|pods| (&pods.id, pods.replicas(&scaled).value)).collect();
    let backends = Backends::new(&inventory, &pods, replicas.clone());
    let callees = services::read(&inventory, &config, &backends);
    let peers = PeerPolicies::read(&inventory, &config.root_namespace);
    let directory = Directory::new(&callees);
    let retries = document.as_ref().and_then(|document| document.get("defaultHttpRetryPolicy"));
    let listeners = gateway_api::listeners(&inventory);
    let facts = Facts {
        inventory: &inventory,
        mesh: &config,
        mesh_retries: retries.as_ref(),
        callees: &callees,
        listeners: &listeners,
    };
    let virtual_services = virtual_service::read(&facts);
    let rules = Rules::read(&inventory, &config);
    let sidecars = sidecar_scope::read(&inventory);
    let owners = ownership::read(tree, objects.written, gaps);

    let mesh = Mesh {
        inventory: &inventory,
        config: &config,
        document: document.clone(),
        callees: &callees,
        directory: &directory,
        virtual_services: &virtual_services,
        listeners: &listeners,
        rules: &rules,
        peers: &peers,
        endpoints: callees.iter().map(|callee| endpoints(callee, &replicas)).collect(),
    };
    let pod_rules = kubernetes::Rules::read(&inventory);
    let ranges = LimitRanges::read(&inventory);
    let mut views = Views::new(&sidecars, &mesh);
    let mut shared = Shared::default();
    let code_owners = owners.patterns.clone();
    let mut platform = Platform { code_owners, ..Platform::default() };
    let mut edges = Vec::new();
    for pods in &pods {
        let mut sidecar = None;
        let by = revisions.of(pods, &inventory);
        if pods.injected != Injected::Nothing && by.value == revision {
            let number = views.number_of(pods, replicas.get(&pods.id) != Some(&Some(0)));
            let (view, applies) = &views.computed[number];
            let applies = applies.map(|index| &sidecars[index]);
            let filler = ranges.of(&pods.id.namespace);
            sidecar = Some(proxy(pods, by, tree, &mesh, (view, applies), &filler));
            if edges.len() + view.services.len() > MAX_EDGES {
                report_too_many(&pods.id, gaps);
            } else {
                let routes = shared.tables.of(&mesh, pods, (number, view));
                platform.routes.insert(pods.id.clone(), Arc::clone(&routes.table));
                edges.append(&mut mesh.edges(pods, view, &routes, &mut shared));
            }
        }
        let sidecar_known = sidecar.is_some() || pods.injected == Injected::Nothing;
        let mut workload = workload(pods, pod_rules.of(pods), sidecar, &ranges);
        workload.replicas = pods.replicas(&scaled);
        if sidecar_known {
            kubernetes::report_workload(&workload, pods);
        }
        workload.owners = owners.of_workload(&workload, &pods.source.labels(), &platform);
        platform.workloads.insert(pods.id.clone(), workload);
    }
    // Made of a whole list, the map's nodes are full and no key is looked for.
    platform.edges = edges.into_iter().map(|edge| (edge.id.clone(), edge)).collect();
    platform.services = services_by_name(&callees);
    platform.ineffective = ineffective::find(&Search {
        inventory: &inventory,
        callees: &callees,
        pods: &pods,
        sidecars: &sidecars,
        root: &config.root_namespace,
    });
    platform.istio_version = istio_version::installed(&inventory, objects.written, gaps);
    platform
}

/// Services by their names: of several with one name, proxies know the first that they see.
fn services_by_name(callees: &[Callee]) -> BTreeMap<ServiceId, Service> {
    let mut found: BTreeMap<ServiceId, Service> = BTreeMap::new();
    for callee in callees {
        let known = found.entry(ServiceId::clone(&callee.id)).or_insert_with(|| service(callee));
        for (port, protocol) in ports::explained(&callee.declared) {
            known.ports.entry(port).or_insert(protocol);
        }
    }
    found
}

/// Takes out the objects that admission would refuse, and says why; `wrong` says what else is wrong
/// with the structure of objects, which the API server refuses by itself.
fn take_refused(applied: &mut Vec<Source>, wrong: Vec<Refusal>) -> Vec<Refusal> {
    let mut structure: BTreeMap<ObjectRef, Vec<Refusal>> = BTreeMap::new();
    for one in wrong {
        structure.entry(one.object.clone()).or_default().push(one);
    }
    let mut refused = Vec::new();
    applied.retain(|source| {
        // Where both refuse, what is said of the values says more.
        let mut reasons = admission::refusals(source);
        if reasons.is_empty() {
            reasons = structure.get(&*source.id).cloned().unwrap_or_default();
        }
        let accepted = reasons.is_empty();
        refused.extend(reasons);
        accepted
    });
    refused.sort();
    refused.dedup();
    refused
}

fn report_too_many(workload: &WorkloadId, gaps: &Gaps) {
    gaps.add_bearing(
        Bearing::Answer,
        format!("calls of {workload} are not computed: more than {MAX_EDGES} edges"),
        "what its proxy does with requests is not part of the answer",
        "limit what proxies see with Sidecar objects, or read a part of the repository",
    );
}

/// What proxies see, computed once per namespace and `Sidecar`.
struct Views<'a> {
    /// By namespace, `Sidecar`, and whether the proxy is a gateway.
    numbers: BTreeMap<(String, Option<usize>, bool), usize>,
    computed: Vec<(View, Option<usize>)>,
    /// The views of running sidecars that no `Sidecar` limits, by namespace.
    open: BTreeMap<String, usize>,
    sidecars: &'a [Sidecar<'a>],
    mesh: &'a Mesh<'a>,
}

impl<'a> Views<'a> {
    fn new(sidecars: &'a [Sidecar<'a>], mesh: &'a Mesh<'a>) -> Self {
        let (numbers, open) = (BTreeMap::new(), BTreeMap::new());
        Self { numbers, computed: Vec::new(), open, sidecars, mesh }
    }

    /// The number of the view of these pods; pods that do not run ask Istio for nothing. Gateways
    /// ignore `Sidecar` objects.
    ///
    /// Istio gives a gateway the view of its namespace's sidecars without `Sidecar` if it has that
    /// already. Who asks first it leaves open; here the proxies ask in the order of their names.
    fn number_of(&mut self, pods: &Pods<'_>, runs: bool) -> usize {
        let namespace = &pods.id.namespace;
        if pods.injected == Injected::Gateway
            && let Some(number) = self.open.get(namespace)
        {
            return *number;
        }
        let number = self.own_number_of(pods);
        let (_, sidecar) = &self.computed[number];
        if runs && pods.injected == Injected::Sidecar && sidecar.is_none() {
            self.open.insert(namespace.clone(), number);
        }
        number
    }

    /// The number of the view that these pods have by themselves.
    fn own_number_of(&mut self, pods: &Pods<'_>) -> usize {
        let namespace = &pods.id.namespace;
        let sidecar = match pods.injected {
            Injected::Sidecar => {
                let root = &self.mesh.config.root_namespace;
                sidecar_scope::select(self.sidecars, namespace, &pods.labels, root)
            }
            Injected::Gateway | Injected::Nothing => None,
        };
        let gateway = pods.injected == Injected::Gateway;
        let key = (namespace.clone(), sidecar, gateway);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let open = [sidecar_scope::open_egress(gateway)];
        let egress = sidecar.map(|index| self.sidecars[index].egress.as_slice());
        let egress = egress.filter(|egress| !egress.is_empty()).unwrap_or(&open);
        let view = View::new(namespace, egress, self.mesh);
        self.computed.push((view, sidecar));
        self.numbers.insert(key, self.computed.len() - 1);
        self.computed.len() - 1
    }
}

/// The proxy of these pods as a whole.
fn proxy(
    pods: &Pods<'_>,
    revision: Setting<String>,
    tree: &dyn Tree,
    mesh: &Mesh<'_>,
    (view, sidecar): (&View, Option<&Sidecar<'_>>),
    filler: &Filler<'_>,
) -> SidecarProxy {
    let annotation = proxy_config::annotation(pods, tree);
    let document: Option<&Field<'_>> = mesh.document.as_ref();
    let root = &mesh.config.root_namespace;
    let config = Layers::new(pods, annotation.as_ref(), mesh.inventory, document, root);
    let installed = proxy_resources::of_installation(mesh.inventory);
    let cpu: Share<Millicores> = proxy_resources::share(pods, installed.as_ref(), filler);
    let memory: Share<Bytes> = proxy_resources::share(pods, installed.as_ref(), filler);
    SidecarProxy {
        revision,
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
        inbound: match pods.injected {
            Injected::Sidecar => inbound::of(pods, view, sidecar, mesh),
            Injected::Gateway | Injected::Nothing => BTreeMap::new(),
        },
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
    ranges: &LimitRanges<'_>,
) -> Workload {
    Workload {
        id: pods.id.clone(),
        kind: pods.source.id.kind.clone(),
        origin: pods.source.origin(),
        labels: pods.labels.clone(),
        service_account: pods.service_account(),
        replicas: Setting::default_of(None, defaults::KUBERNETES),
        pod_rules: rules,
        containers: pods.applications(&ranges.of(&pods.id.namespace)),
        sidecar,
        is_gateway: pods.injected == Injected::Gateway,
        owners: Vec::new(),
        reconciler: pods.source.reconciler.as_deref().cloned(),
    }
}

/// Pods behind a service, where every workload behind it says how many it has.
fn endpoints(callee: &Callee, replicas: &BTreeMap<&WorkloadId, Option<u32>>) -> Option<u32> {
    let mut sum = 0_u32;
    for workload in &callee.workloads {
        sum = sum.saturating_add(replicas.get(workload).copied().flatten()?);
    }
    (!callee.workloads.is_empty()).then_some(sum)
}

fn service(callee: &Callee) -> Service {
    Service {
        id: ServiceId::clone(&callee.id),
        host: callee.host.clone(),
        origin: callee.origin.clone(),
        ports: ports::explained(&callee.declared),
        workloads: callee.workloads.clone(),
    }
}
