//! Starting the processes of a mesh, each in its place, and waiting until they answer.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use stilltrace_model::{ContainerId, Platform};

use super::boot::CONTAINERS;
use super::{Mesh, MeshError, Running};
use crate::envoy::ADMIN_PORT;
use crate::host::launch::Launch;
use crate::host::netns::Namespace;
use crate::host::network::PROXY_ID;
use crate::host::process::ProcessId;
use crate::http;
use crate::pods::Pod;
use crate::prometheus;

/// How long a boot may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Lines of a log that an error shows.
const LOG_TAIL: usize = 12;
/// User and group of applications in a namespace of their own; any but the proxy's.
const APP_ID: u32 = 1000;

/// Where a process has its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// In a container of a pod, by the container's id.
    Container(&'a Pod, &'a str),
    /// Beside all pods: the lab's own tools, with real-time priority if one is given.
    Tools(Option<u8>),
    /// Beside all pods, with variables of its own.
    ControlPlane(&'a [(&'static str, OsString)]),
}

impl Mesh {
    /// Starts exporter, applications, proxies and Prometheus.
    pub(super) fn start_all(&mut self, platform: &Platform) -> Result<(), MeshError> {
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
                let name = format!("{}/app", pod.folder());
                self.start(&name, &self.options.lab.clone(), args, Place::Container(&pod, id))?;
            }
            self.start_proxy(&pod, platform)?;
        }
        let mut args: Vec<OsString> = vec!["--config.file".into()];
        args.push(self.state.path().join("prometheus.yml").into());
        args.push("--storage.tsdb.path".into());
        args.push(self.state.path().join("prometheus").into());
        let listen = format!("{}:{}", prometheus::ADDRESS, prometheus::PORT);
        args.extend(["--web.listen-address".into(), listen.into(), "--log.level=warn".into()]);
        self.start("prometheus", &self.options.prometheus.clone(), args, Place::Tools(None))
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
        let place = Place::Container(pod, &pod.proxy_id);
        self.start(&name, &self.options.envoy.clone(), args, place)
    }

    /// Starts a role of the lab's own binary outside every container.
    pub(super) fn start_role(&mut self, role: &str, args: &[OsString]) -> Result<(), MeshError> {
        let args = std::iter::once(role.into()).chain(args.iter().cloned()).collect();
        let realtime = match role {
            "sample" => Some(11),
            "load" => Some(10),
            _ => None,
        };
        self.start(role, &self.options.lab.clone(), args, Place::Tools(realtime))
    }

    /// Starts `program` as `name` in its place.
    pub(super) fn start(
        &mut self,
        name: &str,
        program: &Path,
        args: Vec<OsString>,
        place: Place<'_>,
    ) -> Result<(), MeshError> {
        let fail = |source| MeshError::io(name, source);
        let tools = self.tree.tools().map_err(fail)?;
        let (groups, realtime) = match place {
            Place::Container(_, id) => (self.group_folders(id), None),
            Place::Tools(Some(priority)) => (tools.accounting_folders(), Some(priority)),
            Place::Tools(None) | Place::ControlPlane(_) => (tools.folders().to_vec(), None),
        };
        let environment = match place {
            Place::ControlPlane(variables) => variables.to_vec(),
            _ => Vec::new(),
        };
        let launch = Launch {
            program: program.to_path_buf(),
            args,
            namespace: self.namespace_of(place).path(),
            groups,
            log: self.log_of(name),
            uid: self.user_of(place),
            realtime: realtime.filter(|_| self.realtime),
            environment,
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
        self.state.write_processes(&ids).map_err(fail)
    }

    /// The user of a place. Redirection tells the proxy from the application by it, so it matters
    /// only in a pod's own namespace.
    fn user_of(&self, place: Place<'_>) -> Option<u32> {
        match place {
            Place::Container(pod, id) if self.network.has(&pod.folder()) => {
                Some(if pod.proxy_id == id { PROXY_ID } else { APP_ID })
            }
            _ => None,
        }
    }

    /// Namespace of a place.
    fn namespace_of(&self, place: Place<'_>) -> &Namespace {
        match place {
            Place::Container(pod, _) => self.network.of(&pod.folder()),
            Place::Tools(_) | Place::ControlPlane(_) => self.network.hub(),
        }
    }

    /// Folders of a container's control group.
    fn group_folders(&self, id: &str) -> Vec<PathBuf> {
        let entry = self.containers.iter().find(|entry| entry.id == id);
        entry.map(|entry| entry.group.folders().to_vec()).unwrap_or_default()
    }

    /// Fails if a process has ended.
    pub(super) fn check_runs(&mut self, name: &str) -> Result<(), MeshError> {
        let ended = self
            .running
            .get_mut(name)
            .is_none_or(|running| !matches!(running.child.try_wait(), Ok(None)));
        if ended {
            return Err(MeshError::Ended { what: name.to_owned(), log: self.log_tail(name) });
        }
        Ok(())
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
    pub(super) fn wait_until_ready(&mut self) -> Result<(), MeshError> {
        let deadline = Instant::now() + PATIENCE;
        for pod in self.pods.clone() {
            self.wait_for_proxy(&pod, deadline)?;
            if pod.app_id.is_some() {
                let address = SocketAddr::from((self.own_address(&pod), self.app_port(&pod)));
                self.wait_for(&format!("{}/app", pod.folder()), &pod.folder(), deadline, || {
                    std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
                })?;
            }
        }
        self.wait_for("prometheus", "", deadline, prometheus::is_ready)?;
        // LIVE alone is not enough: a proxy is LIVE with every listener refused.
        self.check_refusals()
    }

    /// Waits until the proxy of a pod is live.
    pub(super) fn wait_for_proxy(&mut self, pod: &Pod, deadline: Instant) -> Result<(), MeshError> {
        let name = format!("{}/{}", pod.folder(), ContainerId::SIDECAR);
        let address = self.own_address(pod);
        self.wait_for(&name, &pod.folder(), deadline, || {
            http::get(address, ADMIN_PORT, "/ready", Duration::from_secs(1))
                .is_ok_and(|answer| answer.body.trim() == "LIVE")
        })
    }

    /// Waits for one process until `answers` is true in the namespace of the pod `place`, or of the
    /// lab's tools if no pod has that name.
    pub(super) fn wait_for(
        &mut self,
        name: &str,
        place: &str,
        deadline: Instant,
        answers: impl Fn() -> bool + Send + Sync,
    ) -> Result<(), MeshError> {
        loop {
            let answered = self.network.of(place).inside(&answers);
            if answered.map_err(|source| MeshError::io("the namespace", source))? {
                return Ok(());
            }
            self.check_runs(name)?;
            if Instant::now() >= deadline {
                let (what, log) = (name.to_owned(), self.log_tail(name));
                return Err(MeshError::NotReady { what, seconds: PATIENCE.as_secs(), log });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
