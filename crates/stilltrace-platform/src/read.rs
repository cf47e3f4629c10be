//! The whole read of one revision: which objects, what they are, what is in effect.

use std::collections::BTreeMap;
use std::sync::Arc;

use stilltrace_manifest::{Object, Tree, parallel};
use stilltrace_model::{ObjectRef, Platform, Refusal, Service, ServiceId, WorkloadId};

use crate::admission;
use crate::age::rivals::Rounds;
use crate::age::{self, Guess};
use crate::ambient;
use crate::dangling;
use crate::destination_rule::Rules;
use crate::directory::Directory;
use crate::discovery::Discovery;
use crate::edges::Mesh;
use crate::endpoints::Backends;
use crate::gaps::Gaps;
use crate::gateway_api::{self, Facts};
use crate::gitops::ClusterObjects;
use crate::ineffective::{self, Search};
use crate::injection::Injected;
use crate::installation::Installation;
use crate::inventory::Inventory;
use crate::istio_version;
use crate::istiod;
use crate::kubernetes::{self, LimitRanges};
use crate::mesh_config::{self, MeshConfig};
use crate::networks;
use crate::ownership;
use crate::peer_authentication::PeerPolicies;
use crate::ports;
use crate::revision::Revisions;
use crate::revision_known;
use crate::schema_faults;
use crate::served::{self, Ask, Task};
use crate::services::{self, Callee};
use crate::sidecar_scope;
use crate::source::Source;
use crate::views::Views;
use crate::virtual_service;
use crate::workloads;

/// Reads what is in effect in one cluster; its gaps and what concerns no single object are left to
/// the caller. Where only unknown ages decide, everything is computed under further guesses at them.
pub(crate) fn effective(
    tree: &dyn Tree,
    cluster: &mut ClusterObjects,
    written: &[Object],
    root: &str,
) -> Platform {
    let gaps = Arc::clone(&cluster.gaps);
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
fn compute(objects: &Objects<'_>, gaps: &Arc<Gaps>, guess: Guess) -> Platform {
    let mut made = gateway_api::destination_rules(objects.applied, guess);
    if !made.is_empty() {
        made.splice(0..0, objects.applied.iter().cloned());
    }
    let written = objects.applied;
    let applied = if made.is_empty() { written } else { &made };
    let objects = &Objects { applied, ..*objects };
    let everything = Inventory::new(objects.applied, guess);
    let pods = workloads::read(&everything);
    let revisions = Revisions::read(&everything);
    revision_known::report(&revisions, &pods, &everything, objects.tree, gaps);
    let mut platform = Platform::default();
    let used = revisions.used(&pods, &everything);
    revision_known::report_unread(&used, &pods, written, gaps);
    for revision in used {
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
    platform.ambient.workloads.extend(other.ambient.workloads);
    platform.ambient.waypoints.extend(other.ambient.waypoints);
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
    gaps: &Arc<Gaps>,
    guess: Guess,
) -> Platform {
    let (tree, root) = (objects.tree, objects.root);
    let inventory = Inventory::of_revision(objects.applied, revision, guess);
    let document = mesh_config::find(&inventory, tree, revision, root);
    let document = document.as_ref().map(|document| document.field());
    let config = MeshConfig::read(document.as_ref(), root);
    let installation = Installation::find(&inventory, tree, revision, root);
    let discovery = Discovery::read(document.as_ref(), &inventory);
    let inventory = inventory.limited_to(&discovery);
    networks::report(&inventory, tree, gaps);
    let pods = workloads::read(&inventory);
    kubernetes::report(&inventory, &pods);
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
        installation: &installation,
        sampling: istiod::sampling(&inventory, &installation, revision),
        callees: &callees,
        directory: &directory,
        virtual_services: &virtual_services,
        listeners: &listeners,
        rules: &rules,
        peers: &peers,
        endpoints: callees.iter().map(|callee| endpoints(callee, &replicas)).collect(),
    };
    let mut views = Views::new(&sidecars, &config.root_namespace);
    let mut task = |pods| {
        let by = revisions.of(pods, &inventory);
        let asks = pods.injected != Injected::Nothing && by.value == revision;
        let runs = replicas.get(&pods.id) != Some(&Some(0));
        let proxy = asks.then(|| Ask::new(pods, by, views.number_of(pods, runs), tree));
        Task { pods, proxy }
    };
    let tasks: Vec<Task<'_, '_>> = pods.iter().map(&mut task).collect();
    let around = served::Around {
        mesh: &mesh,
        views: &views.compute(&mesh),
        rules: &kubernetes::Rules::read(&inventory),
        ranges: &LimitRanges::read(&inventory),
        scaled: &scaled,
    };
    let code_owners = owners.patterns.clone();
    let mut platform = Platform { code_owners, ..Platform::default() };
    let all = served::all(tasks, &around, gaps);
    // Made of a list that knows its length, the map copies nothing and its nodes are full.
    let mut edges = Vec::with_capacity(all.iter().map(|done| done.edges.len()).sum());
    for (pods, done) in pods.iter().zip(all) {
        let mut workload = done.workload;
        workload.owners = owners.of_workload(&workload, &pods.source.labels(), &platform);
        platform.routes.extend(done.routes.map(|routes| (pods.id.clone(), routes)));
        platform.workloads.insert(pods.id.clone(), workload);
        edges.extend(done.edges.into_iter().map(|edge| (edge.id.clone(), edge)));
    }
    platform.edges = edges.into_iter().collect();
    platform.services = services_by_name(&callees);
    let search = Search {
        inventory: &inventory,
        callees: &callees,
        pods: &pods,
        sidecars: &sidecars,
        root: &config.root_namespace,
    };
    platform.ambient = ambient::read(&search);
    platform.ineffective = ineffective::find(&search, &platform.ambient);
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
    let mut judged = parallel::map(applied, admission::refusals).into_iter();
    applied.retain(|source| {
        // Where both refuse, what is said of the values says more.
        let mut reasons = judged.next().unwrap_or_default();
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
        alias_of: callee.alias_of().map(|host| {
            stilltrace_model::Setting::new(host.to_owned(), callee.resolved_by.clone())
        }),
    }
}
