//! `replicas`: other counts for workloads by name.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Node, Scalar, Style, Value};

use super::fields::{FieldSpec, visit};
use super::resource::Resource;

/// Applies one entry of `replicas` to the fields of `specs`.
pub(super) fn set_replicas(
    resources: &mut [Resource],
    entry: &Node,
    specs: &[FieldSpec],
) -> Result<(), Problem> {
    let name = entry.get("name").and_then(Node::text).unwrap_or("");
    let count = match entry.get("count") {
        Some(count) if count.as_i64().is_none() => {
            let text = "`count` must be a whole number";
            return Err(Problem::at(&count.mark, ProblemKind::Invalid, text));
        }
        Some(count) => count.clone(),
        // As in Kustomize, no count is none.
        None => {
            let none = Scalar { text: "0".into(), style: Style::Plain };
            Node::new(Value::Scalar(none), entry.mark.clone())
        }
    };
    let mut found = false;
    for spec in specs {
        let named = |resource: &Resource| {
            resource.ids().any(|id| id.name == name && spec.of.accepts_id(&id))
        };
        for resource in resources.iter_mut().filter(|resource| named(resource)) {
            found = true;
            if !spec.matches(&resource.object) {
                continue;
            }
            let create = spec.create.then_some(&count.mark);
            visit(resource.object.root_mut(), &spec.path, create, &mut |node| {
                if node.is_null() {
                    *node = count.clone();
                } else {
                    node.override_with(count.clone());
                }
                Ok(())
            })?;
        }
    }
    if found {
        return Ok(());
    }
    let text = format!("no workload is named `{name}`");
    Err(Problem::at(&entry.mark, ProblemKind::Invalid, text))
}
