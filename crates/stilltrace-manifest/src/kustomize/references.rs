//! References by name, after names have changed.
//!
//! A Deployment that mounts a ConfigMap names it; when a prefix, suffix or hash changed the
//! ConfigMap's name, the reference follows. Only references between objects of the same build are
//! known, and only in the fields below, as in Kustomize.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Mark, Node, Value};

use super::fields::visit;
use super::names::replace;
use super::resource::Resource;

/// Where the pod specification is, by kind.
const POD_SPECS: &[(&str, &str)] = &[
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
    ("Deployment", "spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("Pod", "spec"),
    ("PodTemplate", "template/spec"),
    ("ReplicaSet", "spec/template/spec"),
    ("ReplicationController", "spec/template/spec"),
    ("StatefulSet", "spec/template/spec"),
];

/// Fields of a pod specification that name another object: (kind of that object, path).
const POD_REFERENCES: &[(&str, &str)] = &[
    ("ConfigMap", "volumes/configMap/name"),
    ("ConfigMap", "containers/env/valueFrom/configMapKeyRef/name"),
    ("ConfigMap", "initContainers/env/valueFrom/configMapKeyRef/name"),
    ("ConfigMap", "containers/envFrom/configMapRef/name"),
    ("ConfigMap", "initContainers/envFrom/configMapRef/name"),
    ("ConfigMap", "volumes/projected/sources/configMap/name"),
    ("Secret", "volumes/secret/secretName"),
    ("Secret", "containers/env/valueFrom/secretKeyRef/name"),
    ("Secret", "initContainers/env/valueFrom/secretKeyRef/name"),
    ("Secret", "containers/envFrom/secretRef/name"),
    ("Secret", "initContainers/envFrom/secretRef/name"),
    ("Secret", "imagePullSecrets/name"),
    ("Secret", "volumes/projected/sources/secret/name"),
    ("ServiceAccount", "serviceAccountName"),
    ("PersistentVolumeClaim", "volumes/persistentVolumeClaim/claimName"),
    ("PriorityClass", "priorityClassName"),
];

/// Other references: (kind of the object referred to, kind that refers to it, path).
const REFERENCES: &[(&str, &str, &str)] = &[
    ("Deployment", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("ReplicationController", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("ReplicaSet", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("StatefulSet", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "spec/policyName"),
    ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "spec/policyName"),
    ("ConfigMap", "Node", "spec/configSource/configMap"),
    ("ConfigMap", "Role", "rules/resourceNames"),
    ("ConfigMap", "ClusterRole", "rules/resourceNames"),
    ("Secret", "Ingress", "spec/tls/secretName"),
    ("Secret", "ServiceAccount", "imagePullSecrets/name"),
    ("Secret", "StorageClass", "parameters/secretName"),
    ("Secret", "StorageClass", "parameters/adminSecretName"),
    ("Secret", "StorageClass", "parameters/userSecretName"),
    ("Secret", "StorageClass", "parameters/secretRef"),
    ("Secret", "Role", "rules/resourceNames"),
    ("Secret", "ClusterRole", "rules/resourceNames"),
    ("Secret", "Service", "spec/template/spec/containers/env/valueFrom/secretKeyRef/name"),
    ("Secret", "PersistentVolume", "spec/azureFile/secretName"),
    ("Service", "StatefulSet", "spec/serviceName"),
    ("Service", "Ingress", "spec/rules/http/paths/backend/serviceName"),
    ("Service", "Ingress", "spec/backend/serviceName"),
    ("Service", "Ingress", "spec/rules/http/paths/backend/service/name"),
    ("Service", "Ingress", "spec/defaultBackend/service/name"),
    ("Service", "APIService", "spec/service/name"),
    ("Service", "ValidatingWebhookConfiguration", "webhooks/clientConfig/service"),
    ("Service", "MutatingWebhookConfiguration", "webhooks/clientConfig/service"),
    ("Service", "HTTPRoute", "spec/rules/backendRefs/name"),
    ("Role", "RoleBinding", "roleRef/name"),
    ("ClusterRole", "RoleBinding", "roleRef/name"),
    ("ClusterRole", "ClusterRoleBinding", "roleRef/name"),
    ("ServiceAccount", "RoleBinding", "subjects"),
    ("ServiceAccount", "ClusterRoleBinding", "subjects"),
    ("PersistentVolume", "PersistentVolumeClaim", "spec/volumeName"),
    ("PersistentVolume", "ClusterRole", "rules/resourceNames"),
    ("StorageClass", "PersistentVolume", "spec/storageClassName"),
    ("StorageClass", "PersistentVolumeClaim", "spec/storageClassName"),
    ("StorageClass", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
    ("IngressClass", "Ingress", "spec/ingressClassName"),
];

/// An object whose identity changed.
struct Renamed {
    /// Earlier names, with the kind of that time.
    previous: Vec<(String, String)>,
    original_namespace: Option<String>,
    namespace: Option<String>,
    /// `metadata.namespace` as written, with its place.
    written_namespace: Option<(String, Mark)>,
    name: Node,
    kind: String,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// The object that refers, as far as the choice among candidates depends on it.
struct Referrer {
    namespace: Option<String>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// Makes references follow the objects they name.
///
/// A reference that could mean several objects stays as it is and is a problem.
pub(super) fn follow_names(resources: &mut [Resource]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = resources.iter().flat_map(blank_subjects).collect();
    let renamed: Vec<Renamed> = resources.iter().filter_map(renamed).collect();
    if renamed.is_empty() {
        return problems;
    }
    for resource in resources {
        let kind = resource.object.kind().to_owned();
        let referrer = Referrer {
            namespace: resource.id().namespace,
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
        };
        let role = resource.object.root.at(&["roleRef", "kind"]).and_then(Node::text);
        let role = role.map(str::to_owned);
        let mut follow = |target: &str, path: &str| {
            if path == "roleRef/name" && role.as_deref().is_some_and(|role| role != target) {
                return;
            }
            let mut choice =
                Choice { renamed: &renamed, target, referrer: &referrer, problems: Vec::new() };
            visit(resource.object.root_mut(), path, None, &mut |node| choice.update(node));
            problems.append(&mut choice.problems);
        };
        for (target, _, path) in REFERENCES.iter().filter(|(_, from, _)| *from == kind) {
            follow(target, path);
        }
        let Ok(found) = POD_SPECS.binary_search_by(|(name, _)| (*name).cmp(&kind)) else {
            continue;
        };
        for (target, path) in POD_REFERENCES {
            follow(target, &format!("{}/{path}", POD_SPECS[found].1));
        }
    }
    problems
}

/// Service accounts that a role binding names with a `namespace` but no value for it.
fn blank_subjects(resource: &Resource) -> Vec<Problem> {
    if resource.object.kind() != "RoleBinding" {
        return Vec::new();
    }
    let subjects = resource.object.root.get("subjects").map_or(&[][..], Node::items).iter();
    let accounts =
        subjects.filter(|s| s.get("kind").and_then(Node::text) == Some("ServiceAccount"));
    let blank = accounts.filter_map(|s| s.get("namespace")).filter(|namespace| namespace.is_null());
    let text = "`namespace` is blank; write the namespace or remove the line";
    blank.map(|node| Problem::at(&node.mark, ProblemKind::Invalid, text)).collect()
}

fn renamed(resource: &Resource) -> Option<Renamed> {
    let original = resource.previous.first()?;
    let previous = resource.previous.iter().map(|id| (id.kind.clone(), id.name.clone())).collect();
    let name =
        resource.object.root.at(&["metadata", "name"]).filter(|name| name.text().is_some())?;
    Some(Renamed {
        previous,
        original_namespace: original.namespace.clone(),
        namespace: resource.id().namespace,
        written_namespace: resource.object.namespace().and_then(|namespace| {
            let node = resource.object.root.at(&["metadata", "namespace"])?;
            Some((namespace.to_owned(), node.mark.clone()))
        }),
        name: name.clone(),
        kind: resource.object.kind().to_owned(),
        prefixes: resource.prefixes.clone(),
        suffixes: resource.suffixes.clone(),
    })
}

/// The choice of the object that one field refers to.
struct Choice<'a> {
    renamed: &'a [Renamed],
    target: &'a str,
    referrer: &'a Referrer,
    problems: Vec<Problem>,
}

impl<'a> Choice<'a> {
    fn update(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Scalar(_) => self.update_name(node),
            Value::Mapping(_) => self.update_mapping(node),
            Value::Sequence(items) => items.iter_mut().for_each(|item| match item.value {
                Value::Scalar(_) => self.update_name(item),
                Value::Mapping(_) => self.update_mapping(item),
                _ => {}
            }),
            Value::Null => {}
        }
    }

    fn update_name(&mut self, node: &mut Node) {
        let candidates: Vec<&Renamed> = self.renamed.iter().collect();
        if let Some(found) = self.select(&node.mark, node.text().unwrap_or(""), candidates) {
            replace(node, found.name.clone());
        }
    }

    /// A reference by name and namespace, such as a subject of a role binding.
    fn update_mapping(&mut self, node: &mut Node) {
        let Some(name) = node.get("name").and_then(Node::text) else { return };
        let candidates: Vec<&Renamed> = match node.get("namespace").and_then(Node::text) {
            None => self.renamed.iter().collect(),
            Some(namespace) => {
                let within = |field: fn(&Renamed) -> &Option<String>| {
                    let all = self.renamed.iter();
                    all.filter(|r| field(r).as_deref() == Some(namespace)).collect::<Vec<_>>()
                };
                let original = within(|renamed| &renamed.original_namespace);
                if original.is_empty() { within(|renamed| &renamed.namespace) } else { original }
            }
        };
        let Some(found) = self.select(&node.mark, name, candidates) else { return };
        if let Some(name) = node.get_mut("name") {
            replace(name, found.name.clone());
        }
        if let Some((namespace, mark)) = &found.written_namespace {
            match node.get_mut("namespace") {
                Some(node) => replace(node, Node::string(namespace, mark.clone())),
                None => node.set("namespace", mark, Node::string(namespace, mark.clone())),
            }
        }
    }

    /// The one candidate that had the name; several are told apart by their prefixes.
    fn select(
        &mut self,
        mark: &Mark,
        name: &str,
        candidates: Vec<&'a Renamed>,
    ) -> Option<&'a Renamed> {
        let had_name = |r: &&Renamed| r.previous.iter().any(|(_, previous)| previous == name);
        let is_kind = |r: &&Renamed| r.previous.iter().any(|(kind, _)| kind == self.target);
        let reachable = |r: &&Renamed| {
            self.referrer.namespace.is_none()
                || r.namespace.is_none()
                || r.kind == "ServiceAccount"
                || r.namespace == self.referrer.namespace
        };
        let mut found: Vec<&'a Renamed> =
            candidates.into_iter().filter(had_name).filter(is_kind).filter(reachable).collect();
        if found.len() > 1 {
            let context = |r: &Renamed, lenient: bool| {
                same_ending(&r.prefixes, &self.referrer.prefixes, lenient)
                    && same_ending(&r.suffixes, &self.referrer.suffixes, lenient)
            };
            found.retain(|r| context(r, true));
            if found.len() > 1 && found.iter().any(|r| context(r, false)) {
                found.retain(|r| context(r, false));
            }
        }
        let first = *found.first()?;
        let same =
            |r: &&Renamed| r.name.text() == first.name.text() && r.namespace == first.namespace;
        if found.iter().all(same) {
            return Some(first);
        }
        let text = format!(
            "`{name}` could mean several objects, such as `{}`",
            first.name.text().unwrap_or("")
        );
        self.problems.push(Problem::at(mark, ProblemKind::Invalid, text));
        None
    }
}

/// Whether the shorter list is the end of the longer one.
fn same_ending(a: &[String], b: &[String], lenient: bool) -> bool {
    if lenient && (a.is_empty() || b.is_empty()) {
        return true;
    }
    let length = a.len().min(b.len());
    (length > 0 || a.len() == b.len()) && a[a.len() - length..] == b[b.len() - length..]
}
