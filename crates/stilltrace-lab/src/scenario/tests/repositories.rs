//! The repositories that scenarios make.

use std::collections::BTreeSet;
use std::process::Command;

use stilltrace_manifest::{Budget, yaml};
use stilltrace_model::{Entity, ServiceId, SettingChange};

use super::*;
use crate::gitops::{Deed, Files, LayoutWish, WindowCommit, tree};

/// What each commit of the window changes in effect.
pub(super) fn effects(repository: &Repository) -> Vec<(&WindowCommit, Vec<SettingChange>)> {
    let mut cache = stilltrace_platform::ParseCache::new();
    let mut before = stilltrace_platform::read(&tree(&repository.base.files), &mut cache);
    let mut all = Vec::new();
    for commit in repository.window.iter().flatten() {
        let after = stilltrace_platform::read(&tree(&commit.revision.files), &mut cache);
        all.push((commit, stilltrace_platform::compare(&before, &after)));
        before = after;
    }
    all
}

pub(super) fn is_about(entity: &Entity, service: &ServiceId) -> bool {
    let own = |namespace: &str, name: &str| {
        namespace == service.namespace
            && name
                .strip_prefix(&*service.name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    match entity {
        Entity::Service(id) => id == service,
        Entity::Workload(id) => own(&id.namespace, &id.name),
        Entity::Edge(edge) => {
            *edge.destination == *service || own(&edge.source.namespace, &edge.source.name)
        }
        Entity::Mesh => true,
    }
}

pub(super) fn service(incident: &Incident, name: &str) -> ServiceId {
    let found = incident.topology.services.iter().find(|service| service.name == name);
    ServiceId::new(&found.unwrap().namespace, name)
}

/// Lines that differ between two revisions: path, and the lines of either side.
fn difference(before: &Files, after: &Files) -> Vec<(String, Vec<String>, Vec<String>)> {
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let lines = |files: &Files, path: &str| -> Vec<String> {
        files.get(path).map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
    };
    let mut found = Vec::new();
    for path in paths {
        let (mut old, mut new) = (lines(before, path), lines(after, path));
        if old == new {
            continue;
        }
        let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let tail = old[head..].iter().rev().zip(new[head..].iter().rev());
        let tail = tail.take_while(|(a, b)| a == b).count();
        old = old[head..old.len() - tail].to_vec();
        new = new[head..new.len() - tail].to_vec();
        found.push((path.clone(), old, new));
    }
    found
}

/// Checks that a commit is one edit, and that the line it tells of is the one that it is about.
fn one_edit(what: &str, edit: &Edit, before: &Files, commit: &WindowCommit) {
    let changed = difference(before, &commit.revision.files);
    let (listing, own): (Vec<_>, Vec<_>) = changed
        .iter()
        .partition(|(path, ..)| path.ends_with("kustomization.yaml") && *path != commit.path);
    assert_eq!(own.len(), 1, "{what}: {changed:?}");
    let (path, old, new) = own[0];
    if let Some(text) = commit.revision.files.get(path) {
        let parsed = yaml::parse(path, text.as_bytes(), &Budget::default());
        assert!(parsed.problems.is_empty(), "{what}: {:?}", parsed.problems);
    }
    assert_eq!(*path, commit.path, "{what}");
    let side = if commit.removed { before } else { &commit.revision.files };
    let line = side[path].lines().nth(commit.line as usize - 1).unwrap_or_default();
    let shape = match edit.deed() {
        Deed::Replace => {
            let to = edit.to.as_ref().unwrap().scalar().unwrap();
            assert!(to.contains("${") || line.contains(&to), "{what}: {line} has no {to}");
            old.len() == 1 && new.len() == 1 && listing.is_empty()
        }
        Deed::Add => old.is_empty() && new.iter().any(|new| new == line) && listing.is_empty(),
        Deed::Remove => new.is_empty() && old.iter().any(|old| old == line) && listing.is_empty(),
        Deed::Create => !before.contains_key(path) && listing.len() <= 1,
        Deed::Delete => !commit.revision.files.contains_key(path) && listing.len() <= 1,
    };
    assert!(shape, "{what}: {changed:#?}");
    for (path, old, new) in listing {
        assert!(old.len() <= 1 && new.len() <= 1, "{what}: {path}: {old:?} {new:?}");
    }
}

/// Every commit of the window is one edit, told where it is.
fn window_is_edits(incident: &Incident, repository: &Repository) {
    let mut before = &repository.base.files;
    for (part, commit) in parts(incident).into_iter().zip(&repository.window) {
        let commit = commit.as_ref().unwrap();
        let edit = incident.scenario.edit(part).unwrap();
        one_edit(&format!("{} {part:?}", name(incident)), edit, before, commit);
        before = &commit.revision.files;
    }
}

/// Causes whose effect the reader places on another line of the same block: a fault whose share
/// changes is placed where its delay stands.
const BESIDE: &[&str] = &["leftover-fault", "live-edit-fault"];

#[test]
fn changes_are_one_edit_in_whatever_layout_the_seed_draws() {
    for mut incident in incidents(5).into_iter().step_by(3) {
        if !incident.scenario.needs_its_layout() {
            incident.scenario.layout = LayoutWish::default();
        }
        let folder = tempfile::tempdir().unwrap();
        window_is_edits(&incident, &repository(&incident, &folder.path().join("repo.git")));
    }
}

impl Scenario {
    /// Whether its change depends on where the repository keeps things.
    fn needs_its_layout(&self) -> bool {
        let renamed = |edit: &Edit| edit.field == "metadata.name";
        self.change.iter().any(renamed)
    }
}

/// Causes whose effect the product's reader cannot see between two revisions, with the reason.
const UNSEEN: &[(&str, &str)] = &[
    ("autoscaler-hides-bursts", "seen as the limit itself; what the autoscaler does is live"),
    ("duplicate-host", "which of two objects is older is live"),
    ("two-owners-flapping", "which of two owners applied last is live"),
    ("http1-pool-for-http2-need", "`h2UpgradePolicy` is no setting that revisions are compared by"),
    (
        "subset-pinned-to-one-pod",
        "labels of a subset are no setting that revisions are compared by",
    ),
    ("blocked-revert", "an object that admission refuses keeps its old state"),
];

/// One pass over all incidents, because reading repositories is what takes the time.
#[test]
fn the_reader_sees_what_is_planted_at_its_line_and_decoys_beside_it() {
    let (mut seen, mut last_right, mut near_right) = (0.0, 0.0, 0.0);
    let mut wrong = Vec::new();
    for incident in incidents(0) {
        let folder = tempfile::tempdir().unwrap();
        let repository = repository(&incident, &folder.path().join("repo.git"));
        window_is_edits(&incident, &repository);
        wrong.extend(base_is_understood(&incident, &repository).err());
        let effects = effects(&repository);
        let told: Vec<_> = parts(&incident).into_iter().zip(&effects).collect();
        for (part, (commit, changes)) in &told {
            if let Part::Cause(index) = part {
                wrong.extend(sees_the_cause(&incident, *index, commit, changes).err());
            }
        }
        wrong.extend(decoys_stay_beside(&incident, &told).err());
        if let Some((last, near)) = baselines::guesses(&incident, &told) {
            seen += 1.0;
            last_right += last;
            near_right += near;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (last, near) = (last_right / seen, near_right / seen);
    assert!(last <= 0.4, "last commit before the symptom: {last:.3}");
    assert!(near <= 0.6, "last effective change near the victim: {near:.3}");
}

/// Nothing of the base is refused or not understood.
fn base_is_understood(incident: &Incident, repository: &Repository) -> Result<(), String> {
    let mut cache = stilltrace_platform::ParseCache::new();
    let platform = stilltrace_platform::read(&tree(&repository.base.files), &mut cache);
    let known = UNSEEN.iter().any(|(name, _)| *name == incident.name);
    hold(known || platform.gaps.is_empty(), || format!("{}: {:?}", name(incident), platform.gaps))
}

/// A commit of the window with what it changes in effect.
pub(super) type Told<'a> = (Part, &'a (&'a WindowCommit, Vec<SettingChange>));

/// The cause changes settings, all of them at the line that the truth names.
fn sees_the_cause(
    incident: &Incident,
    index: usize,
    commit: &WindowCommit,
    changes: &[SettingChange],
) -> Result<(), String> {
    let what = name(incident);
    if UNSEEN.iter().any(|(name, _)| *name == incident.name) {
        return Ok(());
    }
    hold(!changes.is_empty(), || format!("{what}: the cause has no effect"))?;
    let causes = incident.scenario.causes();
    for change in changes {
        let side = if commit.removed { &change.origin_before } else { &change.origin_after };
        // Where a block comes or goes, defaults take its place on the other side.
        let Some(at) = side.location() else { continue };
        hold(*at.path == *commit.path, || format!("{what}: {} {change:?}", commit.path))?;
        let exact = causes[index].change.deed() == Deed::Replace;
        if exact && !BESIDE.contains(&incident.name.as_str()) {
            hold(at.line == commit.line, || format!("{what}: {} {change:?}", commit.line))?;
        }
    }
    if let Some(edge) = causes[index].edge {
        let destination = service(incident, &edge.destination);
        let is_edge = |change: &SettingChange| matches!(&change.entity, Entity::Edge(id) if *id.destination == destination);
        hold(changes.iter().any(is_edge), || format!("{what}: {changes:?}"))?;
    }
    Ok(())
}

/// Decoys touch the victim, and never a setting that a cause sets.
fn decoys_stay_beside(incident: &Incident, told: &[Told<'_>]) -> Result<(), String> {
    let what = name(incident);
    let victim = service(incident, &incident.scenario.victim);
    let (mut caused, mut decoyed, mut touched) = (BTreeSet::new(), BTreeSet::new(), false);
    for (part, (_, changes)) in told {
        let of = |change: &SettingChange| (change.entity.to_string(), change.setting.clone());
        match part {
            Part::Cause(_) => caused.extend(changes.iter().map(of)),
            Part::Decoy(_) => {
                decoyed.extend(changes.iter().map(of));
                touched |= changes.iter().any(|change| is_about(&change.entity, &victim));
            }
        }
    }
    let quiet = incident.name == "none-quiet";
    hold(touched != quiet, || format!("{what}: no decoy touches {victim}"))?;
    let both: Vec<_> = caused.intersection(&decoyed).collect();
    hold(both.is_empty(), || format!("{what}: cause and decoy set {both:?}"))
}

/// One complaint among many, so that a failed test names all of them.
fn hold(is_so: bool, complaint: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(complaint()) }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_another_repository() {
    for folder in folders().into_iter().step_by(6) {
        let incident = Incident::read(&folder, 4).unwrap();
        let made = tempfile::tempdir().unwrap();
        let first = repository(&incident, &made.path().join("a"));
        let second = repository(&incident, &made.path().join("b"));
        let ids = |repository: &Repository| -> Vec<String> {
            let window = repository.window.iter().flatten();
            window.map(|commit| commit.revision.commit.clone()).collect()
        };
        assert_eq!(ids(&first), ids(&second), "{}", incident.name);
        let other = repository(&Incident::read(&folder, 6).unwrap(), &made.path().join("c"));
        assert_ne!(first.base.files, other.base.files, "{}", incident.name);
    }
}

#[test]
fn git_keeps_the_window_as_it_was_planned() {
    for folder in folders().into_iter().step_by(7) {
        let incident = Incident::read(&folder, 2).unwrap();
        let made = tempfile::tempdir().unwrap();
        let bare = made.path().join("repo.git");
        let repository = repository(&incident, &bare);
        let commits: Vec<_> = repository
            .window
            .iter()
            .flatten()
            .map(|commit| commit.revision.commit.clone())
            .filter(|id| !id.is_empty())
            .collect();
        let count = commits.len().to_string();
        let output = Command::new("git")
            .args([
                "-C",
                &bare.display().to_string(),
                "log",
                "--reverse",
                "--format=%H",
                "-n",
                &count,
            ])
            .arg("main")
            .output()
            .unwrap();
        let log = String::from_utf8(output.stdout).unwrap();
        assert_eq!(log.lines().collect::<Vec<_>>(), commits, "{}", incident.name);
    }
}

#[test]
fn layouts_differ_from_incident_to_incident() {
    let layouts: BTreeSet<_> =
        incidents(0).iter().map(|incident| format!("{:?}", incident.scenario.layout)).collect();
    assert!(layouts.len() >= 10, "{} layouts", layouts.len());
}

#[test]
fn an_edit_by_hand_stands_in_the_live_object_alone() {
    let incident = Incident::read(&root().join("scenarios/live-edit-fault"), 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let repository = repository(&incident, folder.path());
    let live: Vec<_> =
        repository.window.iter().flatten().filter(|commit| commit.is_live()).collect();
    let [edit] = live.as_slice() else { panic!("{} edits by hand", live.len()) };
    let object = crate::record::drift::edited(edit, START_MS).unwrap().unwrap();
    assert_eq!(object["kind"], "VirtualService");
    assert_eq!(object["spec"]["http"][0]["fault"]["delay"]["percentage"]["value"], 7, "{object}");
    let by = &object["metadata"]["managedFields"][0];
    assert_eq!(
        (&by["manager"], &by["time"]),
        (&"kubectl-edit".into(), &"2026-03-04T14:02:10Z".into())
    );
    let committed = crate::rendered::objects(
        &tree(&repository.base.files),
        &[edit.reconciler.as_ref().unwrap().path.clone()],
    );
    let committed = committed.unwrap();
    let mut same =
        committed.iter().filter(|one| one["metadata"]["name"] == object["metadata"]["name"]);
    assert!(same.any(|one| one["spec"]["http"][0]["fault"]["delay"]["percentage"]["value"] == 0));
}
