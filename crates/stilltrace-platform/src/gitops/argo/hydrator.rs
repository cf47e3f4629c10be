//! `spec.sourceHydrator`: Argo CD renders a dry source into a branch and applies that branch.
//!
//! At the revision with the dry source, the answer is rendered from it, so that every value names
//! the line that people write. At the revision with the rendered branch it is that branch's folder.

use stilltrace_manifest::{Node, Value};
use stilltrace_model::{Bearing, Gap};

use super::application::Application;
use crate::gitops::amend::mapping;
use crate::gitops::claim::{Claim, Reason, Refusal};

/// What the application applies; the refusal is that of the dry source.
pub(super) fn claim(
    application: &Application<'_>,
    hydrator: &Node,
) -> Option<Result<Claim, Refusal>> {
    let null = Node::new(Value::Null, hydrator.mark.clone());
    let dry = hydrator.get("drySource").unwrap_or(&null);
    match application.source(dry).transpose()? {
        Ok(mut claim) => {
            claim.caveats.extend(rendered_later(hydrator));
            Some(Ok(claim))
        }
        Err(refusal) if refusal.reason == Reason::NotPermitted => Some(Err(refusal)),
        Err(refusal) => {
            let synced = application.source(&synced(hydrator, dry));
            Some(synced.ok().flatten().ok_or(refusal))
        }
    }
}

/// `syncSource` in the fields of a source; without an address it has that of the dry source.
fn synced(hydrator: &Node, dry: &Node) -> Node {
    let part = |field: &str| hydrator.at(&["syncSource", field]).cloned();
    let parts = [
        ("repoURL", part("repoURL").or_else(|| dry.get("repoURL").cloned())),
        ("targetRevision", part("targetBranch")),
        ("path", part("path")),
    ];
    mapping(&hydrator.mark, parts)
}

/// Says that the cluster holds what the rendered branch holds.
fn rendered_later(hydrator: &Node) -> Option<Gap> {
    let branch = hydrator.at(&["syncSource", "targetBranch"])?;
    let name = branch.text()?;
    let first = hydrator.at(&["hydrateTo", "targetBranch"]).and_then(Node::text);
    let way = match first.filter(|first| *first != name) {
        Some(first) => format!("rendered into branch `{first}` and merged into `{name}` by hand"),
        None => format!("rendered into branch `{name}`"),
    };
    Some(Gap {
        bearing: Bearing::Objects,
        what: format!("{}: what the application applies is first {way}", branch.mark),
        why: "the answer is rendered from the dry source; the branch may be behind it".to_owned(),
        remedy: format!("read branch `{name}` for what the cluster holds now"),
    })
}
