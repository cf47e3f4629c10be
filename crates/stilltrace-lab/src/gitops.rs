//! The Git repository of an incident: invented, but real.
//!
//! From a topology, a layout and a seed comes a bare Git repository as a platform team of some
//! size would have it: clusters, applications, tenants' overlays, mesh policy, owners, a catalog,
//! and weeks of history by several people. In the minutes around the recording's start it gains a
//! few commits; one of them is the scenario's change. Messages, authors and delays of that one and
//! of the others come from the same generators, so nothing but its effect gives it away.
//!
//! Everything is text: objects are drawn ([`objects`]), laid out in files ([`layout`]), written in
//! changing styles ([`emit`]), taken back in time ([`history`]) and imported ([`import`]).

mod block;
mod calendar;
mod cast;
mod draft;
mod draw;
mod edit;
mod emit;
mod history;
mod import;
mod layout;
mod message;
mod names;
mod objects;
mod value;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests;

use std::path::Path;

use crate::topology::Topology;

pub(crate) use draw::Draw;
#[cfg(test)]
pub(crate) use edit::Deed;
pub(crate) use edit::{Edit, Files, tree};
pub(crate) use import::ImportError;
pub(crate) use layout::{LayoutWish, Reconciler};
pub(crate) use names::Renaming;
pub(crate) use objects::image_repository as image_repository_of;
pub(crate) use value::Value;

use draft::Draft;

/// What a repository is made from.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    /// What runs, under the names that the repository shall use.
    pub(crate) topology: &'a Topology,
    /// What the scenario wants of the layout.
    pub(crate) layout: LayoutWish,
    /// Decides everything that is left open.
    pub(crate) seed: u64,
    /// When the recording starts, in milliseconds since 1970.
    pub(crate) start_ms: i64,
    /// Values that the repository holds from the start.
    pub(crate) base: &'a [Preset],
    /// The commits around the recording, oldest first.
    pub(crate) window: &'a [Planned],
}

/// A value that the repository holds from the start.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preset {
    /// Kind of the object.
    pub(crate) kind: String,
    /// The service or workload that the object is about, `gateway`, or `mesh`.
    pub(crate) of: String,
    /// Name of the object, where there are several of the kind about the same thing.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Field of the object; empty for an object that is merely there.
    #[serde(default)]
    pub(crate) field: String,
    /// The value, which may be a map or a list.
    #[serde(default)]
    pub(crate) value: Value,
    /// Set in an older copy of the object below `archive/`, which nothing applies by itself.
    #[serde(default)]
    pub(crate) archived: bool,
}

/// A commit around the recording.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    /// What it changes.
    pub(crate) edit: Edit,
    /// When the history gains it, in milliseconds since 1970.
    pub(crate) commit_ms: i64,
    /// Whether the history has it.
    pub(crate) presence: Presence,
}

/// Whether the history has a planned commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It does.
    Committed,
    /// Left out, as in a control run; the value before stays.
    Omitted,
    /// In effect and in no commit, as an edit of the live object; the next commit undoes it.
    Live,
}

/// One revision of the repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Revision {
    /// The commit's id.
    pub(crate) commit: String,
    /// All files.
    pub(crate) files: Files,
}

/// A commit of the window, as written.
#[derive(Debug, Clone)]
pub(crate) struct WindowCommit {
    /// The repository after it; without a commit id if it is a live edit.
    pub(crate) revision: Revision,
    /// The commit before it.
    pub(crate) parent: String,
    /// Whether it took the line away, which then stands in the parent.
    pub(crate) removed: bool,
    /// The object that it changed.
    pub(crate) object: ObjectName,
    /// The field of the object.
    pub(crate) field: String,
    /// The file of the changed line.
    pub(crate) path: String,
    /// The changed line, from 1.
    pub(crate) line: u32,
    /// Who applies the file to the cluster; nobody applies a catalog entry.
    pub(crate) reconciler: Option<Reconciler>,
}

impl WindowCommit {
    /// Whether it is an edit of the live object, of which the history knows nothing.
    pub(crate) fn is_live(&self) -> bool {
        self.revision.commit.is_empty()
    }
}

/// What identifies an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectName {
    /// Such as `networking.istio.io/v1`.
    pub(crate) api_version: String,
    /// Such as `VirtualService`.
    pub(crate) kind: String,
    /// Empty for cluster-scoped kinds.
    pub(crate) namespace: String,
    /// `metadata.name`.
    pub(crate) name: String,
}

/// The repository as written.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    /// The last revision before the window.
    pub(crate) base: Revision,
    /// The commits of the window, in the order of [`Request::window`]; `None` for an omitted one.
    pub(crate) window: Vec<Option<WindowCommit>>,
    /// The objects that apply the repository to the cluster.
    pub(crate) reconcilers: Vec<Reconciler>,
    /// How many commits it has.
    pub(crate) commits: usize,
}

/// Why a repository could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitopsError {
    /// A scenario names an object that the topology does not have.
    #[error("no {kind} about `{of}`; `of` may be: {known}")]
    NoObject {
        /// The kind asked for.
        kind: String,
        /// What it should be about.
        of: String,
        /// What the topology has.
        known: String,
    },
    /// A field path leads nowhere.
    #[error("{kind} about `{of}`: `{field}` cannot be set; check the path against the object")]
    NoField {
        /// The kind asked for.
        kind: String,
        /// What it is about.
        of: String,
        /// The path.
        field: String,
    },
    /// Git could not write the history.
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Writes the repository to `folder`, which must not exist.
pub(crate) fn generate(request: &Request, folder: &Path) -> Result<Repository, GitopsError> {
    let start = request.start_ms.div_euclid(1_000);
    let draft = Draft::new(request, start)?;
    let last = draft.files();
    let steps = draft.history(&last);
    let mut commits = draft.old_commits(&steps, start);
    let old = commits.len();
    let (mut window, mut kept, mut live) = (Vec::new(), Vec::new(), Vec::<&Edit>::new());
    let mut files = last.clone();
    let mut draw = Draw::new(request.seed, "window");
    for planned in request.window {
        let (commit, mut written) = draft.window_commit(&mut files, planned, &mut draw)?;
        // What somebody changed by hand outlives commits about other things.
        for edit in &live {
            draft.reapply(&mut written.revision.files, edit);
        }
        if planned.presence == Presence::Live {
            live.push(&planned.edit);
        }
        if planned.presence == Presence::Committed {
            commits.push(commit);
        }
        kept.push(planned.presence);
        window.push(written);
    }
    let ids = import::write(&commits, folder)?;
    let id = |index: usize| ids.get(index).cloned().unwrap_or_default();
    let mut next = old;
    let window = window
        .into_iter()
        .zip(kept)
        .map(|(mut written, presence)| {
            written.parent = id(next.saturating_sub(1));
            if presence == Presence::Committed {
                written.revision.commit = id(next);
                next += 1;
            }
            (presence != Presence::Omitted).then_some(written)
        })
        .collect();
    let base = Revision { commit: id(old.saturating_sub(1)), files: last };
    let reconcilers = draft.reconcilers();
    Ok(Repository { base, window, reconcilers, commits: commits.len() })
}
