//! What scheduler, injector and kubelet would do: a place and an address for every pod, the labels of
//! a sidecar, and its end.
//!
//! The processes behind an address stay what they are. A rollout's new pods take the addresses of the
//! old ones, and what differs in them takes effect in place.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use hyper::Method;
use serde_json::{Value, json};
use stilltrace_model::WorkloadId;

use super::api::MERGE;
use super::{Cluster, NODE, api};
use crate::mesh::MeshError;

/// Labels that Istio's injector writes.
const TLS_MODE: &str = "security.istio.io/tlsMode";
const CANONICAL_NAME: &str = "service.istio.io/canonical-name";
const CANONICAL_REVISION: &str = "service.istio.io/canonical-revision";
/// Label that tells the pods of one template from those of another.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// An address of the mesh, and the pod that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    /// The workload whose pods may have it.
    pub(crate) workload: WorkloadId,
    /// The address.
    pub(crate) address: Ipv4Addr,
    /// The pod that came last.
    pub(crate) pod: Option<Bound>,
}

/// A pod of the API server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Bound {
    /// Its name.
    pub(crate) name: String,
    /// Its uid.
    pub(crate) uid: String,
    /// Its labels, those of the injector among them.
    pub(crate) labels: BTreeMap<String, String>,
    /// Its service account.
    pub(crate) service_account: String,
}

impl Bound {
    /// Tells the pods of one template from those of another.
    fn template(&self) -> Option<&String> {
        self.labels.get(TEMPLATE_HASH)
    }
}

impl Cluster {
    /// The addresses with the pods that have them.
    pub(crate) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Whether every address has its pod.
    pub(crate) fn is_seated(&self) -> bool {
        self.seats.iter().all(|seat| seat.pod.is_some())
    }

    /// Gives every new pod a place, and ends those that shall go: nobody but a kubelet ends a pod
    /// that has a node. A pod for which there is no address stays pending. Says whether there was
    /// anything to do.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    pub(crate) fn bind_pods(&mut self) -> Result<bool, MeshError> {
        let pods = self.api.list(api::PODS)?;
        let is_new = |pod: &&Value| {
            pod.pointer("/status/podIP").is_none()
                && pod.pointer("/metadata/deletionTimestamp").is_none()
        };
        let ending = pods.iter().filter(|pod| !pod["metadata"]["deletionTimestamp"].is_null());
        let mut acted = false;
        leave_seats(&mut self.seats, &pods);
        for pod in ending {
            self.end(pod);
            acted = true;
        }
        for pod in pods.iter().filter(is_new) {
            let Some(workload) = workload_of(pod) else { continue };
            let mut bound = read(pod);
            mark_injected(&mut bound.labels, &workload.name);
            let Some(seat) = free(&mut self.seats, &workload, &bound) else { continue };
            let address = seat.address;
            let old = seat.pod.replace(bound.clone());
            if let Some(old) = old {
                // It may have gone since we looked.
                let _ = self.set_ready(&workload.namespace, &old.name, address, false);
            }
            self.bind(&workload.namespace, &bound, address)?;
            acted = true;
        }
        Ok(acted)
    }

    /// Whether every Deployment runs the template that it was given, and nothing else.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(super) fn is_rolled_out(&self) -> Result<bool, MeshError> {
        Ok(self.api.list(api::DEPLOYMENTS)?.iter().all(is_complete))
    }

    /// Ends a pod as a kubelet does when its containers are gone.
    fn end(&self, pod: &Value) {
        let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        let now = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0});
        // It may have gone since we looked.
        let _ = self.api.send(Method::DELETE, &path, "application/json", &now);
    }

    /// The three calls: its place, the labels of its sidecar, its state.
    fn bind(&self, namespace: &str, pod: &Bound, address: Ipv4Addr) -> Result<(), MeshError> {
        let name = &pod.name;
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        let binding = json!({
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        });
        self.api.send(Method::POST, &format!("{path}/binding"), "application/json", &binding)?;
        let labels = json!({"metadata": {"labels": pod.labels}});
        self.api.send(Method::PATCH, &path, MERGE, &labels)?;
        self.set_ready(namespace, name, address, true)
    }

    /// Reports a pod as running at an address, and as fit to be called or not: of two pods with one
    /// address only one may be.
    fn set_ready(
        &self,
        namespace: &str,
        name: &str,
        address: Ipv4Addr,
        is_ready: bool,
    ) -> Result<(), MeshError> {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
        let condition =
            |kind, is: bool| json!({"type": kind, "status": if is { "True" } else { "False" }});
        let conditions = [
            condition("PodScheduled", true),
            condition("Initialized", true),
            condition("ContainersReady", is_ready),
            condition("Ready", is_ready),
        ];
        let status = json!({"status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "hostIP": super::ADDRESS,
            "conditions": conditions,
        }});
        self.api.send(Method::PATCH, &path, MERGE, &status)
    }
}

/// Whether a Deployment has all the pods of its template and no others.
fn is_complete(deployment: &Value) -> bool {
    let number = |at: &str| deployment.pointer(at).and_then(Value::as_u64);
    let wanted = number("/spec/replicas").unwrap_or(1);
    let counts = ["updatedReplicas", "availableReplicas", "replicas"];
    number("/status/observedGeneration") >= number("/metadata/generation")
        && counts.iter().all(|count| number(&format!("/status/{count}")).unwrap_or(0) == wanted)
}

/// Frees the addresses of pods that are no more: scaled down, or ended by somebody.
fn leave_seats(seats: &mut [Seat], pods: &[Value]) {
    let alive: BTreeSet<_> = pods.iter().map(|pod| text(pod, "/metadata/uid")).collect();
    for seat in seats {
        seat.pod = seat.pod.take().filter(|bound| alive.contains(&bound.uid));
    }
}

/// The address for a new pod of a workload: one that nobody has, else that of a pod of an older
/// template, which the rollout is about to end.
fn free<'a>(seats: &'a mut [Seat], workload: &WorkloadId, pod: &Bound) -> Option<&'a mut Seat> {
    let own = |seat: &Seat| seat.workload == *workload;
    let empty = seats.iter().position(|seat| own(seat) && seat.pod.is_none());
    let older = || {
        seats.iter().position(|seat| {
            own(seat) && seat.pod.as_ref().is_some_and(|old| old.template() != pod.template())
        })
    };
    let place = empty.or_else(older)?;
    seats.get_mut(place)
}

/// The Deployment or StatefulSet that a pod belongs to.
fn workload_of(pod: &Value) -> Option<WorkloadId> {
    let owner = pod.pointer("/metadata/ownerReferences/0")?;
    let name = owner["name"].as_str()?;
    let hash = text(pod, "/metadata/labels/pod-template-hash");
    let name = name.strip_suffix(&hash).and_then(|name| name.strip_suffix('-')).unwrap_or(name);
    Some(WorkloadId::new(text(pod, "/metadata/namespace"), name))
}

/// A pod as the API server tells it.
fn read(pod: &Value) -> Bound {
    let labels = pod.pointer("/metadata/labels").and_then(Value::as_object);
    let labels = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let account = text(pod, "/spec/serviceAccountName");
    Bound {
        name: text(pod, "/metadata/name"),
        uid: text(pod, "/metadata/uid"),
        labels: labels.collect(),
        service_account: if account.is_empty() { "default".to_owned() } else { account },
    }
}

/// Adds the labels that Istio's injector adds. Every pod that has an address here has a proxy, whatever
/// was applied first, its namespace's label or its Deployment.
fn mark_injected(labels: &mut BTreeMap<String, String>, workload: &str) {
    let first = |keys: [&str; 2], or: &str| {
        let found = keys.iter().find_map(|key| labels.get(*key).filter(|value| !value.is_empty()));
        found.cloned().unwrap_or_else(|| or.to_owned())
    };
    let name = first(["app.kubernetes.io/name", "app"], workload);
    let revision = first(["app.kubernetes.io/version", "version"], "latest");
    labels.insert(TLS_MODE.to_owned(), "istio".to_owned());
    labels.insert(CANONICAL_NAME.to_owned(), name);
    labels.insert(CANONICAL_REVISION.to_owned(), revision);
}

/// The text at a JSON pointer; empty if there is none.
fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, hash: &str) -> Value {
        json!({
            "metadata": {
                "name": name,
                "namespace": "shop",
                "labels": {"app": "front", "pod-template-hash": hash},
                "ownerReferences": [{"kind": "ReplicaSet", "name": format!("front-v1-{hash}")}],
            },
            "spec": {},
        })
    }

    #[test]
    fn a_pod_belongs_to_the_deployment_behind_its_replica_set() {
        assert_eq!(workload_of(&pod("a", "5d9c")), Some(WorkloadId::new("shop", "front-v1")));
        assert_eq!(workload_of(&json!({"metadata": {"name": "bare"}})), None);
    }

    #[test]
    fn a_rollouts_pods_take_the_addresses_of_the_old_ones_and_no_others() {
        let workload = WorkloadId::new("shop", "front-v1");
        let seat = |last| Seat {
            workload: workload.clone(),
            address: Ipv4Addr::new(198, 18, 1, last),
            pod: None,
        };
        let mut seats = [seat(1), seat(2)];
        let mut take = |name: &str, hash: &str| {
            let bound = read(&pod(name, hash));
            let seat = free(&mut seats, &workload, &bound)?;
            seat.pod = Some(bound);
            Some(seat.address.octets()[3])
        };
        assert_eq!([take("a", "old"), take("b", "old")], [Some(1), Some(2)]);
        assert_eq!(take("c", "old"), None, "more pods than addresses");
        assert_eq!([take("d", "new"), take("e", "new")], [Some(1), Some(2)]);
        assert_eq!(take("f", "new"), None);
    }

    #[test]
    fn the_address_of_a_pod_that_has_gone_is_free() {
        let workload = WorkloadId::new("shop", "front-v1");
        let mut one = pod("a", "x");
        one["metadata"]["uid"] = "1".into();
        let address = Ipv4Addr::new(198, 18, 1, 1);
        let mut seats = [Seat { workload: workload.clone(), address, pod: Some(read(&one)) }];
        leave_seats(&mut seats, &[one]);
        assert!(free(&mut seats, &workload, &read(&pod("b", "x"))).is_none());
        leave_seats(&mut seats, &[]);
        assert!(free(&mut seats, &workload, &read(&pod("b", "x"))).is_some());
    }

    #[test]
    fn a_rollout_is_over_when_only_pods_of_the_new_template_are_there() {
        let deployment = |generation: u64, updated: u64, all: u64| {
            json!({
                "metadata": {"generation": 2},
                "spec": {"replicas": 2},
                "status": {
                    "observedGeneration": generation, "updatedReplicas": updated,
                    "availableReplicas": all, "replicas": all,
                },
            })
        };
        assert!(is_complete(&deployment(2, 2, 2)));
        assert!(!is_complete(&deployment(1, 2, 2)), "not looked at yet");
        assert!(!is_complete(&deployment(2, 1, 2)));
        assert!(!is_complete(&deployment(2, 2, 3)), "an old one is still there");
    }

    #[test]
    fn a_sidecars_labels_name_the_service_as_istio_does() {
        let mut bound = read(&pod("a", "x"));
        mark_injected(&mut bound.labels, "front-v1");
        assert_eq!(bound.labels[CANONICAL_NAME], "front");
        assert_eq!(bound.labels[CANONICAL_REVISION], "latest");
        assert_eq!(bound.labels[TLS_MODE], "istio");
    }
}
