//! Components of a Backstage catalog and the workloads they stand for.
//!
//! Backstage joins a component to Kubernetes objects by annotations of the component
//! (`backstage.io/kubernetes-label-selector`, `backstage.io/kubernetes-id`, `…-namespace`).

use stilltrace_manifest::{Node, Object};
use stilltrace_model::{Location, Owner, Workload};

use crate::field::location;

const ID: &str = "backstage.io/kubernetes-id";
const NAMESPACE: &str = "backstage.io/kubernetes-namespace";
const SELECTOR: &str = "backstage.io/kubernetes-label-selector";

/// A component with an owner.
pub(super) struct Component {
    name: String,
    catalog_namespace: String,
    owner: String,
    at: Location,
    kubernetes_id: Option<String>,
    kubernetes_namespace: Option<String>,
    selector: Option<String>,
}

/// Reads all components that name an owner.
pub(super) fn read(written: &[Object]) -> Vec<Component> {
    written.iter().filter_map(component).collect()
}

fn component(object: &Object) -> Option<Component> {
    if object.group() != "backstage.io" || object.kind() != "Component" {
        return None;
    }
    let owner = object.root.at(&["spec", "owner"])?;
    let annotation = |key: &str| object.annotation(key).map(str::to_owned);
    Some(Component {
        name: object.root.at(&["metadata", "name"]).and_then(Node::text)?.to_owned(),
        catalog_namespace: object.namespace().unwrap_or("default").to_owned(),
        owner: owner.text()?.to_owned(),
        at: location(&owner.mark),
        kubernetes_id: annotation(ID),
        kubernetes_namespace: annotation(NAMESPACE),
        selector: annotation(SELECTOR),
    })
}

impl Component {
    /// How closely the component is tied to a workload: 0 by selector, 1 by id, 2 by name.
    pub(super) fn fits(&self, workload: &Workload) -> Option<u8> {
        let elsewhere = |namespace: &String| *namespace != workload.id.namespace;
        if self.kubernetes_namespace.as_ref().is_some_and(elsewhere) {
            return None;
        }
        if let Some(selector) = &self.selector {
            return selected(selector, workload).then_some(0);
        }
        let name = &workload.id.name;
        match &self.kubernetes_id {
            Some(id) => (workload.labels.get(ID) == Some(id) || id == name).then_some(1),
            None => (self.name == *name).then_some(2),
        }
    }

    /// The component's owner, for a workload.
    pub(super) fn owner_of(&self, workload: &Workload) -> Owner {
        Owner {
            name: self.owner.clone(),
            source: self.at.clone(),
            component: Some(format!("component:{}/{}", self.catalog_namespace, self.name)),
            workload: Some(workload.id.clone()),
        }
    }
}

/// Whether the pods have all labels of `key=value,key2=value2`; other operators select nothing.
fn selected(selector: &str, workload: &Workload) -> bool {
    let mut terms = selector.split(',').map(str::trim).filter(|term| !term.is_empty()).peekable();
    terms.peek().is_some()
        && terms.all(|term| {
            let pair = term.split_once("==").or_else(|| term.split_once('='));
            pair.is_some_and(|(key, value)| {
                workload.labels.get(key.trim()).map(String::as_str) == Some(value.trim())
            })
        })
}
