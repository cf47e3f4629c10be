//! What runs in the mesh: services, their behaviour and who calls whom.
//!
//! A topology is a YAML file that a stranger can write without touching Rust (`lab/topologies/`).
//! It says what Git cannot say: how much CPU a request costs, how long a service waits, when it
//! has slow phases. Everything that Git does say - routes, retries, pools, limits, telemetry -
//! comes from the platform that our own reader computes, never from here.
//!
//! Smallest file that means something:
//!
//! ```yaml
//! gateway: {calls: [front]}
//! services:
//! - {name: front, namespace: shop, calls: [store]}
//! - {name: store, namespace: shop, replicas: 2, pool: 2, sleep_us: 2500}
//! traffic: {rate: 100}
//! ```

mod behaviour;
pub(crate) mod form;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;

pub use behaviour::{Background, Behaviour, FailPhases, Later, SlowPhases, Spread};
pub use traffic::{Peaks, Ramp, Retries, Surge, Traffic};

/// Most pods one lab may have: every pod is a real proxy of about 70 MB.
pub const MAX_PODS: usize = 24;
/// Highest request rate, in requests a second, counted over peaks.
pub const MAX_RATE: f64 = 1_000.0;
/// Largest topology file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Port that services listen on unless they say otherwise.
pub const SERVICE_PORT: u16 = 8080;

/// A mesh to run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Where outside traffic enters.
    pub gateway: Gateway,
    /// The services behind it.
    pub services: Vec<Service>,
    /// What clients send.
    #[serde(default)]
    pub traffic: Traffic,
}

/// The proxy at the edge of the mesh; it has no application.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Name of the workload and of its Kubernetes service.
    #[serde(default = "gateway_name")]
    pub name: String,
    /// Kubernetes namespace.
    #[serde(default = "gateway_namespace")]
    pub namespace: String,
    /// Service account, hence TLS identity; the workload's name if absent.
    #[serde(default)]
    pub service_account: Option<String>,
    /// Services that its routes lead to; the first one takes every request that no route of the
    /// platform matches.
    pub calls: Vec<Call>,
}

/// One Kubernetes service with the workloads behind it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Name of the service.
    pub name: String,
    /// Kubernetes namespace.
    pub namespace: String,
    /// Service port, and the port that its proxy listens on.
    #[serde(default = "service_port")]
    pub port: u16,
    /// What it speaks, which its port is named by.
    #[serde(default)]
    pub protocol: Protocol,
    /// Service account of its pods; the service's name if absent.
    #[serde(default)]
    pub service_account: Option<String>,
    /// Pods of the workload of the same name. Ignored when `workloads` is given. The platform's
    /// replica count is *not* followed: pods are processes that exist for a whole run.
    #[serde(default = "one")]
    pub replicas: u32,
    /// Workloads behind the service, when there is not exactly one of the service's own name.
    #[serde(default)]
    pub workloads: Vec<WorkloadSpec>,
    /// Labels of all its pods, beside `app`, which is the service's name unless given.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Services that a request to this one calls.
    #[serde(default)]
    pub calls: Vec<Call>,
    /// Whether the calls happen one after the other or at once.
    #[serde(default)]
    pub call_order: CallOrder,
    /// Worker threads of its application.
    #[serde(default = "two")]
    pub threads: u32,
    /// What the application does with a request.
    #[serde(flatten)]
    pub behaviour: Behaviour,
    /// Behaviour of a release, by container image (`repository/name:tag`). An image that the
    /// platform names and this map does not has `behaviour`.
    #[serde(default)]
    pub releases: BTreeMap<String, Behaviour>,
}

/// What a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http,
    /// HTTP/2 without TLS of its own.
    Http2,
    /// gRPC: HTTP/2 with its status in the trailers.
    Grpc,
    /// Bytes: one line asked, one line answered, as a database or a cache.
    Tcp,
}

impl Protocol {
    /// As Kubernetes names a port of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Grpc => "grpc",
            Self::Tcp => "tcp",
        }
    }
}

/// One workload (Deployment) behind a service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadSpec {
    /// Name of the workload.
    pub name: String,
    /// Pods.
    #[serde(default = "one")]
    pub replicas: u32,
    /// Labels of its pods beside the service's, such as `version: v2`, which subsets select by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Behaviour of this workload, if it is not the service's.
    #[serde(default)]
    pub behaviour: Option<Behaviour>,
}

/// One call that a request makes. In YAML `name`, `name.namespace`, or a map.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "CallInput")]
pub struct Call {
    /// Name of the called service.
    pub service: String,
    /// Its namespace; the caller's if absent.
    pub namespace: Option<String>,
    /// Path of the call.
    pub path: String,
    /// How many calls one request makes.
    pub times: u32,
}

/// The two ways to write a [`Call`].
#[derive(Deserialize)]
#[serde(untagged)]
enum CallInput {
    /// `store` or `store.shop`
    Name(String),
    /// `{to: store.shop, path: /items}`
    Full {
        to: String,
        #[serde(default = "root_path")]
        path: String,
        #[serde(default = "one")]
        times: u32,
    },
}

impl From<CallInput> for Call {
    fn from(input: CallInput) -> Self {
        let (to, path, times) = match input {
            CallInput::Name(to) => (to, root_path(), 1),
            CallInput::Full { to, path, times } => (to, path, times),
        };
        match to.split_once('.') {
            Some((service, namespace)) => {
                Self { service: service.into(), namespace: Some(namespace.into()), path, times }
            }
            None => Self { service: to, namespace: None, path, times },
        }
    }
}

/// Whether the calls of a request happen one after the other or at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallOrder {
    /// One after the other; the first failure ends the request.
    #[default]
    Sequential,
    /// All at once; the request ends with the slowest.
    Parallel,
}

impl Service {
    /// The workloads behind the service: as written, or the one of the service's own name.
    pub fn workloads(&self) -> Vec<WorkloadSpec> {
        if self.workloads.is_empty() {
            vec![WorkloadSpec {
                name: self.name.clone(),
                replicas: self.replicas,
                labels: BTreeMap::new(),
                behaviour: None,
            }]
        } else {
            self.workloads.clone()
        }
    }

    /// Labels of the pods of `workload`, `app` included.
    pub fn pod_labels(&self, workload: &WorkloadSpec) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([("app".to_owned(), self.name.clone())]);
        labels.extend(self.labels.clone());
        labels.extend(workload.labels.clone());
        labels
    }

    /// What the application of `workload` does when it runs `image`.
    pub fn behaviour_of(&self, workload: &WorkloadSpec, image: Option<&str>) -> Behaviour {
        image
            .and_then(|image| self.releases.get(image))
            .or(workload.behaviour.as_ref())
            .unwrap_or(&self.behaviour)
            .clone()
    }
}

/// Why a topology cannot be run.
#[derive(Debug, PartialEq, Eq)]
pub struct TopologyError {
    /// What is wrong, with place and remedy.
    message: String,
}

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TopologyError {}

impl TopologyError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl Topology {
    /// Reads and validates a topology file.
    pub fn read(path: &Path) -> Result<Self, TopologyError> {
        let named = |separator: &str, error: &dyn fmt::Display| {
            TopologyError::new(format!("{}:{separator}{error}", path.display()))
        };
        let fail = |error: &dyn fmt::Display| named(" ", error);
        let size = std::fs::metadata(path).map_err(|error| fail(&error))?.len();
        if size > MAX_BYTES {
            return Err(fail(&format!(
                "larger than {MAX_BYTES} bytes; a topology is a page of YAML"
            )));
        }
        let text = std::fs::read_to_string(path).map_err(|error| fail(&error))?;
        Self::parse(&text).map_err(|error| named("", &error))
    }

    /// Reads and validates the text of a topology; what is wrong is told as `line: message`.
    pub fn parse(text: &str) -> Result<Self, TopologyError> {
        crate::form::check(text, form::TOPOLOGY).map_err(TopologyError::new)?;
        let topology: Self = serde_saphyr::from_str(text)
            .map_err(|error| TopologyError::new(format!("1: {error}")))?;
        topology.validate().map_err(|(field, message)| {
            TopologyError::new(crate::form::at(text, &field, &message))
        })?;
        Ok(topology)
    }

    /// The service `namespace/name`, if the topology has it.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.namespace == namespace && service.name == name)
    }

    /// Number of pods, the gateway's included.
    pub fn pods(&self) -> usize {
        let replicas = |service: &Service| {
            service.workloads().iter().map(|workload| workload.replicas as usize).sum::<usize>()
        };
        1 + self.services.iter().map(replicas).sum::<usize>()
    }

    /// Checks what no form can say: sizes, and that every call has a callee. Gives the field and
    /// what is wrong with it.
    fn validate(&self) -> Result<(), (String, String)> {
        if self.pods() > MAX_PODS {
            let message =
                format!("{} pods; allowed: at most {MAX_PODS} on one machine", self.pods());
            return Err(("services".into(), message));
        }
        let mut workloads = BTreeSet::new();
        for (index, service) in self.services.iter().enumerate() {
            for workload in service.workloads() {
                if !workloads.insert((service.namespace.clone(), workload.name.clone())) {
                    let name = format!("{}/{}", service.namespace, workload.name);
                    let message =
                        format!("workload {name} is defined twice; allowed: another name");
                    return Err((format!("services[{index}].name"), message));
                }
            }
            for (call, callee) in service.calls.iter().enumerate() {
                let field = format!("services[{index}].calls[{call}]");
                self.check_call(callee, &service.name, &service.namespace)
                    .map_err(|message| (field, message))?;
            }
        }
        if self.gateway.calls.is_empty() {
            let message = format!("needs at least one service; allowed: {}", self.callees());
            return Err(("gateway.calls".into(), message));
        }
        for (index, call) in self.gateway.calls.iter().enumerate() {
            // A gateway usually lives apart from what it calls, so a bare name may be in any namespace.
            if call.namespace.is_some()
                || !self.services.iter().any(|service| service.name == call.service)
            {
                self.check_call(call, &self.gateway.name, &self.gateway.namespace)
                    .map_err(|message| (format!("gateway.calls[{index}]"), message))?;
            }
        }
        self.check_traffic().map_err(|message| ("traffic.rate".into(), message))
    }

    /// A call must lead to a service of the topology.
    fn check_call(&self, call: &Call, caller: &str, home: &str) -> Result<(), String> {
        let namespace = call.namespace.as_deref().unwrap_or(home);
        if self.service(namespace, &call.service).is_some() {
            return Ok(());
        }
        Err(format!(
            "{caller} calls {}.{namespace}, which is not in `services`; allowed: {}",
            call.service,
            self.callees()
        ))
    }

    /// What may be called, in words.
    fn callees(&self) -> String {
        let all: Vec<_> =
            self.services.iter().map(|s| format!("{}.{}", s.name, s.namespace)).collect();
        all.join(", ")
    }

    /// The rate must be one that a small machine can carry.
    fn check_traffic(&self) -> Result<(), String> {
        let mean = self.traffic.mean_rate();
        if mean > 0.0 && mean <= MAX_RATE {
            return Ok(());
        }
        Err(format!(
            "mean rate is {mean} with peaks and ramp; allowed: a number from 0.001 to {MAX_RATE}"
        ))
    }
}

fn gateway_name() -> String {
    "istio-ingressgateway".into()
}

fn gateway_namespace() -> String {
    "istio-system".into()
}

fn service_port() -> u16 {
    SERVICE_PORT
}

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

fn root_path() -> String {
    "/".into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed read is a failed test")]
mod tests {
    use super::*;

    const SMALL: &str = "gateway: {calls: [front]}\nservices:\n\
        - {name: front, namespace: a, calls: [store]}\n";

    fn refused(text: &str) -> String {
        Topology::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn behaviour_and_releases_are_read() {
        let text = format!(
            "{SMALL}- name: store\n  namespace: a\n  pool: 2\n  sleep_us: {{mean: 10, spread: 0}}\n  \
             cpu_us: 7\n  slow: {{every_ms: 9000, for_ms: 300, extra_us: 5}}\n  releases:\n    \
             shop/store:2: {{cpu_us: 90}}\n"
        );
        let topology = Topology::parse(&text).unwrap();
        let store = topology.service("a", "store").unwrap();
        let workload = &store.workloads()[0];
        assert_eq!(store.behaviour.pool, Some(2));
        assert_eq!(store.behaviour.cpu_us, Spread::around(7));
        assert_eq!(store.behaviour_of(workload, Some("shop/store:2")).cpu_us, Spread::around(90));
        assert_eq!(store.behaviour_of(workload, Some("shop/store:1")), store.behaviour);
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let text = format!("{SMALL}- {{name: store, namespace: a, slepe_us: 5}}\n");
        assert!(refused(&text).contains("slepe_us"), "{}", refused(&text));
        let text =
            format!("{SMALL}- {{name: store, namespace: a, releases: {{x: {{slepe_us: 5}}}}}}\n");
        assert!(refused(&text).contains("slepe_us"), "{}", refused(&text));
    }

    #[test]
    fn a_call_needs_a_callee() {
        let text = refused(SMALL);
        assert!(text.starts_with("3: front calls store.a"), "{text}");
        assert!(text.ends_with("allowed: front.a"), "{text}");
    }

    #[test]
    fn names_and_sizes_are_bounded() {
        let text =
            format!("{SMALL}- {{name: store, namespace: a}}\n- {{name: ../x, namespace: a}}\n");
        assert!(refused(&text).starts_with("5: `services[2].name` is `../x`; allowed: a name"));
        let text = format!("{SMALL}- {{name: store, namespace: a, replicas: 4000000000}}\n");
        assert!(refused(&text).contains("allowed: a whole number from 1 to 24"));
        let text = format!("{SMALL}- {{name: store, namespace: a, replicas: 24}}\n");
        assert!(refused(&text).contains("26 pods; allowed: at most 24"));
        let text = format!("{SMALL}- {{name: store, namespace: a}}\ntraffic: {{rate: 100000}}\n");
        assert!(refused(&text).contains("allowed: a number from 0.001 to 1000"));
    }
}
