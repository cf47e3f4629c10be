//! A real control plane without a cluster: etcd, kube-apiserver, kube-controller-manager, istiod and
//! Argo CD or Flux as plain processes in a network namespace of their own.
//!
//! ```text
//! git push ─> git-http ─> source-controller ─> kustomize-controller ─┐
//!                    └──> argocd-repo-server ─> application-controller ├─> kube-apiserver ─> istiod
//!                                 pods, endpoints: kube-controller-manager ┘      └─ etcd
//! ```
//!
//! There is no scheduler and no kubelet: the lab binds every pod that a Deployment asks for and
//! reports it as running at an address, which is two calls of the API a pod ([`pods`]). Proxies
//! are not connected to this istiod yet; what is here ends at its pushes.

mod boot;
mod evidence;
mod keys;
mod kubectl;
pub mod pods;
mod programs;
mod reconcile;
mod tools;

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin};
use std::time::{Duration, Instant};

use crate::host::cgroup::Tree;
use crate::host::launch::{Launch, Launcher};
use crate::host::network::Network;
use crate::host::process::ProcessId;
use crate::host::state::StateDir;
use crate::mesh::MeshError;

pub use reconcile::{Engines, Synced};
pub use tools::Tools;

use programs::Program;

/// Address of the control plane, also of the node that its pods are bound to.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 255, 2);
/// Time between looks at what is waited for.
const LOOK: Duration = Duration::from_millis(100);
/// Lines of a log that an error shows.
const LOG_TAIL: usize = 12;

/// A running control plane; its end ends every process.
#[derive(Debug)]
pub struct Cluster {
    /// Its programs.
    tools: Tools,
    /// The lab's own binary.
    lab: PathBuf,
    /// Its folder.
    state: StateDir,
    /// Its control groups.
    tree: Tree,
    /// Where its processes are.
    network: Network,
    /// Processes by name.
    running: BTreeMap<String, (Child, ProcessId)>,
    /// Starts processes; its end would end them.
    launcher: Launcher,
    /// Clears up if this process is killed; and the pipe that tells it.
    janitor: Option<(Child, ChildStdin)>,
    /// How long each step of the boot took, in order.
    pub steps: Vec<(&'static str, Duration)>,
}

impl Cluster {
    /// The folder with state and logs; gone after shutdown.
    pub fn folder(&self) -> &Path {
        self.state.path()
    }

    /// Ends every process and gives everything back.
    ///
    /// # Errors
    /// When a process does not end or its folder cannot be removed.
    pub fn shutdown(mut self) -> Result<(), MeshError> {
        self.end()
    }

    /// How often istiod has pushed to proxies or noticed a change, as its log says.
    pub fn pushes(&self) -> usize {
        let log = fs::read_to_string(self.log_of("istiod")).unwrap_or_default();
        log.matches("Push debounce stable").count()
    }

    /// Starts a program and writes down its id, for whoever has to clear up.
    fn start(&mut self, program: Program) -> Result<(), MeshError> {
        let fail = |source| MeshError::io(program.name, source);
        let launch = Launch {
            program: program.file,
            args: program.args,
            namespace: self.network.hub().path(),
            groups: self.tree.tools().map_err(fail)?.folders().to_vec(),
            log: self.log_of(program.name),
            uid: None,
            realtime: None,
            environment: program.environment,
        };
        let child = self.launcher.start(&self.lab, &launch).map_err(fail)?;
        let pid = i32::try_from(child.id()).unwrap_or(0);
        let id = ProcessId::of(pid).unwrap_or(ProcessId { pid, started: 0 });
        self.running.insert(program.name.to_owned(), (child, id));
        let ids: Vec<_> = self.running.values().map(|(_, id)| *id).collect();
        self.state.write_processes(&ids).map_err(fail)
    }

    /// Waits until `is_done`, as long as the process `name` runs, for at most `limit`.
    fn wait(
        &mut self,
        name: &str,
        what: &str,
        limit: Duration,
        is_done: impl Fn(&Self) -> bool,
    ) -> Result<(), MeshError> {
        let deadline = Instant::now() + limit;
        while !is_done(self) {
            let ended = self.running.get_mut(name);
            if ended.is_none_or(|(child, _)| !matches!(child.try_wait(), Ok(None))) {
                return Err(MeshError::Ended { what: name.to_owned(), log: self.log_tail(name) });
            }
            if Instant::now() >= deadline {
                let (what, log) = (what.to_owned(), self.log_tail(name));
                return Err(MeshError::NotReady { what, seconds: limit.as_secs(), log });
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// File that a process logs to.
    fn log_of(&self, name: &str) -> PathBuf {
        self.state.path().join(format!("{name}.log"))
    }

    /// The last lines of a process's log.
    fn log_tail(&self, name: &str) -> String {
        let bytes = fs::read(self.log_of(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().rev().take(LOG_TAIL).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Ends everything; the first failure is reported, the rest is done all the same.
    fn end(&mut self) -> Result<(), MeshError> {
        for (_, id) in self.running.values() {
            id.signal(nix::sys::signal::Signal::SIGKILL);
        }
        for (child, _) in self.running.values_mut() {
            // Reaped, so that nothing of it remains; an error means it was reaped before.
            let _ = child.wait();
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

impl Drop for Cluster {
    fn drop(&mut self) {
        // Whoever wants to know calls `shutdown`; what fails here is left to the janitor.
        let _ = self.end();
    }
}
