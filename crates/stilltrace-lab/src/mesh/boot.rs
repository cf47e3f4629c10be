//! Starting a mesh: everything is written first, then everything is started at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use stilltrace_model::{ContainerId, Platform};

use super::{Mesh, MeshError, MeshOptions, ProxyStart, Running, Told, now_unix_ms};
use crate::behave::{APP_PORT, AppConfig, CONTROL_PORT, Orders, OutCall};
use crate::certs::Identities;
use crate::envoy::stats::Kept;
use crate::envoy::{self, ADMIN_PORT, OUTBOUND_PORT};
use crate::host::cgroup::{Hierarchies, Tree};
use crate::host::janitor;
use crate::host::launch::{Launch, Launcher, realtime_permitted};
use crate::host::netns::Namespace;
use crate::host::process::ProcessId;
use crate::host::state::{self, StateDir};
use crate::http;
use crate::pods::{self, ContainerEntry, Pod};
use crate::prometheus;
use crate::topology::Topology;

/// How long a boot may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// File with the list of containers, for sampler and exporter.
pub(super) const CONTAINERS: &str = "containers.json";
/// Lines of a log that an error shows.
const LOG_TAIL: usize = 12;
/// Tells apart the meshes of one process.
static INDEX: AtomicU32 = AtomicU32::new(0);

impl Mesh {
    /// Starts the mesh of `topology` configured by `platform`, and waits until every proxy has
    /// taken its configuration. Dead labs are cleared away first.
    pub fn boot(
        options: MeshOptions,
        topology: Topology,
        platform: &Platform,
    ) -> Result<Self, MeshError> {
        let mut pods = pods::plan(&topology, options.seed);
        for pod in &pods {
            if !platform.workloads.contains_key(&pod.workload) {
                return Err(MeshError::UnknownWorkload { workload: pod.workload.to_string() });
            }
        }
        pods::follow(&mut pods, platform);
        state::sweep_dead().map_err(|source| MeshError::io("clearing dead labs", source))?;
        let namespace = Namespace::create().map_err(permitted("a network namespace"))?;
        let hierarchies =
            Hierarchies::find().map_err(permitted("accounting CPU in control groups"))?;
        let state = StateDir::create(INDEX.fetch_add(1, Ordering::Relaxed))
            .map_err(|source| MeshError::io("the lab's folder", source))?;
        let tree = Tree::new(hierarchies, &state.name());
        let janitor = janitor::start(&options.lab, &state)
            .map_err(|source| MeshError::io(options.lab.display().to_string(), source))?;
        let mut mesh = Self {
            identities: identities(&state, &pods)?,
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
            namespace,
            tree,
            state,
        };
        mesh.tree.create().map_err(permitted("a control group"))?;
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
            Ok(prometheus::configuration(&targets, self.options.scrape_seconds).into_bytes()),
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
        let bootstrap =
            envoy::bootstrap::bootstrap(self.world(platform), pod, &dir, kept, &start.statistics);
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

    /// Configuration of the pod's application.
    fn app_config(&self, pod: &Pod, orders: Orders) -> AppConfig {
        let topology = self.topology.service(&pod.service.namespace, &pod.service.name);
        let out_call =
            |(service, call): &(stilltrace_model::ServiceId, crate::topology::Call)| OutCall {
                host: format!("{}:{}", envoy::host(service), self.port_of(service)),
                path: call.path.clone(),
            };
        AppConfig {
            name: pod.service.name.clone(),
            listen: SocketAddr::from((pod.address, APP_PORT)),
            control: SocketAddr::from((pod.address, CONTROL_PORT)),
            proxy: SocketAddr::from((pod.address, OUTBOUND_PORT)),
            calls: pod.calls.iter().map(out_call).collect(),
            call_order: topology.map(|service| service.call_order).unwrap_or_default(),
            threads: topology.map_or(1, |service| service.threads),
            seed: pods::seed_of(&format!("{}/{}", self.options.seed, pod.name)),
            orders,
        }
    }

    /// Starts exporter, applications, proxies and Prometheus.
    fn start_all(&mut self, platform: &Platform) -> Result<(), MeshError> {
        let containers = self.state.path().join(CONTAINERS);
        let listen = prometheus::exporter().to_string();
        self.start_role(
            "exporter",
            &["--containers".into(), containers.into(), "--listen".into(), listen.into()],
        )?;
        for pod in self.pods.clone() {
            if let Some(id) = &pod.app_id {
                let args =
                    vec!["svc".into(), "--config".into(), self.dir(&pod).0.join("app.json").into()];
                self.start(
                    &format!("{}/app", pod.folder()),
                    &self.options.lab.clone(),
                    args,
                    Some(id),
                    None,
                )?;
            }
            self.start_proxy(&pod, platform)?;
        }
        let mut args: Vec<OsString> = vec!["--config.file".into()];
        args.push(self.state.path().join("prometheus.yml").into());
        args.push("--storage.tsdb.path".into());
        args.push(self.state.path().join("prometheus").into());
        let listen = format!("{}:{}", prometheus::ADDRESS, prometheus::PORT);
        args.extend(["--web.listen-address".into(), listen.into(), "--log.level=warn".into()]);
        self.start("prometheus", &self.options.prometheus.clone(), args, None, None)
    }

    /// Starts the proxy of a pod with the options that pilot-agent gives it. Without
    /// `--disable-hot-restart` Envoy would replace the death signal that the lab set.
    pub(super) fn start_proxy(&mut self, pod: &Pod, platform: &Platform) -> Result<(), MeshError> {
        let workers = self.proxy_start(pod, platform).workers.to_string();
        let bootstrap = self.dir(pod).0.join("bootstrap.json");
        let args =
            ["-c".into(), bootstrap.into_os_string(), "--concurrency".into(), workers.into()]
                .into_iter()
                .chain(
                    [
                        "--disable-hot-restart",
                        "--drain-time-s",
                        "45",
                        "--drain-strategy",
                        "immediate",
                        "--local-address-ip-version",
                        "v4",
                        "--file-flush-interval-msec",
                        "1000",
                        "--skip-deprecated-logs",
                        "-l",
                        "warning",
                        "--component-log-level",
                        "misc:error",
                    ]
                    .map(OsString::from),
                )
                .collect();
        let name = format!("{}/{}", pod.folder(), ContainerId::SIDECAR);
        self.start(&name, &self.options.envoy.clone(), args, Some(&pod.proxy_id), None)
    }

    /// Starts a role of the lab's own binary outside every container.
    pub(super) fn start_role(&mut self, role: &str, args: &[OsString]) -> Result<(), MeshError> {
        let args = std::iter::once(role.into()).chain(args.iter().cloned()).collect();
        let realtime = match role {
            "sample" => Some(11),
            "load" => Some(10),
            _ => None,
        };
        self.start(role, &self.options.lab.clone(), args, None, realtime)
    }

    /// Starts `program` as `name`, in the group of `container` if one is named.
    fn start(
        &mut self,
        name: &str,
        program: &Path,
        args: Vec<OsString>,
        container: Option<&String>,
        realtime: Option<u8>,
    ) -> Result<(), MeshError> {
        let groups = if let Some(id) = container {
            self.group_folders(id)
        } else {
            let tools = self.tree.tools().map_err(|source| MeshError::io(name, source))?;
            if realtime.is_some() { tools.accounting_folders() } else { tools.folders().to_vec() }
        };
        let launch = Launch {
            program: program.to_path_buf(),
            args,
            namespace: self.namespace.path(),
            groups,
            log: self.log_of(name),
            uid: None,
            realtime: realtime.filter(|_| self.realtime),
        };
        let child = self
            .launcher
            .start(&self.options.lab, &launch)
            .map_err(|source| MeshError::io(format!("{}", program.display()), source))?;
        let pid = i32::try_from(child.id()).unwrap_or(0);
        // A process that has ended already is found by `wait_until_ready`.
        let id = ProcessId::of(pid).unwrap_or(ProcessId { pid, started: 0 });
        self.running.insert(name.to_owned(), Running { child, id });
        let ids: Vec<_> = self.running.values().map(|running| running.id).collect();
        self.state.write_processes(&ids).map_err(|source| MeshError::io(name, source))
    }

    /// Folders of a container's control group.
    fn group_folders(&self, id: &str) -> Vec<PathBuf> {
        let entry = self.containers.iter().find(|entry| entry.id == id);
        entry.map(|entry| entry.group.folders().to_vec()).unwrap_or_default()
    }

    /// File that a process logs to.
    pub(super) fn log_of(&self, name: &str) -> PathBuf {
        self.state.path().join(format!("{}.log", name.replace('/', "-")))
    }

    /// The last lines of a process's log.
    pub(super) fn log_tail(&self, name: &str) -> String {
        let bytes = fs::read(self.log_of(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().rev().take(LOG_TAIL).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Waits until every process answers and no proxy refused anything.
    fn wait_until_ready(&mut self) -> Result<(), MeshError> {
        let deadline = Instant::now() + PATIENCE;
        for pod in self.pods.clone() {
            let proxy = format!("{}/{}", pod.folder(), ContainerId::SIDECAR);
            self.wait_for(&proxy, deadline, || {
                http::get(pod.address, ADMIN_PORT, "/ready", Duration::from_secs(1))
                    .is_ok_and(|answer| answer.body.trim() == "LIVE")
            })?;
            if pod.app_id.is_some() {
                let address = SocketAddr::from((pod.address, APP_PORT));
                self.wait_for(&format!("{}/app", pod.folder()), deadline, || {
                    std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
                })?;
            }
        }
        self.wait_for("prometheus", deadline, prometheus::is_ready)?;
        // LIVE alone is not enough: a proxy is LIVE with every listener refused.
        self.check_refusals()
    }

    /// Waits for one process until `answers` is true inside the namespace.
    pub(super) fn wait_for(
        &mut self,
        name: &str,
        deadline: Instant,
        answers: impl Fn() -> bool + Send + Sync,
    ) -> Result<(), MeshError> {
        loop {
            let answered = self.namespace.inside(&answers);
            if answered.map_err(|source| MeshError::io("the namespace", source))? {
                return Ok(());
            }
            let ended = self
                .running
                .get_mut(name)
                .is_none_or(|running| !matches!(running.child.try_wait(), Ok(None)));
            let (what, log) = (name.to_owned(), self.log_tail(name));
            if ended {
                return Err(MeshError::Ended { what, log });
            }
            if Instant::now() >= deadline {
                return Err(MeshError::NotReady { what, seconds: PATIENCE.as_secs(), log });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Certificates of all service accounts.
fn identities(state: &StateDir, pods: &[Pod]) -> Result<Identities, MeshError> {
    let account = |pod: &Pod| (pod.workload.namespace.clone(), pod.service_account.clone());
    let accounts: BTreeSet<_> = pods.iter().map(account).collect();
    Identities::issue(&state.path().join("certs"), &accounts)
        .map_err(|source| MeshError::io("certificates", source))
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
