//! `replicas`: other counts for workloads by name.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::Node;

use super::fields::{FieldSpec, visit};
use super::resource::Resource;

const REPLICAS: &[FieldSpec] = &[
    FieldSpec::created("Deployment", "spec/replicas"),
    FieldSpec::created("ReplicationController", "spec/replicas"),
    FieldSpec::created("ReplicaSet", "spec/replicas"),
    FieldSpec::created("StatefulSet", "spec/replicas"),
];

/// Applies one entry of `replicas`.
pub(super) fn set_replicas(resources: &mut [Resource], entry: &Node) -> Result<(), Problem> {
    let (Some(name), Some(count)) = (entry.get("name").and_then(Node::text), entry.get("count"))
    else {
        let text = "an entry of `replicas` needs a `name` and a `count`";
        return Err(Problem::at(&entry.mark, ProblemKind::Invalid, text));
    };
    if count.as_i64().is_none() {
        let text = "`count` must be a whole number";
        return Err(Problem::at(&count.mark, ProblemKind::Invalid, text));
    }
    let mut found = false;
    for resource in resources {
        let named = resource.object.name() == name
            || resource.previous.iter().any(|previous| previous.name == name);
        let spec = REPLICAS.iter().find(|spec| spec.matches(&resource.object));
        let (true, Some(spec)) = (named, spec) else { continue };
        found = true;
        visit(resource.object.root_mut(), spec.path, Some(&count.mark), &mut |node| {
            if node.is_null() { *node = count.clone() } else { node.override_with(count.clone()) }
        });
    }
    if found {
        return Ok(());
    }
    let text = format!("no workload is named `{name}`");
    Err(Problem::at(&entry.mark, ProblemKind::Invalid, text))
}
