//! Folders of which a reconciler applies nothing, because they do not build.
//!
//! Kustomize gives nothing where one file of a build cannot be used, and so does Argo CD where one
//! manifest of a directory cannot be read: the cluster keeps what an earlier revision made of it.

use stilltrace_manifest::{Problem, ProblemKind};
use stilltrace_model::{Bearing, ReconcilerKind};

use super::claim::{Claim, Content};
use super::render::Rendered;
use crate::gaps::Gaps;

/// Says so for a claim of whose files one cannot be used.
pub(super) fn report(gaps: &Gaps, claim: &Claim, rendered: &Rendered) {
    let Some(reconciler) = &claim.reconciler else { return };
    let (Content::Kustomization { folder, .. } | Content::Plain { folder, .. }) = &claim.content
    else {
        return;
    };
    let Some(problem) = rendered.problems.iter().find(|problem| stops(problem)) else { return };
    let who = match reconciler.kind {
        ReconcilerKind::ArgoCd => "Argo CD",
        ReconcilerKind::Flux | ReconcilerKind::FluxHelm => "Flux",
    };
    let place = match problem.line {
        0 => problem.path.to_string(),
        line => format!("{}:{line}", problem.path),
    };
    let object = &reconciler.object;
    gaps.add_bearing(
        Bearing::Answer,
        format!("{object} applies nothing of `{folder}`, which does not build from what was read ({place})"),
        format!(
            "{who} leaves in the cluster what an earlier revision made of it; the answer shows what \
             will be in effect when the rest is applied"
        ),
        "mend the file, or read what is missing; `stilltrace render` and `kustomize build` say what \
         is wrong",
    );
}

/// Whether the real tools end there too. What is beyond this reader's own means says nothing about
/// theirs.
fn stops(problem: &Problem) -> bool {
    matches!(problem.kind, ProblemKind::Syntax | ProblemKind::Missing | ProblemKind::Invalid)
}
