//! Where everything begins: the reconcilers that no other reconciler applies, by cluster.
//!
//! A reconciler is written in a file. If applying some folder takes that file in, whoever applies
//! the folder creates the reconciler, perhaps patched; the others are applied by hand, once, when a
//! cluster is set up. So are kustomizations that hold reconcilers and that nothing refers to.

use std::collections::BTreeSet;
use std::rc::Rc;

use stilltrace_manifest::tree::parent;
use stilltrace_manifest::{Node, Object};

use super::argo;
use super::claim::{ClusterName, Content, Reason, Refusal};
use super::context::Context;
use super::files::{Files, is_within};
use super::flux;
use super::own::Own;
use super::reach::{Reach, Taken};
use super::variants::{conflicts, variants};
use super::written::Written;

/// What is applied by hand to one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    /// Its name; empty where nothing names it.
    pub(crate) name: String,
    /// What it begins with.
    pub(crate) roots: Vec<Root>,
}

/// Something that is applied by hand.
#[derive(Debug, Clone)]
pub(crate) enum Root {
    /// A reconciler, by its position among the written ones.
    Reconciler(usize),
    /// A folder with a kustomization that holds reconcilers.
    Folder(String),
}

/// The clusters of a repository, and reconcilers that nobody applies.
pub(crate) struct Roots {
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) dead: Vec<(usize, Refusal)>,
    /// Folders that written reconcilers apply as they are, or that are applied by hand.
    pub(crate) folders: Vec<String>,
}

/// A written reconciler and the folders it applies as it is written.
struct Candidate<'w, 'f> {
    object: &'w Object,
    file: String,
    folders: Vec<(String, Rc<Taken<'f>>)>,
    /// Those of them whose kustomization it does not change before it builds.
    unchanged: Vec<String>,
}

impl Candidate<'_, '_> {
    fn takes(&self, file: &str) -> bool {
        self.folders.iter().any(|(_, taken)| taken.objects.contains(file))
    }

    /// Whether the file lies in a folder that is applied and leaves it out.
    fn leaves_out(&self, file: &str) -> bool {
        self.folders
            .iter()
            .any(|(folder, taken)| is_within(file, folder) && !taken.objects.contains(file))
    }

    /// The folder that it applies and that holds its own file, as `flux bootstrap` writes it.
    fn own_folder(&self) -> Option<&str> {
        let own = self.folders.iter().find(|(_, taken)| taken.objects.contains(self.file.as_str()));
        own.map(|(folder, _)| folder.as_str())
    }
}

/// Finds what is applied by hand.
pub(crate) fn find(files: &Files<'_>, written: &Written, own: &Own, reach: &Reach<'_>) -> Roots {
    let context = Context { files, written, own, home: &ClusterName::default() };
    let candidates: Vec<Candidate<'_, '_>> =
        written.reconcilers.iter().map(|object| candidate(object, &context, reach)).collect();
    let folders = bootstrap(files, &candidates, reach);
    let taken_by_hand: Vec<Rc<Taken<'_>>> = folders.iter().map(|f| reach.of(f, true)).collect();
    let patches = files.patches();
    let mut dead = Vec::new();
    let mut roots = Vec::new();
    for (position, one) in candidates.iter().enumerate() {
        let others = || candidates.iter().enumerate().filter(|(at, _)| *at != position);
        let by_hand = taken_by_hand.iter().any(|taken| taken.objects.contains(one.file.as_str()));
        let self_applied = one.own_folder().is_some();
        // What a kustomization patches others with is no object of its own.
        let is_patch = patches.contains(one.file.as_str());
        if by_hand || is_patch || !self_applied && others().any(|(_, other)| other.takes(&one.file))
        {
            continue;
        }
        if !self_applied && others().any(|(_, other)| other.leaves_out(&one.file)) {
            dead.push((position, left_out(one.object)));
            continue;
        }
        roots.push(position);
    }
    drop_releases(&candidates, &mut roots, &mut dead);
    let unchanged = candidates.iter().flat_map(|one| &one.unchanged);
    let applied = unchanged.chain(&folders).cloned().collect();
    let clusters = clusters(&candidates, &roots, folders, &taken_by_hand, written);
    Roots { clusters, dead, folders: applied }
}

fn left_out(object: &Object) -> Refusal {
    Refusal {
        reason: Reason::NotApplied,
        at: object.mark().clone(),
        what: "it is written in a folder whose kustomization leaves it out".to_owned(),
    }
}

/// A release is created by something: where there are Kustomizations to do so and none does, nobody
/// applies it. The same holds for all of Flux where it was set up to apply its own folder.
fn drop_releases(
    candidates: &[Candidate<'_, '_>],
    roots: &mut Vec<usize>,
    dead: &mut Vec<(usize, Refusal)>,
) {
    let kind = |position: &usize| candidates.get(*position).map(|one| one.object.kind());
    let has_kustomizations = candidates.iter().any(|one| one.object.kind() == "Kustomization");
    let is_set_up = |position: &usize| {
        let one = candidates.get(*position);
        one.is_some_and(|one| one.object.kind() == "Kustomization" && one.own_folder().is_some())
    };
    let set_up = roots.iter().any(is_set_up);
    roots.retain(|position| {
        let drop = match kind(position) {
            Some("HelmRelease") => has_kustomizations,
            Some("Kustomization") => set_up && !is_set_up(position),
            _ => false,
        };
        if drop && let Some(one) = candidates.get(*position) {
            dead.push((*position, Refusal::not_applied(one.object)));
        }
        !drop
    });
}

fn candidate<'w, 'f>(
    object: &'w Object,
    context: &Context<'_>,
    reach: &Reach<'f>,
) -> Candidate<'w, 'f> {
    let claims = match object.kind() {
        "Application" => argo::application::claims(object, context),
        "ApplicationSet" => argo::application_set::applications(object, context)
            .iter()
            .flatten()
            .flat_map(|application| argo::application::claims(application, context))
            .collect(),
        "Kustomization" => vec![flux::kustomization::claim(object, context)],
        "FluxInstance" => flux::kustomization::instance(object, context).into_iter().collect(),
        _ => Vec::new(),
    };
    let (mut folders, mut unchanged) = (Vec::new(), Vec::new());
    for claim in claims.into_iter().flatten() {
        match claim.content {
            Content::Kustomization { folder, changes, .. } => {
                unchanged.extend(changes.is_empty().then(|| folder.clone()));
                let taken = reach.of(&folder, true);
                folders.push((folder, taken));
            }
            Content::Plain { folder, filter } => {
                let taken = reach.of(&folder, filter.recurse);
                folders.push((folder, taken));
            }
            Content::Chart(_) => {}
        }
    }
    Candidate { object, file: object.mark().path.to_string(), folders, unchanged }
}

/// Kustomizations that hold reconcilers which no reconciler applies, and that nobody refers to.
fn bootstrap(
    files: &Files<'_>,
    candidates: &[Candidate<'_, '_>],
    reach: &Reach<'_>,
) -> Vec<String> {
    let mut found = files.roots();
    let applied = |folder: &String| {
        let within = |(applied, _): &(String, Rc<Taken<'_>>)| is_within(folder, applied);
        candidates.iter().any(|one| one.folders.iter().any(within))
    };
    found.retain(|folder| {
        let taken = reach.of(folder, true);
        let mut held = candidates.iter().filter(|one| taken.objects.contains(one.file.as_str()));
        let free = |one: &Candidate<'_, '_>| {
            let mut others = candidates.iter().filter(|other| other.file != one.file);
            one.own_folder().is_none() && !others.any(|other| other.takes(&one.file))
        };
        held.any(free) && !applied(folder)
    });
    found
}

/// Sorts roots by cluster: two reconcilers of one name cannot be in one.
fn clusters(
    candidates: &[Candidate<'_, '_>],
    positions: &[usize],
    folders: Vec<String>,
    taken: &[Rc<Taken<'_>>],
    written: &Written,
) -> Vec<Cluster> {
    let mut paths = Vec::new();
    let mut roots = Vec::new();
    let mut claims = Vec::new();
    for position in positions {
        let Some(one) = candidates.get(*position) else { continue };
        claims.push((identity(one.object), roots.len(), one.object.mark().to_string()));
        let own = own_objects(one, written);
        claims.extend(own.map(|o| (identity(o), roots.len(), o.mark().to_string())));
        paths.push(one.own_folder().unwrap_or(parent(&one.file)).to_owned());
        roots.push(Root::Reconciler(*position));
    }
    for (folder, taken) in folders.into_iter().zip(taken) {
        let held: BTreeSet<_> = candidates
            .iter()
            .filter(|one| taken.objects.contains(one.file.as_str()))
            .map(|one| identity(one.object))
            .collect();
        // Two folders may patch one file in different ways, so they never agree.
        let own = format!("{} {folder}", roots.len());
        claims.extend(held.into_iter().map(|identity| (identity, roots.len(), own.clone())));
        paths.push(folder.clone());
        roots.push(Root::Folder(folder));
    }
    let found = variants(&paths, &conflicts(claims, |one, two| one == two));
    let single = found.len() == 1;
    let cluster = |variant: super::variants::Variant| Cluster {
        name: if single { named_by_its_folder(candidates, positions) } else { variant.name },
        roots: variant.members.iter().filter_map(|at| roots.get(*at).cloned()).collect(),
    };
    found.into_iter().map(cluster).filter(|cluster| !cluster.roots.is_empty()).collect()
}

/// What a Kustomization that applies its own folder creates there for Flux itself: two clusters
/// that are set up from one repository each have their own.
fn own_objects<'w>(
    one: &Candidate<'w, '_>,
    written: &'w Written,
) -> impl Iterator<Item = &'w Object> {
    let taken = one.folders.iter().find(|(_, taken)| taken.objects.contains(one.file.as_str()));
    let taken = taken.filter(|_| one.object.kind() == "Kustomization").map(|(_, t)| Rc::clone(t));
    let all = written.reconcilers.iter().chain(&written.sources).chain(&written.config_maps);
    all.filter(move |object| {
        let held = |taken: &Rc<Taken<'_>>| taken.objects.contains(&*object.mark().path);
        object.namespace().is_some() && taken.as_ref().is_some_and(held)
    })
}

/// The name of the only cluster: that of the folder which Flux was set up to apply.
fn named_by_its_folder(candidates: &[Candidate<'_, '_>], positions: &[usize]) -> String {
    let own = positions.iter().filter_map(|at| candidates.get(*at)?.own_folder());
    let names: BTreeSet<&str> = own.map(super::files::name_of).collect();
    match names.iter().next() {
        Some(name) if names.len() == 1 => (*name).to_owned(),
        _ => String::new(),
    }
}

/// What makes two reconcilers the same object in one cluster.
fn identity(object: &Object) -> (String, String, String) {
    let namespace = object.root.at(&["metadata", "namespace"]).and_then(Node::text);
    (object.kind().to_owned(), namespace.unwrap_or_default().to_owned(), object.name().to_owned())
}
