//! What is in effect at a revision, and what the commits before it changed.

use std::collections::BTreeMap;

use stilltrace_manifest::ParseCache;
use stilltrace_model::{
    Change, CommitId, CommitInfo, Event, EventKind, Gap, ObjectRef, Platform, Reconciler,
    SettingChange, Timestamp, Window,
};

use crate::git::{Commit, GitError, Repository};
use crate::legibility;

/// Commits older than this before the window are not looked at, in seconds. Argo CD polls every
/// 3 min and Flux applies at intervals of up to an hour; with the rollout after it, a commit takes
/// effect within 2 h.
const LEAD_SECONDS: f64 = 7_200.0;
/// Commits that are compared, newest first. Each needs the platform read once or twice.
const MAX_CHANGES: usize = 50;

/// Reads the platform at a revision, with the changes that led there.
pub(crate) fn read(
    repository: &Repository,
    revision: &CommitId,
    window: Window,
    events: &[Event],
) -> Result<Platform, GitError> {
    let mut revisions = Revisions::new(repository);
    let since = window.from.plus_seconds(-LEAD_SECONDS);
    let (log, more) = repository.log_since(revision, since, MAX_CHANGES)?;
    let mut commits: Vec<Commit> =
        log.into_iter().filter(|commit| commit.info.time < window.to).collect();
    commits.reverse();

    let (mut compared, mut unknown) = (Vec::new(), Vec::new());
    for (index, commit) in commits.iter().enumerate() {
        let settings = match revisions.difference(commit)? {
            Difference::Known(settings) => settings,
            Difference::Unknown(gap) => {
                unknown.push(gap);
                Vec::new()
            }
        };
        compared.push((settings, repository.changed_paths(&commit.info.id)?));
        let still_to_come = commits.get(index + 1..).unwrap_or_default();
        revisions.keep(still_to_come, revision);
    }
    let mut platform = revisions.take(revision)?;
    platform.revision = Some(revision.clone());
    platform.gaps.append(&mut unknown);
    let refused: Vec<Gap> = platform.refused.iter().map(legibility::refused).collect();
    platform.gaps.extend(refused);

    let syncs = Syncs::new(repository, events, since)?;
    let reconcilers = reconcilers(&platform);
    for (commit, (settings, paths)) in commits.into_iter().zip(compared) {
        let sync = syncs.of(&commit.info, &paths, &reconcilers);
        platform.changes.push(Change {
            commit: commit.info,
            synced: sync.map(|event| event.time),
            synced_by: sync.map(|event| describe(&event.object)),
            synthetic: sync.is_some_and(|event| event.synthetic),
            paths,
            settings,
        });
    }
    if more {
        platform.gaps.push(Gap {
            what: format!("commits before the newest {MAX_CHANGES} of the last two hours"),
            why: "they were not compared, so their effect is not known".to_owned(),
            remedy: "ask about a shorter or later window".to_owned(),
            ..Gap::default()
        });
    }
    Ok(platform)
}

/// What a commit changed in effect.
enum Difference {
    /// These settings.
    Known(Vec<SettingChange>),
    /// One of the two sides could not be read as completely as the other.
    Unknown(Gap),
}

/// Platforms of several revisions; parsed files are shared between them.
struct Revisions<'a> {
    repository: &'a Repository,
    cache: ParseCache,
    known: BTreeMap<CommitId, Platform>,
}

impl<'a> Revisions<'a> {
    fn new(repository: &'a Repository) -> Self {
        Self { repository, cache: ParseCache::new(), known: BTreeMap::new() }
    }

    /// What a commit changed in effect against its first parent; nothing for the first commit of
    /// all, which has nothing to be compared with.
    fn difference(&mut self, commit: &Commit) -> Result<Difference, GitError> {
        let Some(parent) = commit.parents.first() else {
            let id = &commit.info.id;
            return Ok(if self.repository.is_border(id) {
                Difference::Unknown(legibility::cut_off(id))
            } else {
                Difference::Known(Vec::new())
            });
        };
        self.read(parent)?;
        self.read(&commit.info.id)?;
        let Some((before, after)) = self.known.get(parent).zip(self.known.get(&commit.info.id))
        else {
            return Ok(Difference::Known(Vec::new()));
        };
        Ok(match legibility::unequal(before, after) {
            Some(gap) => Difference::Unknown(legibility::unknown(&commit.info.id, &gap)),
            None => Difference::Known(stilltrace_platform::compare(before, after)),
        })
    }

    fn read(&mut self, id: &CommitId) -> Result<(), GitError> {
        if !self.known.contains_key(id) {
            let tree = self.repository.tree(id)?;
            let platform = stilltrace_platform::read(&tree, &mut self.cache);
            self.known.insert(id.clone(), platform);
        }
        Ok(())
    }

    /// Forgets platforms that neither a commit to come nor the end result needs.
    fn keep(&mut self, to_come: &[Commit], revision: &CommitId) {
        self.known.retain(|id, _| {
            let needed =
                |commit: &Commit| commit.info.id == *id || commit.parents.first() == Some(id);
            id == revision || to_come.iter().any(needed)
        });
    }

    fn take(&mut self, id: &CommitId) -> Result<Platform, GitError> {
        self.read(id)?;
        Ok(self.known.remove(id).unwrap_or_default())
    }
}

/// Recorded syncs with the commits that each one carried.
struct Syncs<'a> {
    syncs: Vec<(&'a Event, std::rc::Rc<std::collections::BTreeSet<CommitId>>)>,
}

impl<'a> Syncs<'a> {
    /// Only commits since `since` are told apart; older ones are no change of the window.
    fn new(
        repository: &Repository,
        events: &'a [Event],
        since: Timestamp,
    ) -> Result<Self, GitError> {
        let mut carried = BTreeMap::new();
        let mut syncs = Vec::new();
        for event in events.iter().filter(|event| event.kind == EventKind::Synced) {
            let Some(revision) = &event.revision else { continue };
            if !carried.contains_key(revision) {
                let Some(commits) = repository.history_since(revision, since)? else { continue };
                carried.insert(revision.clone(), std::rc::Rc::new(commits));
            }
            if let Some(commits) = carried.get(revision) {
                syncs.push((event, std::rc::Rc::clone(commits)));
            }
        }
        Ok(Self { syncs })
    }

    /// The first sync at or after the commit that carried it. A reconciler whose folder the commit
    /// touched is asked first: others apply the same revision without any effect.
    fn of(
        &self,
        commit: &CommitInfo,
        paths: &[String],
        reconcilers: &[Reconciler],
    ) -> Option<&'a Event> {
        let touched = |object: &ObjectRef| {
            let own = reconcilers.iter().filter(|one| one.object == *object);
            own.into_iter().any(|one| paths.iter().any(|path| is_below(path, &one.path)))
        };
        let mut carrying = self
            .syncs
            .iter()
            .filter(|(event, commits)| event.time >= commit.time && commits.contains(&commit.id))
            .map(|(event, _)| *event);
        let first = carrying.clone().next();
        carrying.find(|event| touched(&event.object)).or(first)
    }
}

/// The distinct reconcilers of the workloads.
fn reconcilers(platform: &Platform) -> Vec<Reconciler> {
    let mut all: Vec<Reconciler> = Vec::new();
    for reconciler in platform.workloads.values().filter_map(|one| one.reconciler.as_ref()) {
        if !all.contains(reconciler) {
            all.push(reconciler.clone());
        }
    }
    all
}

fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_start_matches("./").trim_matches('/');
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What people call the object that synced.
fn describe(object: &ObjectRef) -> String {
    let group = object.api_version.split('/').next().unwrap_or_default();
    match (group, object.kind.as_str()) {
        ("kustomize.toolkit.fluxcd.io" | "helm.toolkit.fluxcd.io", _) => {
            format!("Flux {object}")
        }
        ("argoproj.io", _) => format!("Argo CD {object}"),
        _ => object.to_string(),
    }
}
