//! Objects that somebody edited by hand, which no revision of the repository shows.

use serde_json::{Value, json};

use super::objects::seconds;
use crate::gitops::{self, WindowCommit};
use crate::rendered::{self, RenderError};

/// The object of an edit by hand as the API server has it: with who wrote it last, and when
/// (milliseconds of Unix time). `None` if nothing applies the object.
///
/// # Errors
/// When the repository with the edit in it cannot be rendered.
pub(crate) fn edited(commit: &WindowCommit, at_ms: i64) -> Result<Option<Value>, RenderError> {
    let Some(reconciler) = &commit.reconciler else { return Ok(None) };
    let tree = gitops::tree(&commit.revision.files);
    let all = rendered::objects(&tree, std::slice::from_ref(&reconciler.path))?;
    let name = &commit.object;
    let named = |object: &Value| {
        object["kind"] == name.kind
            && object["metadata"]["name"] == name.name
            && object["metadata"]["namespace"] == name.namespace
    };
    Ok(all.into_iter().find(named).map(|mut object| {
        object["metadata"]["managedFields"] = json!([{
            "manager": "kubectl-edit",
            "operation": "Update",
            "apiVersion": name.api_version,
            "time": seconds(at_ms),
        }]);
        object
    }))
}
