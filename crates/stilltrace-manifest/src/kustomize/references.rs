//! References by name, after names have changed.
//!
//! A Deployment that mounts a ConfigMap names it; when a prefix, suffix or hash changed the
//! ConfigMap's name, the reference follows. Only references between objects of the same build are
//! known, and only in the fields of the configuration, as in Kustomize.

mod choice;

use std::collections::{BTreeMap, BTreeSet};

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Mark, Node};

use super::config::Config;
use super::fields::{FieldSpec, Gvk, visit, would_change};
use super::resource::{Id, Resource};

use choice::{Choice, concerns};

/// An object whose identity changed.
struct Renamed {
    /// Earlier identities.
    previous: Vec<Id>,
    current: Id,
    /// `metadata.namespace` as written, with its place.
    written_namespace: Option<(String, Mark)>,
    name: Node,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// The object that refers, as far as the choice among candidates depends on it.
struct Referrer {
    cluster_scoped: bool,
    namespace: Option<String>,
    /// Namespaces of the service accounts that a role binding names.
    binding_namespaces: BTreeSet<String>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    /// Group and kind that a `roleRef` names.
    role: Option<Gvk>,
}

/// The referring fields of one kind: what each refers to and where it is.
type Fields<'a> = Vec<(&'a Gvk, &'a FieldSpec)>;

/// Makes references follow the objects they name.
///
/// A reference that could mean several objects stays as it is and is a problem.
pub(super) fn follow_names(resources: &mut [Resource], config: &Config) -> Vec<Problem> {
    let mut problems: Vec<Problem> = resources.iter().flat_map(blank_subjects).collect();
    let renamed: Vec<Renamed> = resources.iter().filter_map(renamed).collect();
    if renamed.is_empty() {
        return problems;
    }
    let by_name = by_name(&renamed);
    let namespaces = resources.iter().filter_map(namespaces).collect();
    let by_kind = by_kind(config);
    for resource in resources {
        let original = resource.original_id();
        let own = by_kind.get(original.kind.as_str());
        let fields = own.into_iter().chain(by_kind.get("")).flatten();
        let mut referrer_of = None;
        for (target, spec) in fields.filter(|(_, spec)| spec.of.accepts_id(&original)) {
            let root = &resource.object.root;
            if !would_change(root, &spec.path, &|node| concerns(node, &by_name)) {
                continue;
            }
            let mut choice = Choice {
                renamed: &renamed,
                by_name: &by_name,
                namespaces: &namespaces,
                target,
                referrer: referrer_of.get_or_insert_with(|| referrer(resource)),
                to_role: spec.path.ends_with("roleRef/name"),
            };
            let root = resource.object.root_mut();
            problems.extend(visit(root, &spec.path, None, &mut |node| choice.update(node)).err());
        }
    }
    problems
}

/// The present and the original namespace.
fn namespaces(resource: &Resource) -> Option<(String, String)> {
    Some((resource.id().namespace?, resource.original_id().namespace?))
}

/// Positions of the objects that had a name.
fn by_name(renamed: &[Renamed]) -> BTreeMap<String, Vec<usize>> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (position, object) in renamed.iter().enumerate() {
        let names: BTreeSet<&str> = object.previous.iter().map(|id| id.name.as_str()).collect();
        for name in names {
            found.entry(name.to_owned()).or_default().push(position);
        }
    }
    found
}

/// The referring fields by the kind of the referring object; empty for any kind.
fn by_kind(config: &Config) -> BTreeMap<&str, Fields<'_>> {
    let mut found: BTreeMap<&str, Fields<'_>> = BTreeMap::new();
    for references in config.references() {
        for spec in &references.referrers {
            found.entry(&*spec.of.kind).or_default().push((&references.target, spec));
        }
    }
    found
}

fn referrer(resource: &Resource) -> Referrer {
    let role = resource.object.root.get("roleRef").and_then(|role| {
        let text = |key: &str| Some(role.get(key)?.text()?.to_owned());
        Some(Gvk { group: text("apiGroup")?.into(), kind: text("kind")?.into(), ..Gvk::default() })
    });
    Referrer {
        cluster_scoped: resource.is_cluster_scoped(),
        namespace: resource.id().namespace,
        binding_namespaces: service_accounts(resource)
            .filter_map(|namespace| Some(namespace.text()?.to_owned()))
            .collect(),
        prefixes: resource.prefixes.clone(),
        suffixes: resource.suffixes.clone(),
        role,
    }
}

/// The namespaces of the service accounts that a `RoleBinding` names, as written.
fn service_accounts(resource: &Resource) -> impl Iterator<Item = &Node> {
    let is_binding = resource.object.kind() == "RoleBinding";
    let subjects = resource.object.root.get("subjects").filter(|_| is_binding);
    let subjects = subjects.map_or(&[][..], Node::items).iter();
    subjects
        .filter(|s| s.get("kind").and_then(Node::text) == Some("ServiceAccount"))
        .filter_map(|s| s.get("namespace"))
}

/// Service accounts that a role binding names with a `namespace` but no value for it.
fn blank_subjects(resource: &Resource) -> Vec<Problem> {
    let blank = service_accounts(resource).filter(|namespace| namespace.is_null());
    let text = "`namespace` is blank; write the namespace or remove the line";
    blank.map(|node| Problem::at(&node.mark, ProblemKind::Invalid, text)).collect()
}

fn renamed(resource: &Resource) -> Option<Renamed> {
    if resource.previous.is_empty() {
        return None;
    }
    let current = resource.id();
    let previous = resource.ids().take(resource.previous.len()).collect();
    let name =
        resource.object.root.at(&["metadata", "name"]).filter(|name| name.text().is_some())?;
    Some(Renamed {
        previous,
        written_namespace: resource.object.namespace().and_then(|namespace| {
            let node = resource.object.root.at(&["metadata", "namespace"])?;
            Some((namespace.to_owned(), node.mark.clone()))
        }),
        name: name.clone(),
        current,
        prefixes: resource.prefixes.clone(),
        suffixes: resource.suffixes.clone(),
    })
}
