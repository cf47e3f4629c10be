//! A running mesh: boot, apply, load, records, shutdown.
//!
//! One scenario is:
//!
//! ```no_run
//! # use stilltrace_lab::{defaults, mesh::{Mesh, MeshError, MeshOptions}, pods, topology::Topology};
//! # fn scenario(text: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let topology = Topology::parse(text)?;
//! let before = defaults::platform(&pods::plan(&topology, 1)); // usually read from a repository
//! let mut mesh = Mesh::boot(MeshOptions::find(1)?, topology.clone(), &before)?;
//! mesh.load(&topology.traffic, 60)?;                          // returns at once
//! std::thread::sleep(std::time::Duration::from_secs(30));
//! let after = before.clone();                                 // a later revision
//! let pushed = mesh.apply(&after)?;                           // hot; only what changed
//! mesh.wait_for_load()?;
//! let records = mesh.records(75)?;
//! mesh.shutdown()?;
//! # drop((pushed, records)); Ok(())
//! # }
//! ```
//!
//! Every process ends with the mesh, whatever happens to this one ([`crate::host`]). Dropping a mesh
//! shuts it down; [`Mesh::shutdown`] also says whether that worked.

mod boot;
mod bystanders;
mod cluster;
mod control_plane;
mod drive;
mod error;
mod istio;
mod observe;
mod push;
mod start;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin};
use std::time::Duration;

use serde_json::Value;
use stilltrace_model::{EdgeId, Platform, ServiceId};

pub(crate) use control_plane::environment;
pub use error::MeshError;

use crate::behave::Orders;
use crate::certs::Identities;
use crate::cluster::{Cluster, Evidence, Plan, Pushed};
use crate::envoy::stats::Kept;
use crate::envoy::{ProxyDir, World};
use crate::harvest::MachineCpu;
use crate::host::cgroup::Tree;
use crate::host::launch::Launcher;
use crate::host::network::Network;
use crate::host::process::ProcessId;
use crate::host::state::StateDir;
use crate::http::{self, Answer};
use crate::pods::{ContainerEntry, Pod};
use crate::profile::{self, Profile};
use crate::topology::Topology;

/// Programs and choices of a mesh.
#[derive(Debug, Clone)]
pub struct MeshOptions {
    /// The lab's own binary, whose hidden subcommands are the mesh's processes.
    pub lab: PathBuf,
    /// Envoy.
    pub envoy: PathBuf,
    /// Prometheus.
    pub prometheus: PathBuf,
    /// Who configures the proxies.
    pub profile: Profile,
    /// Istio's control plane, which in profile `cluster` hands out certificates only.
    pub control_plane: Option<PathBuf>,
    /// What the cluster of profile `cluster` starts with.
    pub cluster: Option<Plan>,
    /// Seed of names, arrivals and draws.
    pub seed: u64,
    /// What proxies keep of their statistics. Prometheus is shown Istio's part either way.
    pub kept: Kept,
    /// Worker threads of a proxy where the platform says nothing.
    pub concurrency: u32,
    /// Time between scrapes in seconds: 15 in a recording.
    pub scrape_seconds: u64,
    /// Services beside the topology's that nobody calls; only under Istio's control plane.
    pub bystanders: u32,
}

impl MeshOptions {
    /// The usual choices, with this program as the lab's binary and the others found on the
    /// machine. A test that is not the lab's binary sets `lab` itself.
    pub fn find(seed: u64) -> Result<Self, MeshError> {
        let lab =
            std::env::current_exe().map_err(|source| MeshError::io("this program", source))?;
        let envoy = crate::envoy::binary::find()
            .map_err(|missing| MeshError::Missing { remedy: missing.to_string() })?;
        Ok(Self {
            lab,
            envoy,
            prometheus: PathBuf::from("prometheus"),
            profile: Profile::Static,
            control_plane: None,
            cluster: None,
            seed,
            kept: Kept::All,
            concurrency: 2,
            scrape_seconds: crate::prometheus::SCRAPE_SECONDS,
            bystanders: 0,
        })
    }
}

impl MeshOptions {
    /// The same choices under another profile, with what that needs found on the machine.
    pub fn under(self, profile: Profile) -> Result<Self, MeshError> {
        let control_plane = match profile {
            Profile::Static => None,
            Profile::Istio | Profile::Cluster => {
                let found = profile::control_plane();
                Some(found.map_err(|missing| MeshError::Missing { remedy: missing.to_string() })?)
            }
        };
        Ok(Self { profile, control_plane, ..self })
    }
}

/// What a mesh shall be like at one revision of the repository.
#[derive(Debug, Clone, Copy)]
pub struct Desired<'a> {
    /// Settings in effect, as our own reader sees them: limits and images in every profile, all of
    /// the proxies' configuration in profile `static`.
    pub platform: &'a Platform,
    /// The objects in the cluster, which profile `istio` configures the proxies from.
    pub objects: &'a [Value],
    /// The revision as engines fetch it, which is what profile `cluster` goes by.
    pub pushed: Option<&'a Pushed>,
}

impl<'a> From<&'a Platform> for Desired<'a> {
    fn from(platform: &'a Platform) -> Self {
        Self { platform, objects: &[], pushed: None }
    }
}

/// What one push changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// When the first file was replaced or, where engines apply commits, when the first proxy was told
    /// anew, in milliseconds of Unix time.
    pub unix_ms: u64,
    /// When every touched proxy had taken its files, in milliseconds of Unix time.
    pub settled_unix_ms: u64,
    /// What proxies were told anew: pod and discovery type (`cds`, `rds`, `lds`).
    pub files: Vec<(String, &'static str)>,
    /// Objects that Istio's control plane applied: kind, namespace and name.
    pub objects: Vec<String>,
    /// Objects that Istio's admission refused, or by which engines could not apply the commit, and why;
    /// they stay as they were.
    pub refused: Vec<(String, String)>,
    /// CPU limits that changed, in millicores: pod, container, new limit.
    pub limits: Vec<(String, String, Option<u32>)>,
    /// Applications that behave differently from now on: pod and image.
    pub releases: Vec<(String, String)>,
    /// Proxies that were started anew, because what changed is read at start only.
    pub restarts: Vec<String>,
}

/// A running mesh.
#[derive(Debug)]
pub struct Mesh {
    /// Programs and choices.
    options: MeshOptions,
    /// What runs.
    topology: Topology,
    /// Its pods.
    pods: Vec<Pod>,
    /// Where they have their addresses.
    network: Network,
    /// Its control groups.
    tree: Tree,
    /// Its folder.
    state: StateDir,
    /// Certificates, where the lab writes the proxies' configuration.
    identities: Identities,
    /// Istio's control plane, where that does.
    control_plane: Option<control_plane::ControlPlane>,
    /// The API server and what belongs to it, where istiod configures the proxies.
    cluster: Option<Cluster>,
    /// What the API server held and wrote down when it was asked last.
    evidence: Option<Evidence>,
    /// Cluster addresses of services, where an API server gave them.
    services: BTreeMap<ServiceId, Ipv4Addr>,
    /// Containers with their groups, in the order of the sampler's columns.
    containers: Vec<ContainerEntry>,
    /// What proxies and applications were told last.
    told: Told,
    /// Pushes so far.
    pushes: Vec<Applied>,
    /// Whether load and sampler get real-time priority.
    realtime: bool,
    /// The load that runs or ran last.
    load: Option<LoadRun>,
    /// Unix time in milliseconds from which the phases of behaviours count.
    epoch_unix_ms: u64,
    /// Processes by name.
    running: BTreeMap<String, Running>,
    /// Starts processes; its end would end them.
    launcher: Launcher,
    /// Clears up if this process is killed; and the pipe that tells it.
    janitor: Option<(Child, ChildStdin)>,
}

/// A process of the mesh.
#[derive(Debug)]
struct Running {
    /// The child.
    child: Child,
    /// Its identity.
    id: ProcessId,
}

/// What was written or sent last, so that a push touches only what changed.
#[derive(Debug, Default)]
struct Told {
    /// Discovery files by pod folder and type.
    files: BTreeMap<(String, &'static str), String>,
    /// CPU limits in millicores by container id.
    limits: BTreeMap<String, Option<u32>>,
    /// Orders and image by pod folder.
    orders: BTreeMap<String, (Orders, Option<String>)>,
    /// What a proxy reads at start only, by pod folder.
    starts: BTreeMap<String, ProxyStart>,
    /// The targets of Prometheus.
    targets: String,
}

/// What makes a proxy start anew when it changes. Labels and identity are read at start too, but
/// nothing that the lab measures depends on their being fresh, and a restart would be an outage.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ProxyStart {
    /// Worker threads.
    workers: u32,
    /// Statistics kept beyond Istio's list, where the proxy itself leaves the others out.
    statistics: Vec<String>,
}

/// Load and sampler of one run.
#[derive(Debug)]
struct LoadRun {
    /// Number of the run, from 0: file names.
    index: u32,
    /// CPU time of the machine and of the lab's containers at the start.
    start: (MachineCpu, f64),
    /// The same at the end, once it has ended.
    end: Option<(MachineCpu, f64)>,
    /// When it started, in milliseconds of Unix time.
    start_unix_ms: u64,
    /// Length in milliseconds, once it has ended.
    took_ms: u64,
}

impl Mesh {
    /// The pods, in the order of their addresses: the gateway first.
    pub fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// The containers with their ids and control groups.
    pub fn containers(&self) -> &[ContainerEntry] {
        &self.containers
    }

    /// The topology.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The folder with configuration and logs; gone after shutdown.
    pub fn folder(&self) -> &std::path::Path {
        self.state.path()
    }

    /// Ends every process and gives everything back.
    pub fn shutdown(mut self) -> Result<(), MeshError> {
        self.end()
    }

    /// The calls that the topology makes: the edges that the platform should have.
    pub fn expected_edges(&self) -> Vec<EdgeId> {
        let of = |pod: &Pod| {
            pod.calls
                .iter()
                .map(|(service, _)| {
                    EdgeId::new(pod.workload.clone(), service.clone(), self.port_of(service))
                })
                .collect::<Vec<_>>()
        };
        let mut edges: Vec<_> = self.pods.iter().flat_map(of).collect();
        edges.sort();
        edges.dedup();
        edges
    }

    /// One answer of a process of a pod, from where the pod is.
    fn ask(&self, pod: &Pod, port: u16, path: &str, limit: Duration) -> io::Result<Answer> {
        let address = self.own_address(pod);
        self.network.of(&pod.folder()).inside(|| http::get(address, port, path, limit))?
    }

    /// The address of a pod's own ports, seen from where the pod is.
    fn own_address(&self, pod: &Pod) -> Ipv4Addr {
        if self.network.has(&pod.folder()) { Ipv4Addr::LOCALHOST } else { pod.address }
    }

    /// Port of a service of the topology.
    fn port_of(&self, service: &ServiceId) -> u16 {
        self.topology
            .service(&service.namespace, &service.name)
            .map_or(crate::topology::SERVICE_PORT, |service| service.port)
    }

    /// Whether Istio's code configures the proxies, over ADS.
    fn is_under_istio(&self) -> bool {
        self.options.profile != Profile::Static
    }

    /// The folder of a pod's proxy.
    fn dir(&self, pod: &Pod) -> ProxyDir {
        ProxyDir(self.state.path().join("pods").join(pod.folder()))
    }

    /// What the proxies' configuration is made of.
    fn world<'a>(&'a self, platform: &'a Platform) -> World<'a> {
        World {
            platform,
            pods: &self.pods,
            identities: &self.identities,
            collector: Some(crate::prometheus::exporter()),
        }
    }

    /// Ends everything; the first failure is reported, the rest is done all the same.
    fn end(&mut self) -> Result<(), MeshError> {
        for running in self.running.values() {
            running.id.signal(nix::sys::signal::Signal::SIGKILL);
        }
        for running in self.running.values_mut() {
            // Reaped, so that nothing of it remains; an error means it was reaped before.
            let _ = running.child.wait();
        }
        self.running.clear();
        let cleared = self.state.clear().map_err(|source| MeshError::io("shutdown", source));
        if let Some((mut janitor, pipe)) = self.janitor.take() {
            drop(pipe);
            let _ = janitor.wait();
        }
        cleared
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        // Whoever wants to know calls `shutdown`; what fails here is left to the janitor.
        let _ = self.end();
    }
}

/// Unix time in milliseconds.
fn now_unix_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
