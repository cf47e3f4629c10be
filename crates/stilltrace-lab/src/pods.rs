//! The pods of a topology: names, addresses and containers as Kubernetes would give them.
//!
//! Everything here follows from the topology and the seed alone, so two boots of the same lab have
//! the same pods. Names look like those of a Deployment's pods (`NAME-HASH-SUFFIX`, in the alphabet
//! of Kubernetes' `util/rand`), container ids like containerd's (64 hexadecimal digits).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use serde::{Deserialize, Serialize};
use stilltrace_model::{ContainerId, Platform, ServiceId, WorkloadId};

use crate::host::cgroup::Group;
use crate::topology::{Call, Service, Topology, WorkloadSpec};

/// Characters that Kubernetes uses for generated names.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Name of an application's container where the platform names none.
pub const APP_CONTAINER: &str = "app";
/// Largest list of containers that is read, in bytes.
const MAX_LIST: u64 = 1 << 20;

/// One pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Pod {
    /// Its workload.
    pub workload: WorkloadId,
    /// Its service.
    pub service: ServiceId,
    /// Service port, which its proxy listens on.
    pub port: u16,
    /// Pod name, unique in its namespace.
    pub name: String,
    /// Pod uid.
    pub uid: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Service account, hence TLS identity.
    pub service_account: String,
    /// Pod labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is the gateway: a proxy without an application.
    pub is_gateway: bool,
    /// Services it calls.
    pub calls: Vec<(ServiceId, Call)>,
    /// Name of the application's container.
    pub app_name: String,
    /// Container id of the proxy.
    pub proxy_id: String,
    /// Container id of the application; none on the gateway.
    pub app_id: Option<String>,
}

impl Pod {
    /// Name of the pod's folder: unique in the lab.
    pub fn folder(&self) -> String {
        format!("{}.{}", self.name, self.workload.namespace)
    }

    /// The proxy's container as the model names it.
    pub fn proxy(&self) -> ContainerId {
        self.container(ContainerId::SIDECAR)
    }

    /// The application's container as the model names it.
    pub fn app(&self) -> ContainerId {
        self.container(&self.app_name)
    }

    fn container(&self, name: &str) -> ContainerId {
        ContainerId {
            workload: self.workload.clone(),
            pod: self.name.clone(),
            container: name.to_owned(),
        }
    }
}

/// The pods of `topology`, the gateway first, then services and workloads as written.
pub fn plan(topology: &Topology, seed: u64) -> Vec<Pod> {
    let mut pods = vec![gateway_pod(topology, seed)];
    for service in &topology.services {
        for workload in service.workloads() {
            for replica in 0..workload.replicas {
                let index = pods.len();
                pods.push(service_pod(service, &workload, replica, index, seed));
            }
        }
    }
    pods
}

/// Gives the pods what Git says about them: service account and container name.
///
/// The topology's are only for platforms that do not say.
pub fn follow(pods: &mut [Pod], platform: &Platform) {
    for pod in pods {
        let Some(workload) = platform.workloads.get(&pod.workload) else { continue };
        pod.service_account.clone_from(&workload.service_account);
        if let Some(app) = workload.containers.first() {
            pod.app_name.clone_from(&app.name);
        }
    }
}

/// The gateway's pod.
fn gateway_pod(topology: &Topology, seed: u64) -> Pod {
    let gateway = &topology.gateway;
    let workload = WorkloadId::new(&gateway.namespace, &gateway.name);
    let calls = gateway.calls.iter().map(|call| {
        let anywhere = topology.services.iter().find(|service| service.name == call.service);
        let namespace = call
            .namespace
            .clone()
            .or_else(|| anywhere.map(|service| service.namespace.clone()))
            .unwrap_or_else(|| gateway.namespace.clone());
        (ServiceId::new(namespace, &call.service), call.clone())
    });
    let labels = [("app", gateway.name.as_str()), ("istio", "ingressgateway")];
    let mut pod = skeleton(workload, 0, 0, seed);
    pod.service = ServiceId::new(&gateway.namespace, &gateway.name);
    pod.service_account = gateway.service_account.clone().unwrap_or_else(|| gateway.name.clone());
    pod.labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    pod.is_gateway = true;
    pod.app_id = None;
    pod.calls = calls.collect();
    pod
}

/// One pod of a service.
fn service_pod(
    service: &Service,
    workload: &WorkloadSpec,
    replica: u32,
    index: usize,
    seed: u64,
) -> Pod {
    let calls = service.calls.iter().map(|call| {
        let namespace = call.namespace.as_ref().unwrap_or(&service.namespace);
        (ServiceId::new(namespace, &call.service), call.clone())
    });
    let id = WorkloadId::new(&service.namespace, &workload.name);
    let mut pod = skeleton(id, replica, index, seed);
    pod.service = ServiceId::new(&service.namespace, &service.name);
    pod.port = service.port;
    pod.service_account = service.service_account.clone().unwrap_or_else(|| service.name.clone());
    pod.labels = service.pod_labels(workload);
    pod.calls = calls.collect();
    pod
}

/// What follows from a pod's place alone.
fn skeleton(workload: WorkloadId, replica: u32, index: usize, seed: u64) -> Pod {
    let template = format!("{seed}/{workload}");
    let pod = format!("{template}/{replica}");
    let name = format!("{}-{}-{}", workload.name, suffix(&template, 9), suffix(&pod, 5));
    let place = u16::try_from(index).unwrap_or(u16::MAX).saturating_add(10);
    let [high, low] = place.to_be_bytes();
    Pod {
        service: ServiceId::new(&workload.namespace, &workload.name),
        port: crate::topology::SERVICE_PORT,
        name,
        uid: uuid(&pod),
        address: Ipv4Addr::new(198, 18, high.saturating_add(1), low),
        service_account: String::new(),
        labels: BTreeMap::new(),
        is_gateway: false,
        calls: Vec::new(),
        app_name: APP_CONTAINER.to_owned(),
        proxy_id: hex(&format!("{pod}/proxy"), 64),
        app_id: Some(hex(&format!("{pod}/app"), 64)),
        workload,
    }
}

/// A stream of numbers from a text: FNV-1a (Fowler, Noll, Vo) as seed of splitmix64 (Steele,
/// Lea, Flood 2014). Names need to be stable and distinct, not secret.
fn stream(text: &str) -> impl Iterator<Item = u64> {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// `length` characters of Kubernetes' alphabet that follow from `text`.
fn suffix(text: &str, length: usize) -> String {
    let pick = |number: u64| char::from(ALPHABET[(number % ALPHABET.len() as u64) as usize]);
    stream(text).take(length).map(pick).collect()
}

/// `length` hexadecimal digits that follow from `text`.
fn hex(text: &str, length: usize) -> String {
    let mut digits = String::with_capacity(length + 16);
    for number in stream(text).take(length.div_ceil(16)) {
        let _ = write!(digits, "{number:016x}");
    }
    digits.truncate(length);
    digits
}

/// A uid in the form of a random UUID that follows from `text`.
fn uuid(text: &str) -> String {
    let digits = hex(&format!("{text}/uid"), 32);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Numbers that follow from `text`, for seeds.
pub fn seed_of(text: &str) -> u64 {
    stream(text).next().unwrap_or(0)
}

/// A container with its control group, as the sampler and the exporter need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerEntry {
    /// Container id, 64 hexadecimal digits.
    pub id: String,
    /// Pod uid.
    pub pod_uid: String,
    /// Kubernetes namespace.
    pub namespace: String,
    /// Workload name.
    pub workload: String,
    /// Pod name.
    pub pod: String,
    /// Container name.
    pub container: String,
    /// Its control group.
    pub group: Group,
}

impl ContainerEntry {
    /// The container as the model names it.
    pub fn model_id(&self) -> ContainerId {
        ContainerId {
            workload: WorkloadId::new(&self.namespace, &self.workload),
            pod: self.pod.clone(),
            container: self.container.clone(),
        }
    }
}

/// Reads the list of containers that the mesh wrote at boot.
pub fn read_containers(path: &Path) -> io::Result<Vec<ContainerEntry>> {
    let fail = |error: String| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
    };
    if std::fs::metadata(path)?.len() > MAX_LIST {
        return Err(fail(format!("larger than {MAX_LIST} bytes")));
    }
    serde_json::from_slice(&std::fs::read(path)?).map_err(|error| fail(error.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed read is a failed test")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn topology() -> Topology {
        Topology::parse(
            "gateway: {calls: [front]}\nservices:\n- {name: front, namespace: a, calls: [store]}\n\
             - {name: store, namespace: a, replicas: 3}\n",
        )
        .unwrap()
    }

    #[test]
    fn pods_are_distinct_in_every_identity() {
        let pods = plan(&topology(), 1);
        assert_eq!(pods.len(), 5);
        let distinct =
            |key: &dyn Fn(&Pod) -> String| pods.iter().map(key).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(&|pod| pod.name.clone()), 5);
        assert_eq!(distinct(&|pod| pod.uid.clone()), 5);
        assert_eq!(distinct(&|pod| pod.address.to_string()), 5);
        assert_eq!(distinct(&|pod| pod.proxy_id.clone()), 5);
    }

    #[test]
    fn the_same_seed_gives_the_same_pods() {
        assert_eq!(plan(&topology(), 7), plan(&topology(), 7));
        assert_ne!(plan(&topology(), 7)[1].name, plan(&topology(), 8)[1].name);
    }

    #[test]
    fn the_gateway_finds_its_callee_in_another_namespace() {
        let pods = plan(&topology(), 1);
        assert!(pods[0].is_gateway);
        assert_eq!(pods[0].calls[0].0, ServiceId::new("a", "front"));
        assert_eq!(pods[0].app_id, None);
    }
}
