//! Starting a mesh: everything is written first, then everything is started at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use stilltrace_model::{ContainerId, Platform, ServiceId};

use super::{Desired, Mesh, MeshError, MeshOptions, ProxyStart, Told, control_plane, now_unix_ms};
use crate::behave::{APP_PORT, AppConfig, CONTROL_PORT, Orders, OutCall};
use crate::certs::Identities;
use crate::envoy::stats::Kept;
use crate::envoy::{self, OUTBOUND_PORT};
use crate::host::cgroup::{Hierarchies, Tree};
use crate::host::janitor;
use crate::host::launch::{Launcher, realtime_permitted};
use crate::host::network::Network;
use crate::host::state::{self, StateDir};
use crate::pods::{self, ContainerEntry, Pod};
use crate::profile::Profile;
use crate::prometheus;
use crate::topology::{Protocol, Topology};

/// File with the list of containers, for sampler and exporter.
pub(super) const CONTAINERS: &str = "containers.json";
/// Tells apart the meshes of one process.
static INDEX: AtomicU32 = AtomicU32::new(0);

impl Mesh {
    /// Starts the mesh of `topology` in the state `desired`, and waits until every proxy has taken
    /// its configuration and refused nothing. Dead labs are cleared away first.
    pub fn boot<'a>(
        options: MeshOptions,
        topology: Topology,
        desired: impl Into<Desired<'a>>,
    ) -> Result<Self, MeshError> {
        let Desired { platform, objects, .. } = desired.into();
        if options.profile == Profile::Static {
            check_protocols(&topology)?;
        }
        let mut pods = pods::plan(&topology, options.seed);
        for pod in &pods {
            if !platform.workloads.contains_key(&pod.workload) {
                return Err(MeshError::UnknownWorkload { workload: pod.workload.to_string() });
            }
        }
        pods::follow(&mut pods, platform);
        state::sweep_dead().map_err(|source| MeshError::io("clearing dead labs", source))?;
        let network = network(options.profile).map_err(permitted("a network namespace"))?;
        let hierarchies =
            Hierarchies::find().map_err(permitted("accounting CPU in control groups"))?;
        let state = StateDir::create(INDEX.fetch_add(1, Ordering::Relaxed))
            .map_err(|source| MeshError::io("the lab's folder", source))?;
        let tree = Tree::new(hierarchies, &state.name());
        let janitor = janitor::start(&options.lab, &state)
            .map_err(|source| MeshError::io(options.lab.display().to_string(), source))?;
        let mut mesh = Self {
            identities: identities(options.profile, &state, &pods)?,
            control_plane: None,
            cluster: None,
            evidence: None,
            services: BTreeMap::new(),
            containers: Vec::new(),
            told: Told::default(),
            pushes: Vec::new(),
            realtime: realtime_permitted(),
            load: None,
            epoch_unix_ms: now_unix_ms(),
            running: BTreeMap::new(),
            launcher: Launcher::new().map_err(|source| MeshError::io("a thread", source))?,
            janitor: with_pipe(janitor),
            options,
            topology,
            pods,
            network,
            tree,
            state,
        };
        mesh.tree.create().map_err(permitted("a control group"))?;
        match mesh.options.profile {
            Profile::Static => {}
            Profile::Istio => mesh.start_control_plane(objects)?,
            Profile::Cluster => mesh.start_cluster()?,
        }
        mesh.make_containers()?;
        mesh.write_all(platform)?;
        mesh.start_all(platform)?;
        mesh.wait_until_ready()?;
        Ok(mesh)
    }

    /// Makes the control groups of all containers and writes their list.
    fn make_containers(&mut self) -> Result<(), MeshError> {
        for pod in &self.pods {
            let proxy = (ContainerId::SIDECAR, Some(&pod.proxy_id));
            let app = (pod.app_name.as_str(), pod.app_id.as_ref());
            for (container, id) in [proxy, app] {
                let Some(id) = id else { continue };
                let group =
                    self.tree.container(&pod.uid, id).map_err(permitted("a control group"))?;
                self.containers.push(ContainerEntry {
                    id: id.clone(),
                    pod_uid: pod.uid.clone(),
                    namespace: pod.workload.namespace.clone(),
                    workload: pod.workload.name.clone(),
                    pod: pod.name.clone(),
                    container: container.to_owned(),
                    group,
                });
            }
        }
        let list = serde_json::to_vec_pretty(&self.containers).map_err(io::Error::other);
        write(&self.state.path().join(CONTAINERS), list)
    }

    /// Writes every file that a process of the mesh reads at start.
    fn write_all(&mut self, platform: &Platform) -> Result<(), MeshError> {
        for pod in self.pods.clone() {
            let dir = self.dir(&pod);
            fs::create_dir_all(&dir.0).map_err(|source| MeshError::io(pod.folder(), source))?;
            self.write_start_files(&pod, platform)?;
        }
        self.write_changed(platform)?;
        self.set_limits(platform)?;
        let targets = self.state.path().join("targets.json");
        write(
            &self.state.path().join("prometheus.yml"),
            Ok(prometheus::configuration(&targets, self.options.scrape_seconds, self.istiod())
                .into_bytes()),
        )
    }

    /// Writes the proxy's bootstrap and the application's configuration.
    fn write_start_files(&mut self, pod: &Pod, platform: &Platform) -> Result<(), MeshError> {
        let dir = self.dir(pod);
        self.write_bootstrap(pod, platform)?;
        let Some((orders, image)) = self.orders(pod, platform) else { return Ok(()) };
        let config = self.app_config(pod, orders.clone());
        write(
            &dir.0.join("app.json"),
            serde_json::to_vec_pretty(&config).map_err(io::Error::other),
        )?;
        self.told.orders.insert(pod.folder(), (orders, image));
        Ok(())
    }

    /// Writes the bootstrap of the pod's proxy.
    pub(super) fn write_bootstrap(
        &mut self,
        pod: &Pod,
        platform: &Platform,
    ) -> Result<(), MeshError> {
        let start = self.proxy_start(pod, platform);
        let dir = self.dir(pod);
        let kept = self.options.kept;
        let extra = &start.statistics;
        let bootstrap = if self.is_under_istio() {
            self.with_sources(|sources| envoy::istio::bootstrap(pod, sources, kept, extra))
        } else {
            envoy::bootstrap::bootstrap(self.world(platform), pod, &dir, kept, extra)
        };
        write(&dir.0.join("bootstrap.json"), Ok(format!("{bootstrap:#}").into_bytes()))?;
        self.told.starts.insert(pod.folder(), start);
        Ok(())
    }

    /// What the pod's proxy reads at start only.
    pub(super) fn proxy_start(&self, pod: &Pod, platform: &Platform) -> ProxyStart {
        let statistics = match self.options.kept {
            Kept::All => Vec::new(),
            Kept::Stock => prometheus::extra_stats(platform, pod),
        };
        let proxy = platform.workloads.get(&pod.workload).and_then(|it| it.sidecar.as_ref());
        let workers =
            proxy.and_then(|proxy| proxy.concurrency.value).unwrap_or(self.options.concurrency);
        ProxyStart { workers: workers.clamp(1, 16), statistics }
    }

    /// What a service of the topology speaks.
    fn protocol_of(&self, service: &ServiceId) -> Protocol {
        let found = self.topology.service(&service.namespace, &service.name);
        found.map(|service| service.protocol).unwrap_or_default()
    }

    /// Configuration of the pod's application.
    fn app_config(&self, pod: &Pod, orders: Orders) -> AppConfig {
        let topology = self.topology.service(&pod.service.namespace, &pod.service.name);
        let is_placed = self.network.has(&pod.folder());
        let out_call = |(service, call): &(ServiceId, crate::topology::Call)| OutCall {
            address: self.entrance(pod, service),
            host: format!("{}:{}", envoy::host(service), self.port_of(service)),
            path: call.path.clone(),
            protocol: self.protocol_of(service),
        };
        let repeated = |one: &(ServiceId, crate::topology::Call)| {
            std::iter::repeat_n(out_call(one), one.1.times as usize)
        };
        AppConfig {
            name: pod.service.name.clone(),
            listen: if is_placed {
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.app_port(pod)))
            } else {
                SocketAddr::from((pod.address, self.app_port(pod)))
            },
            control: SocketAddr::from((self.own_address(pod), CONTROL_PORT)),
            from: (!is_placed).then_some(IpAddr::V4(pod.address)),
            protocol: topology.map(|service| service.protocol).unwrap_or_default(),
            calls: pod.calls.iter().flat_map(repeated).collect(),
            call_order: topology.map(|service| service.call_order).unwrap_or_default(),
            threads: topology.map_or(1, |service| service.threads),
            seed: pods::seed_of(&format!("{}/{}", self.options.seed, pod.name)),
            orders,
        }
    }

    /// Port that a pod's application listens on: behind redirection the one that callers use.
    pub(super) fn app_port(&self, pod: &Pod) -> u16 {
        if self.network.has(&pod.folder()) { pod.port } else { APP_PORT }
    }

    /// Where a pod's application sends its calls to a service.
    fn entrance(&self, pod: &Pod, service: &ServiceId) -> SocketAddr {
        let plane = self.control_plane.as_ref().and_then(|plane| plane.service(service));
        let known = plane.or_else(|| self.services.get(service).copied());
        match known {
            Some(address) => SocketAddr::from((address, self.port_of(service))),
            None => SocketAddr::from((pod.address, OUTBOUND_PORT)),
        }
    }
}

/// The network of a profile, without pods.
fn network(profile: Profile) -> io::Result<Network> {
    match profile {
        Profile::Static => Network::shared(),
        Profile::Istio | Profile::Cluster => {
            Network::bridged(&[prometheus::ADDRESS, super::drive::CLIENT, control_plane::ADDRESS])
        }
    }
}

/// Certificates of all service accounts, where the lab is the authority.
fn identities(profile: Profile, state: &StateDir, pods: &[Pod]) -> Result<Identities, MeshError> {
    let folder = state.path().join("certs");
    if profile != Profile::Static {
        return Ok(Identities::at(&folder));
    }
    let account = |pod: &Pod| (pod.workload.namespace.clone(), pod.service_account.clone());
    let accounts: BTreeSet<_> = pods.iter().map(account).collect();
    Identities::issue(&folder, &accounts).map_err(|source| MeshError::io("certificates", source))
}

/// The janitor with the pipe that tells it of this process's end.
fn with_pipe(
    mut janitor: std::process::Child,
) -> Option<(std::process::Child, std::process::ChildStdin)> {
    let pipe = janitor.stdin.take()?;
    Some((janitor, pipe))
}

/// Turns a refusal of the kernel into an error that a test can skip on.
fn permitted(what: &'static str) -> impl Fn(io::Error) -> MeshError {
    move |source| {
        let refused = matches!(
            source.kind(),
            io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::Unsupported
                | io::ErrorKind::NotFound
        );
        if refused { MeshError::NotPermitted { what, source } } else { MeshError::io(what, source) }
    }
}

/// Writes a file that may have failed to serialise.
pub(super) fn write(path: &Path, content: io::Result<Vec<u8>>) -> Result<(), MeshError> {
    content
        .and_then(|content| state::replace(path, &content))
        .map_err(|source| MeshError::io(path.display().to_string(), source))
}

/// Refuses services for which the lab's own configuration has no clusters and listeners.
fn check_protocols(topology: &Topology) -> Result<(), MeshError> {
    let Some(other) = topology.services.iter().find(|one| one.protocol != Protocol::Http) else {
        return Ok(());
    };
    Err(MeshError::Protocol {
        service: format!("{}/{}", other.namespace, other.name),
        protocol: other.protocol.name(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_static_profile_refuses_what_it_cannot_configure() {
        let text = |protocol: &str| {
            format!(
                "gateway: {{calls: [db.a]}}\nservices: [{{name: db, namespace: a, {protocol}}}]\n\
                 traffic: {{rate: 1}}\n"
            )
        };
        let check = |protocol: &str| {
            let topology = Topology::parse(&text(protocol)).map_err(|error| error.to_string())?;
            check_protocols(&topology).map_err(|error| error.to_string())
        };
        assert_eq!(check("replicas: 1"), Ok(()));
        assert_eq!(
            check("protocol: grpc"),
            Err("a/db speaks grpc, which proxies of profile static are not configured for; take \
                 `--profile istio`"
                .to_owned())
        );
    }
}
