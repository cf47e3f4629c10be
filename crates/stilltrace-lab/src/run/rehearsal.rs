//! A scenario's commits through a real control plane, without proxies: how far profile `cluster`
//! has come.

use std::path::Path;
use std::time::Duration;

use super::{RunError, RunOptions, io, lock, now_ms, repository, schedule};
use crate::cluster::{Cluster, Engines, Tools};
use crate::gitops::Reconciler;
use crate::scenario::Incident;

/// What a rehearsal saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rehearsal {
    /// Time of each push until the engines had applied it, the first one included.
    pub took: Vec<Duration>,
    /// Pods that were bound.
    pub pods: usize,
    /// Mesh objects in the API server at the end.
    pub mesh_objects: usize,
    /// Changes that istiod noticed.
    pub pushes: usize,
}

/// Boots a control plane, pushes the commits of a scenario one by one, and waits for each until it
/// is in effect in the API server. What the engines left goes to the folder `out`; `say` is told what
/// happens, one line at a time.
///
/// # Errors
/// When the tools are missing, the machine does not permit it, or a commit is not applied in time.
pub fn rehearse(
    folder: &Path,
    seed: u64,
    engines: Engines,
    lab: &Path,
    out: Option<&Path>,
    say: &mut dyn FnMut(&str),
) -> Result<Rehearsal, RunError> {
    let _lock = lock::Lock::take()?;
    let tools = Tools::find()?;
    let mut incident = Incident::read(folder, seed)?;
    incident.scenario.layout.engine = Some(engines.of(0));
    let slots = schedule::slots(&incident, incident.scenario.quick);
    let options = RunOptions { seed, quick: true, control: false };
    let workshop = tempfile::tempdir().map_err(|source| io("a temporary folder", source))?;
    let bare = workshop.path().join("repo.git");
    let made = repository(&incident, options, &slots, &[], now_ms(), &bare)?;
    let reconcilers: Vec<_> = made
        .reconcilers
        .iter()
        .enumerate()
        .map(|(index, one)| Reconciler { engine: engines.of(index), ..one.clone() })
        .collect();
    let services = incident.topology.services.iter().map(|service| service.namespace.clone());
    let namespaces: Vec<_> =
        services.chain([incident.topology.gateway.namespace.clone()]).collect();

    let mut cluster = Cluster::boot(tools, lab, engines, &namespaces)?;
    say(&format!("folder {}", cluster.folder().display()));
    for (name, took) in &cluster.steps {
        say(&format!("{:6.2} s  {name}", took.as_secs_f64()));
    }
    let mut rehearsal = Rehearsal::default();
    cluster.push(&bare, &made.base.commit)?;
    cluster.reconcile(&reconcilers)?;
    let synced = cluster.wait_for_commit(&made.base.commit)?;
    say(&told("the base", &synced.commit, synced.took));
    rehearsal.took.push(synced.took);
    for commit in made.window.iter().flatten().filter(|one| !one.revision.commit.is_empty()) {
        cluster.push(&bare, &commit.revision.commit)?;
        cluster.tell(&reconcilers)?;
        let synced = cluster.wait_for_commit(&commit.revision.commit)?;
        say(&told(&commit.path, &synced.commit, synced.took));
        rehearsal.took.push(synced.took);
    }
    cluster.wait_for_pods()?;
    rehearsal.pods = cluster.pods()?.iter().filter(|pod| pod.address.is_some()).count();
    rehearsal.mesh_objects = cluster.objects("virtualservices,destinationrules")?.len();
    rehearsal.pushes = cluster.pushes();
    if let Some(out) = out {
        cluster.write_evidence(out)?;
    }
    cluster.shutdown()?;
    Ok(rehearsal)
}

/// A commit in effect, in one line.
fn told(what: &str, commit: &str, took: Duration) -> String {
    let short = commit.get(..7).unwrap_or(commit);
    format!("{:6.2} s  {short} {what}", took.as_secs_f64())
}
