//! Which folders are applied to the cluster, and the objects that this creates.
//!
//! Flux `Kustomization` and Argo CD `Application` objects say so. Without any, the kustomizations
//! that no other kustomization refers to are taken, and without those every manifest of the tree.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use stilltrace_manifest::kustomize::is_cluster_scoped;
use stilltrace_manifest::{Build, Object, ParseCache, ProblemKind, Tree};

use crate::folders::Folders;
use crate::gaps::Gaps;
use crate::reconcilers::{self, Depth, Destination, Placement};
use crate::source::Source;

/// How many folders are rendered before the rest is a gap; reconcilers can name each other in turn.
const MAX_DESTINATIONS: usize = 2_000;

/// What the repository holds, before anything is computed from it.
pub(crate) struct Rendered {
    /// The objects of the cluster, each once, sorted by kind, namespace and name.
    pub(crate) applied: Vec<Source>,
    /// Every object as written in any file, for catalogs that nobody applies.
    pub(crate) written: Vec<Object>,
}

/// Finds and renders what is applied to the cluster.
pub(crate) fn render(tree: &dyn Tree, cache: &ParseCache, gaps: &Rc<Gaps>) -> Rendered {
    let mut problems = Vec::new();
    let folders = Folders::new(tree, cache, &mut problems);
    let everything = folders.everything();
    problems.extend(everything.problems);
    // Files that no one applies may hold anything; only what is broken as YAML is worth a word.
    for problem in problems.iter().filter(|problem| problem.kind != ProblemKind::Invalid) {
        gaps.add_problem(problem);
    }
    let mut queue: VecDeque<Destination> =
        everything.objects.iter().flat_map(|o| reconcilers::destinations_of(o, gaps)).collect();
    if queue.is_empty() {
        queue.extend(unreconciled(&folders));
    }
    let mut applied = Applied { objects: BTreeMap::new(), gaps };
    let mut seen = BTreeSet::new();
    while let Some(destination) = queue.pop_front() {
        let written_in = reconcilers::file_of(&destination);
        if !seen.insert((destination.path.clone(), written_in)) || seen.len() > MAX_DESTINATIONS {
            continue;
        }
        let Some(build) = build(&folders, &destination, gaps) else { continue };
        for object in &build.objects {
            queue.extend(reconcilers::destinations_of(object, gaps));
        }
        applied.add(&build, &destination);
    }
    let applied = applied.objects.into_values().collect();
    Rendered { applied, written: everything.objects }
}

/// Folders to read when no reconciler says.
fn unreconciled(folders: &Folders<'_>) -> Vec<Destination> {
    let mut paths = folders.roots();
    if paths.is_empty() {
        paths.push(String::new());
    }
    let plain = |path| Destination {
        path,
        placement: Placement::AsWritten,
        depth: Depth::Below,
        reconciler: None,
    };
    paths.into_iter().map(plain).collect()
}

fn build(folders: &Folders<'_>, destination: &Destination, gaps: &Gaps) -> Option<Build> {
    if !destination.path.is_empty() && !folders.exists(&destination.path) {
        if let Some(reconciler) = &destination.reconciler {
            gaps.add(
                format!(
                    "{}: the folder `{}` of {} is not in this repository",
                    reconciler.at, destination.path, reconciler.object
                ),
                "its objects are not part of the answer",
                "correct the path, or point Stilltrace at the repository that holds the folder",
            );
        }
        return None;
    }
    let build = folders.render(&destination.path, destination.depth);
    build.problems.iter().for_each(|problem| gaps.add_problem(problem));
    Some(build)
}

/// Objects of the cluster by identity.
struct Applied<'a> {
    objects: BTreeMap<(String, String, String, String), Source>,
    gaps: &'a Rc<Gaps>,
}

impl Applied<'_> {
    fn add(&mut self, build: &Build, destination: &Destination) {
        let reconciler = destination.reconciler.clone().map(Rc::new);
        for object in &build.objects {
            let namespace = place(object, &destination.placement);
            let source = Source::new(object, namespace, reconciler.clone(), self.gaps);
            let key = (
                source.group().to_owned(),
                source.id.kind.clone(),
                source.id.namespace.clone(),
                source.id.name.clone(),
            );
            match self.objects.get(&key) {
                None => {
                    self.objects.insert(key, source);
                }
                Some(first) if first.root.mark != source.root.mark || first.root != source.root => {
                    self.report_twice(first, &source);
                }
                Some(_) => {}
            }
        }
    }

    fn report_twice(&self, first: &Source, second: &Source) {
        self.gaps.add(
            format!("{} is applied twice: {} and {}", first.id, first.root.mark, second.root.mark),
            "the last one applied wins, and Git does not say which that is; the first is shown",
            "remove one of them, or read one cluster's folder at a time",
        );
    }
}

/// The namespace that an object ends up in; empty for cluster-scoped kinds.
fn place(object: &Object, placement: &Placement) -> String {
    if is_cluster_scoped(object.group(), object.kind()) {
        return String::new();
    }
    let written = object.namespace();
    let namespace = match placement {
        Placement::Override(target) => target,
        Placement::Fallback(target) => written.unwrap_or(target),
        Placement::AsWritten => written.unwrap_or("default"),
    };
    namespace.to_owned()
}
