//! What scheduler and kubelet would do: a place and an address for every pod, and its end.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Cluster;
use super::boot::NODE;
use crate::mesh::MeshError;

/// How long Deployments may take to have their pods.
const PATIENCE: Duration = Duration::from_mins(1);

/// A pod of the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its address; none before it is bound.
    pub address: Option<Ipv4Addr>,
    /// Whether it shall go: nobody but a kubelet ends a pod that has a node.
    pub is_ending: bool,
}

impl Cluster {
    /// The pods that the API server holds.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub fn pods(&self) -> Result<Vec<Bound>, MeshError> {
        Ok(self.objects("pods")?.iter().map(read).collect())
    }

    /// Waits until every Deployment has the pods that it asks for.
    ///
    /// # Errors
    /// When one has not after a minute: names it.
    pub fn wait_for_pods(&mut self) -> Result<(), MeshError> {
        let started = Instant::now();
        loop {
            self.bind_pods()?;
            let deployments = self.objects("deployments")?;
            let short = deployments.iter().find(|one| !is_complete(one));
            if short.is_none() && !self.pods()?.iter().any(|pod| pod.is_ending) {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                let what = short.map_or_else(
                    || "the end of old pods".to_owned(),
                    |short| format!("Deployment {}", short["metadata"]["name"]),
                );
                let log = short.map(|short| short["status"].to_string()).unwrap_or_default();
                return Err(MeshError::NotReady { what, seconds: PATIENCE.as_secs(), log });
            }
            std::thread::sleep(super::LOOK);
        }
    }

    /// Binds every pod that has no node, reports it as running at a free address, and ends those that
    /// shall go.
    pub(super) fn bind_pods(&mut self) -> Result<(), MeshError> {
        let pods = self.pods()?;
        let mut taken: Vec<_> = pods.iter().filter_map(|pod| pod.address).collect();
        for Bound { namespace, name, .. } in pods.iter().filter(|pod| pod.is_ending) {
            let at = format!("--namespace={namespace}");
            let now = ["--force", "--grace-period=0", "--ignore-not-found", "--wait=false"];
            self.kubectl(&[["delete", "pod", name, &at].as_slice(), &now].concat(), None)?;
        }
        for pod in pods.iter().filter(|pod| pod.address.is_none() && !pod.is_ending) {
            let Some(address) = (0..).map_while(address).find(|free| !taken.contains(free)) else {
                return Err(MeshError::Order("more pods than addresses"));
            };
            self.bind(pod, address)?;
            taken.push(address);
        }
        Ok(())
    }

    /// The two calls: its place, then its state.
    fn bind(&self, pod: &Bound, address: Ipv4Addr) -> Result<(), MeshError> {
        let Bound { namespace, name, .. } = pod;
        let binding = json!({
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        });
        let path = format!("--raw=/api/v1/namespaces/{namespace}/pods/{name}/binding");
        // A pod that was bound before and could not be reported is refused here; its state counts.
        let _ = self.kubectl(&["create", &path, "--filename=-"], Some(&binding.to_string()));
        let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"]
            .map(|kind| json!({"type": kind, "status": "True"}));
        let status = json!({"status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "hostIP": super::ADDRESS,
            "conditions": conditions,
        }});
        let at = format!("--namespace={namespace}");
        let merged = format!("--patch={status}");
        let what = ["patch", "pod", name.as_str(), &at, "--subresource=status", "--type=merge"];
        self.kubectl(&[what.as_slice(), &[&merged]].concat(), None).map(drop)
    }
}

/// Whether a Deployment has all the pods that it asks for.
fn is_complete(deployment: &Value) -> bool {
    let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
    deployment["status"]["availableReplicas"].as_u64().unwrap_or(0) >= wanted
}

/// A pod as the API server tells it.
fn read(object: &Value) -> Bound {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str);
    Bound {
        namespace: text("/metadata/namespace").unwrap_or_default().to_owned(),
        name: text("/metadata/name").unwrap_or_default().to_owned(),
        address: text("/status/podIP").and_then(|address| address.parse().ok()),
        is_ending: text("/metadata/deletionTimestamp").is_some(),
    }
}

/// Address number `index` of pods, counted so that the last octet is never 0 or 255.
fn address(index: u16) -> Option<Ipv4Addr> {
    let third = u8::try_from(index / 200).ok().filter(|third| *third < 100)?;
    let fourth = u8::try_from(index % 200).ok()?;
    Some(Ipv4Addr::new(198, 18, third, fourth + 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_pods_share_an_address() {
        let all: std::collections::BTreeSet<_> = (0..1_000).filter_map(address).collect();
        assert_eq!(all.len(), 1_000);
    }
}
