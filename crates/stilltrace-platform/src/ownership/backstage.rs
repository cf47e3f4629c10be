//! Entities of a Backstage catalog and the workloads they stand for.
//!
//! Backstage joins an entity to Kubernetes objects by annotations of the entity
//! (`backstage.io/kubernetes-label-selector`, `backstage.io/kubernetes-id`, `…-namespace`). Weaker
//! evidence stands in where there are none: the Argo CD application, the entity's name, the folder
//! of its source. Every catalog file of the repository is read, whether or not a `Location` names
//! it: where the catalog looks is set up outside the repository.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use stilltrace_manifest::{Node, Object};
use stilltrace_model::{Location, Owner, ReconcilerKind, Workload};

use super::selector;
use crate::field::location;
use crate::labels::Labels;

const ID: &str = "backstage.io/kubernetes-id";
const NAMESPACE: &str = "backstage.io/kubernetes-namespace";
const SELECTOR: &str = "backstage.io/kubernetes-label-selector";
const SOURCE: &str = "backstage.io/source-location";
const APPLICATION: &str = "argocd/app-name";

/// A component or resource with an owner.
pub(super) struct Entity {
    id: Reference,
    owner: String,
    at: Location,
    kubernetes_id: Option<String>,
    kubernetes_namespace: Option<String>,
    selector: Option<String>,
    application: Option<String>,
    folder: Option<String>,
}

/// `kind:namespace/name` of an entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Reference {
    kind: String,
    namespace: String,
    name: String,
}

/// How an entity is tied to a workload, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    Selector,
    Id,
    Application,
    Name,
    Folder,
}

/// Reads all components and resources that have an owner: their own, else that of their system,
/// else that of the system's domain.
pub(super) fn read(written: &[Object]) -> Vec<Entity> {
    let ours = written.iter().filter(|object| object.group() == "backstage.io");
    let groups: BTreeMap<Reference, &Object> = ours
        .clone()
        .filter(|object| matches!(object.kind(), "System" | "Domain"))
        .filter_map(|object| Some((reference(object)?.folded(), object)))
        .collect();
    let parts = ours.filter(|object| matches!(object.kind(), "Component" | "Resource"));
    parts.filter_map(|object| entity(object, &groups)).collect()
}

fn entity(object: &Object, groups: &BTreeMap<Reference, &Object>) -> Option<Entity> {
    let (owner, at) = owner(object, groups)?;
    let annotation = |key: &str| object.annotation(key).map(str::to_owned);
    Some(Entity {
        id: reference(object)?,
        owner,
        at,
        kubernetes_id: annotation(ID),
        kubernetes_namespace: annotation(NAMESPACE),
        selector: annotation(SELECTOR),
        application: annotation(APPLICATION),
        folder: object.annotation(SOURCE).and_then(folder).map(str::to_owned),
    })
}

/// `spec.owner` of the entity or of what it is a part of, and where it is written.
fn owner(object: &Object, groups: &BTreeMap<Reference, &Object>) -> Option<(String, Location)> {
    let mut object = object;
    for part_of in [Some("system"), Some("domain"), None] {
        let owner = object.root.at(&["spec", "owner"]);
        if let Some((node, text)) = owner.and_then(|node| Some((node, node.text()?))) {
            return Some((text.to_owned(), location(&node.mark)));
        }
        let kind = part_of?;
        let Some(whole) = object.root.at(&["spec", kind]).and_then(Node::text) else {
            continue;
        };
        let home = object.namespace().unwrap_or("default");
        object = groups.get(&Reference::parse(whole, kind, home).folded())?;
    }
    None
}

fn reference(object: &Object) -> Option<Reference> {
    let name = object.root.at(&["metadata", "name"]).and_then(Node::text)?;
    Some(Reference {
        kind: object.kind().to_lowercase(),
        namespace: object.namespace().unwrap_or("default").to_owned(),
        name: name.to_owned(),
    })
}

impl Reference {
    /// Reads `[kind:][namespace/]name`; what is absent is taken from where the reference stands.
    fn parse(text: &str, kind: &str, namespace: &str) -> Self {
        let (kind, rest) = text.split_once(':').unwrap_or((kind, text));
        let (namespace, name) = rest.split_once('/').unwrap_or((namespace, rest));
        Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// For comparing: references do not distinguish upper and lower case.
    fn folded(&self) -> Self {
        Self {
            kind: self.kind.to_lowercase(),
            namespace: self.namespace.to_lowercase(),
            name: self.name.to_lowercase(),
        }
    }
}

/// The folder inside a repository that `url:https://HOST/…/tree/REVISION/FOLDER` names; `None` for
/// a whole repository.
fn folder(source: &str) -> Option<&str> {
    let url = source.strip_prefix("url:")?;
    let (_, rest) = url.split_once("/tree/").or_else(|| url.split_once("/blob/"))?;
    let (_, path) = rest.split_once('/')?;
    let path = path.trim_matches('/');
    (!path.is_empty()).then_some(path)
}

/// The owner of a workload by the entity that is tied to it most closely; of equal ones that of the
/// deepest folder, of the workload's own namespace, of the first file. `labels` are those of the
/// workload's object, which the catalog asks for like those of its pods.
pub(super) fn owner_of(entities: &[Entity], workload: &Workload, labels: &Labels) -> Option<Owner> {
    let fitting = entities.iter().filter_map(|entity| {
        let tie = entity.tie(workload, labels)?;
        let depth = match tie {
            Tie::Folder => entity.folder.as_ref().map_or(0, String::len),
            _ => 0,
        };
        let elsewhere = entity.id.namespace != workload.id.namespace;
        Some(((tie, Reverse(depth), elsewhere), entity))
    });
    let (_, entity) = fitting.min_by_key(|(rank, _)| *rank)?;
    let Reference { kind, namespace, name } = &entity.id;
    Some(Owner {
        name: entity.owner.clone(),
        source: entity.at.clone(),
        component: Some(format!("{kind}:{namespace}/{name}")),
        workload: Some(workload.id.clone()),
    })
}

impl Entity {
    fn tie(&self, workload: &Workload, labels: &Labels) -> Option<Tie> {
        let elsewhere = |namespace: &String| *namespace != workload.id.namespace;
        if self.kubernetes_namespace.as_ref().is_some_and(elsewhere) {
            return None;
        }
        if let Some(text) = &self.selector {
            // One set, so that `!=` is not true of an object only because it lacks its pods' labels.
            let mut both = labels.clone();
            both.extend(workload.labels.clone());
            let selected = selector::holds(text, &both);
            return selected.then_some(Tie::Selector);
        }
        if let Some(id) = &self.kubernetes_id {
            let labelled = workload.labels.get(ID) == Some(id) || labels.get(ID) == Some(id);
            return (labelled || *id == workload.id.name).then_some(Tie::Id);
        }
        if self.is_applied_with(workload) {
            return Some(Tie::Application);
        }
        // A database of the same name is no workload; only annotations tie other kinds.
        if self.id.kind == "component" && self.id.name == workload.id.name {
            return Some(Tie::Name);
        }
        self.holds_file_of(workload).then_some(Tie::Folder)
    }

    fn is_applied_with(&self, workload: &Workload) -> bool {
        let Some(by) = &workload.reconciler else { return false };
        by.kind == ReconcilerKind::ArgoCd && self.application.as_ref() == Some(&by.object.name)
    }

    fn holds_file_of(&self, workload: &Workload) -> bool {
        let Some(folder) = &self.folder else { return false };
        let path = workload.origin.location().map(|at| &at.path);
        let rest = path.and_then(|path| path.strip_prefix(folder.as_str()));
        rest.is_some_and(|rest| rest.starts_with('/'))
    }
}
