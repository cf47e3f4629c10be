//! The order in which objects are printed.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use crate::problem::{Problem, ProblemKind};
use crate::yaml::Node;

use super::directory::Directory;
use super::render::Reorder;
use super::resource::Resource;

/// Kinds that come first when nothing else is asked for, in this order.
pub(super) const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that come last when nothing else is asked for, in this order.
pub(super) const LAST: [&str; 2] =
    ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Ranks of kinds; kinds without one have rank 0.
type Ranks<'a> = BTreeMap<&'a str, isize>;

/// Sorts objects as `sortOptions` of the root kustomization says, or else the command line.
///
/// # Errors
/// When `sortOptions` contradicts itself, or two objects have the same identity.
pub(super) fn sort(
    directory: &Directory,
    reorder: Reorder,
    resources: &mut [Resource],
) -> Result<(), Problem> {
    let Some(options) = directory.field("sortOptions") else {
        return match reorder {
            Reorder::None => Ok(()),
            Reorder::Legacy => sort_by_kind(resources, &ranks(FIRST, LAST)),
        };
    };
    let legacy = options.get("legacySortOptions").filter(|legacy| !legacy.is_null());
    let refuse = |text: String| Err(Problem::at(&options.mark, ProblemKind::Invalid, text));
    match (options.get("order").and_then(Node::text).unwrap_or(""), legacy) {
        ("fifo", None) => Ok(()),
        ("legacy", None) => sort_by_kind(resources, &ranks(FIRST, LAST)),
        ("legacy", Some(legacy)) => {
            let kinds = |field| legacy.get(field).map_or(&[][..], Node::items);
            let texts = |field| kinds(field).iter().filter_map(Node::text).collect::<Vec<_>>();
            sort_by_kind(resources, &ranks(texts("orderFirst"), texts("orderLast")))
        }
        ("fifo", Some(_)) => {
            refuse("`legacySortOptions` is set but `order` is `fifo`, not `legacy`".to_owned())
        }
        (other, _) => refuse(format!("`sortOptions.order` is `{other}`; use `fifo` or `legacy`")),
    }
}

fn ranks<'a>(
    first: impl IntoIterator<Item = &'a str, IntoIter: ExactSizeIterator>,
    last: impl IntoIterator<Item = &'a str>,
) -> Ranks<'a> {
    let first = first.into_iter();
    let count = first.len().cast_signed();
    let mut ranks: Ranks<'a> = first.zip(0_isize..).map(|(kind, at)| (kind, at - count)).collect();
    ranks.extend(last.into_iter().zip(1_isize..));
    ranks
}

/// What an object is sorted by.
#[derive(PartialEq, Eq)]
struct Key {
    rank: isize,
    /// The core kind `Namespace` comes before kinds of that name in other groups.
    namespaces: Reverse<bool>,
    type_name: String,
    /// Namespace and name, joined so that they are compared as one text.
    name: String,
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |key: &Self| (key.rank, key.namespaces);
        parts(self)
            .cmp(&parts(other))
            .then_with(|| self.type_name.cmp(&other.type_name))
            .then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn key(resource: &Resource, ranks: &Ranks<'_>) -> Key {
    let or = |text: &str, absent: &str| {
        if text.is_empty() { absent.to_owned() } else { text.to_owned() }
    };
    let object = &resource.object;
    let (group, kind) = (object.group(), object.kind());
    let namespace = object.namespace().unwrap_or("");
    Key {
        rank: ranks.get(kind).copied().unwrap_or(0),
        namespaces: Reverse(kind == "Namespace" && group.is_empty()),
        type_name: format!("{}_{}_{}", or(group, "~G"), or(object.version(), "~V"), or(kind, "~K")),
        name: format!("{}|{}", or(namespace, "~X"), or(object.name(), "~N")),
    }
}

fn sort_by_kind(resources: &mut [Resource], ranks: &Ranks<'_>) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for resource in resources.iter() {
        if !seen.insert(resource.id()) {
            let text = format!("two objects are {}", resource.object.key());
            return Err(Problem::at(resource.object.mark(), ProblemKind::Invalid, text));
        }
    }
    resources.sort_by_cached_key(|resource| key(resource, ranks));
    Ok(())
}
