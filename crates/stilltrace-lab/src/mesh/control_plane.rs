//! Istio's control plane as a process of the mesh: the folder that it serves and what it reports.
//!
//! It serves one folder of manifests and looks at it several times a second, so applying a revision
//! is replacing one file. It prints a line of JSON for each pod that it made up, for each object
//! that it applied or refused, and one when it has read everything.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use stilltrace_model::ServiceId;

use super::bystanders::Bystanders;
use crate::envoy::equipment;
use crate::host::state;
use crate::prometheus;

/// Address of the control plane at the bridge.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 255, 2);
/// Port of its discovery service.
pub(super) const PORT: u16 = 15010;
/// First two octets of the pods' addresses.
pub(super) const POD_NETWORK: &str = "198.18";
/// Settings of the control plane that upstream Envoy needs: no filters of Istio's own build. Pods
/// are found by address, because the lab names them as a cluster would.
pub(super) const ENVIRONMENT: [(&str, &str); 3] = [
    ("PILOT_ENABLE_METADATA_EXCHANGE", "false"),
    ("PILOT_ENABLE_ALPN_FILTER", "false"),
    ("ENABLE_PROXY_FIND_POD_BY_IP", "true"),
];
/// Most services of a mesh.
const MAX_SERVICES: usize = 60_000;

/// [`ENVIRONMENT`] as a process takes it.
pub(crate) fn environment() -> Vec<(&'static str, OsString)> {
    ENVIRONMENT.map(|(name, value)| (name, value.into())).to_vec()
}

/// What the control plane reports.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    /// `pod`, `serving`, `applied`, `deleted`, `refused`, `failed` or `read`.
    #[serde(rename = "event")]
    pub(super) what: String,
    /// Kind, namespace and name of the object that it is about.
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    /// Workload of a pod.
    pub(super) workload: String,
    /// Address of a pod.
    pub(super) address: Option<String>,
    /// Service account of a pod.
    pub(super) service_account: String,
    /// `sidecar`, `router` or `none`.
    pub(super) proxy: String,
    /// Labels of a pod, those of the sidecar injector among them.
    pub(super) labels: BTreeMap<String, String>,
    /// Why something was refused or failed.
    pub(super) reason: String,
}

impl Event {
    /// The object that it is about, for people.
    pub(super) fn object(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// The control plane of a mesh.
#[derive(Debug)]
pub(super) struct ControlPlane {
    /// The folder that it serves.
    folder: PathBuf,
    /// The file that its output goes to.
    log: PathBuf,
    /// How much of the output has been read, in bytes.
    read: usize,
    /// Cluster addresses of services.
    services: BTreeMap<ServiceId, Ipv4Addr>,
    /// The manifests as written last.
    written: String,
    /// Services that nobody calls.
    bystanders: Bystanders,
}

impl ControlPlane {
    /// A control plane that serves `manifests` in the lab's folder `state` and reports to `log`, with
    /// so many services that nobody calls.
    pub(super) fn new(state: &Path, log: PathBuf, bystanders: u32) -> io::Result<Self> {
        let folder = state.join("manifests");
        fs::create_dir_all(&folder)?;
        let equipment = [equipment::statistics(), equipment::collector(prometheus::exporter())];
        let equipment = equipment.map(|object| format!("{object:#}\n")).join("---\n");
        state::replace(&folder.join("lab.yaml"), equipment.as_bytes())?;
        let (services, written) = (BTreeMap::new(), String::new());
        let bystanders = Bystanders::new(bystanders);
        bystanders.write(&folder)?;
        Ok(Self { folder, log, read: 0, services, written, bystanders })
    }

    /// Lets the services that nobody calls change as in a rollout of another team.
    pub(super) fn roll_out(&mut self) -> io::Result<()> {
        self.bystanders.roll_out();
        self.bystanders.write(&self.folder)
    }

    /// The folder that it serves.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The cluster address of a service.
    pub(super) fn service(&self, service: &ServiceId) -> Option<Ipv4Addr> {
        self.services.get(service).copied()
    }

    /// Lets the cluster hold `objects`; says whether that is another state than before.
    pub(super) fn hold(&mut self, objects: &[Value]) -> io::Result<bool> {
        let mut text = String::new();
        for object in objects {
            text.push_str(&self.with_address(object)?.to_string());
            text.push_str("\n---\n");
        }
        if text == self.written {
            return Ok(false);
        }
        state::replace(&self.folder.join("repository.yaml"), text.as_bytes())?;
        self.written = text;
        Ok(true)
    }

    /// The object; a Service gets a cluster address, the same one at every revision, as from an API
    /// server.
    fn with_address(&mut self, object: &Value) -> io::Result<Value> {
        let mut object = object.clone();
        if object["kind"] != "Service" || object["apiVersion"] != "v1" {
            return Ok(object);
        }
        let named = |field: &str| object["metadata"][field].as_str().unwrap_or("default");
        let id = ServiceId::new(named("namespace"), named("name"));
        let told = object["spec"]["clusterIP"].as_str().map(str::to_owned);
        let outside = object["spec"]["type"] == "ExternalName";
        if outside || told.as_deref().is_some_and(|told| !told.is_empty()) {
            return Ok(object);
        }
        let next = self.services.len();
        if next >= MAX_SERVICES {
            return Err(io::Error::other(format!("more than {MAX_SERVICES} services")));
        }
        let address = *self.services.entry(id).or_insert_with(|| cluster_address(next));
        object["spec"]["clusterIP"] = address.to_string().into();
        Ok(object)
    }

    /// What it has reported since the last call; lines that are not events are passed over.
    pub(super) fn news(&mut self) -> io::Result<Vec<Event>> {
        let bytes = fs::read(&self.log)?;
        let fresh = bytes.get(self.read..).unwrap_or_default();
        let whole = fresh.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.read += whole;
        let lines = fresh.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}

/// The cluster address of the service that was met as number `index`: from 198.19, which leads to
/// no device.
fn cluster_address(index: usize) -> Ipv4Addr {
    let place = u16::try_from(index).unwrap_or(u16::MAX);
    let [high, low] = (place / 250 * 256 + place % 250 + 1).to_be_bytes();
    Ipv4Addr::new(198, 19, high, low)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "a"}, "spec": {}})
    }

    #[test]
    fn a_service_keeps_its_address_when_another_comes_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut plane = ControlPlane::new(folder.path(), folder.path().join("log"), 0).unwrap();
        assert!(plane.hold(&[service("b")]).unwrap());
        assert!(!plane.hold(&[service("b")]).unwrap(), "nothing changed");
        let before = plane.service(&ServiceId::new("a", "b"));
        assert!(plane.hold(&[service("a"), service("b")]).unwrap());
        assert_eq!(plane.service(&ServiceId::new("a", "b")), before);
        assert_ne!(plane.service(&ServiceId::new("a", "a")), before);
    }

    #[test]
    fn a_half_written_line_is_read_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut plane = ControlPlane::new(folder.path(), log.clone(), 0).unwrap();
        fs::write(&log, "a word\n{\"event\":\"serving\"}\n{\"event\":").unwrap();
        assert_eq!(plane.news().unwrap().len(), 1);
        fs::write(&log, "a word\n{\"event\":\"serving\"}\n{\"event\":\"read\"}\n").unwrap();
        assert_eq!(plane.news().unwrap().first().unwrap().what, "read");
        assert!(plane.news().unwrap().is_empty());
    }

    #[test]
    fn no_two_services_share_an_address() {
        let all: std::collections::BTreeSet<_> = (0..2_000).map(cluster_address).collect();
        assert_eq!(all.len(), 2_000);
        assert!(all.iter().all(|address| !matches!(address.octets()[3], 0 | 255)));
    }
}
