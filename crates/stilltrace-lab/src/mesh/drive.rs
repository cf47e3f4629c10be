//! Changing a running mesh: pushes, releases, limits, load.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use stilltrace_model::{ContainerId, Platform};

use super::boot::{CONTAINERS, write};
use super::{Applied, LoadRun, Mesh, MeshError, now_unix_ms};
use crate::behave::{CONTROL_PATH, CONTROL_PORT, Orders};
use crate::envoy::{self, ADMIN_PORT};
use crate::harvest::MachineCpu;
use crate::http;
use crate::pods::Pod;
use crate::prometheus;
use crate::roles::load::LoadPlan;
use crate::topology::{Behaviour, Traffic};

/// Address of the clients.
const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 18, 254, 1);
/// How long proxies may take to accept a push.
const PUSH_PATIENCE: Duration = Duration::from_secs(10);
/// Time beyond its own timeout after which load must have ended.
const LOAD_SLACK: Duration = Duration::from_secs(10);

impl Mesh {
    /// Configures the running mesh anew. Only files, limits, releases and targets that differ are
    /// touched; returns when every touched proxy has taken its files.
    ///
    /// The platform's replica counts and new workloads have no effect: pods are those of the boot.
    pub fn apply(&mut self, platform: &Platform) -> Result<Applied, MeshError> {
        let mut applied = Applied { unix_ms: now_unix_ms(), ..Applied::default() };
        let before = self.counters()?;
        applied.files = self.write_changed(platform)?;
        applied.limits = self.set_limits(platform)?;
        applied.releases = self.send_orders(platform)?;
        self.wait_until_taken(&before, &applied.files)?;
        applied.restarts = self.restart_changed(platform)?;
        applied.settled_unix_ms = now_unix_ms();
        self.pushes.push(applied.clone());
        Ok(applied)
    }

    /// Makes every pod of a service behave differently, whatever its image: a fault that no commit
    /// causes. Lasts until a push changes the image.
    pub fn behave(
        &mut self,
        namespace: &str,
        service: &str,
        behaviour: &Behaviour,
    ) -> Result<(), MeshError> {
        for pod in self.pods.clone() {
            let is_meant = pod.service.namespace == namespace && pod.service.name == service;
            if is_meant && pod.app_id.is_some() {
                let image =
                    self.told.orders.get(&pod.folder()).and_then(|(_, image)| image.clone());
                let orders =
                    Orders { behaviour: behaviour.clone(), epoch_unix_ms: self.epoch_unix_ms };
                self.send(&pod, orders, image)?;
            }
        }
        Ok(())
    }

    /// Starts clients and sampler for `seconds`; returns at once. The phases of behaviours count
    /// from here.
    pub fn load(&mut self, traffic: &Traffic, seconds: u64) -> Result<(), MeshError> {
        if self.load.as_ref().is_some_and(|load| load.end.is_none()) {
            return Err(MeshError::Order("load runs already; wait for it before starting another"));
        }
        let index = self.load.as_ref().map_or(0, |load| load.index + 1);
        self.start_epoch()?;
        let gateway = self.pods.first().ok_or(MeshError::Order("the mesh has no gateway"))?;
        let plan = LoadPlan {
            target: SocketAddr::from((gateway.address, gateway.port)),
            from: IpAddr::V4(CLIENT),
            traffic: traffic.clone(),
            seed: self.options.seed.wrapping_add(u64::from(index)),
            seconds,
        };
        let folder = self.state.path().to_path_buf();
        let plan_file = folder.join(format!("load-{index}.json"));
        write(&plan_file, serde_json::to_vec(&plan).map_err(io::Error::other))?;
        let start = (machine()?, self.lab_cpu()?);
        self.start_role(
            "sample",
            &[
                "--containers".into(),
                folder.join(CONTAINERS).into(),
                "--seconds".into(),
                seconds.to_string().into(),
                "--out".into(),
                folder.join(format!("cpu-{index}.csv")).into(),
            ],
        )?;
        let out = folder.join(format!("clients-{index}.csv"));
        self.start_role("load", &["--plan".into(), plan_file.into(), "--out".into(), out.into()])?;
        let start_unix_ms = now_unix_ms();
        self.load =
            Some(LoadRun { index, start, end: None, start_unix_ms, took_ms: seconds * 1_000 });
        Ok(())
    }

    /// Waits until clients and sampler have ended.
    pub fn wait_for_load(&mut self) -> Result<(), MeshError> {
        let Some(load) = &self.load else {
            return Err(MeshError::Order("no load was started"));
        };
        let planned = Duration::from_millis(load.took_ms + self.topology.traffic.timeout_ms);
        let passed = Duration::from_millis(now_unix_ms().saturating_sub(load.start_unix_ms));
        let deadline = Instant::now() + (planned + LOAD_SLACK).saturating_sub(passed);
        for role in ["load", "sample"] {
            self.wait_for_end(role, deadline)?;
        }
        self.check_alive()?;
        let end = (machine()?, self.lab_cpu()?);
        if let Some(load) = &mut self.load {
            load.end = Some(end);
            load.took_ms = now_unix_ms().saturating_sub(load.start_unix_ms);
        }
        Ok(())
    }

    /// Fails if a process of the mesh has ended by itself: what was recorded would be worthless.
    fn check_alive(&mut self) -> Result<(), MeshError> {
        let ended = self.running.iter_mut().find_map(|(name, running)| {
            let runs = matches!(running.child.try_wait(), Ok(None));
            (!runs).then(|| name.clone())
        });
        match ended {
            None => Ok(()),
            Some(what) => Err(MeshError::Ended { log: self.log_tail(&what), what }),
        }
    }

    /// Waits until a process has ended without failure.
    fn wait_for_end(&mut self, name: &str, deadline: Instant) -> Result<(), MeshError> {
        while let Some(running) = self.running.get_mut(name) {
            match running.child.try_wait() {
                Ok(Some(status)) if status.success() => {
                    self.running.remove(name);
                }
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Ok(None) => {
                    let (what, log) = (format!("the end of {name}"), self.log_tail(name));
                    return Err(MeshError::NotReady { what, seconds: LOAD_SLACK.as_secs(), log });
                }
                _ => {
                    let (what, log) = (name.to_owned(), self.log_tail(name));
                    return Err(MeshError::Ended { what, log });
                }
            }
        }
        Ok(())
    }

    /// Writes the discovery files and targets that differ from what was written last: for each
    /// type in turn those of all pods, so that the mesh changes as in one push.
    pub(super) fn write_changed(
        &mut self,
        platform: &Platform,
    ) -> Result<Vec<(String, &'static str)>, MeshError> {
        let mut wanted: Vec<(usize, usize, &'static str, String)> = Vec::new();
        for (place, pod) in self.pods.iter().enumerate() {
            let files = envoy::discovery(self.world(platform), pod, &self.dir(pod));
            for (order, (kind, content)) in files.into_iter().enumerate() {
                wanted.push((order, place, kind, content.to_string()));
            }
        }
        wanted.sort();
        let mut changed = Vec::new();
        for (_, place, kind, content) in wanted {
            let Some(pod) = self.pods.get(place) else { continue };
            let key = (pod.folder(), kind);
            if self.told.files.get(&key) != Some(&content) {
                write(&self.dir(pod).xds(kind), Ok(content.clone().into_bytes()))?;
                changed.push((pod.name.clone(), kind));
                self.told.files.insert(key, content);
            }
        }
        let targets = prometheus::targets(&self.pods, platform).to_string();
        if self.told.targets != targets {
            write(&self.state.path().join("targets.json"), Ok(targets.clone().into_bytes()))?;
            self.told.targets = targets;
        }
        Ok(changed)
    }

    /// Sets the CPU limits that differ from those set last.
    pub(super) fn set_limits(
        &mut self,
        platform: &Platform,
    ) -> Result<Vec<(String, String, Option<u32>)>, MeshError> {
        let mut changed = Vec::new();
        for entry in &self.containers {
            let Some(workload) = platform.workloads.get(&entry.model_id().workload) else {
                continue;
            };
            let limit = if entry.container == ContainerId::SIDECAR {
                workload.sidecar.as_ref().and_then(|proxy| proxy.cpu_limit.value)
            } else {
                workload.containers.first().and_then(|app| app.cpu_limit.value)
            };
            let limit = limit.map(|limit| limit.0);
            if self.told.limits.get(&entry.id).copied().unwrap_or(None) != limit {
                entry.group.limit(limit).map_err(|source| MeshError::io("a CPU limit", source))?;
                changed.push((entry.pod.clone(), entry.container.clone(), limit));
                self.told.limits.insert(entry.id.clone(), limit);
            }
        }
        Ok(changed)
    }

    /// What the pod's application must do under `platform`, and its image; `None` for a gateway.
    pub(super) fn orders(
        &self,
        pod: &Pod,
        platform: &Platform,
    ) -> Option<(Orders, Option<String>)> {
        pod.app_id.as_ref()?;
        let service = self.topology.service(&pod.service.namespace, &pod.service.name)?;
        let workload = service.workloads().into_iter().find(|it| it.name == pod.workload.name)?;
        let containers = platform.workloads.get(&pod.workload).map(|it| it.containers.as_slice());
        let image = containers.unwrap_or_default().first().map(|app| app.image.value.clone());
        let behaviour = service.behaviour_of(&workload, image.as_deref());
        Some((Orders { behaviour, epoch_unix_ms: self.epoch_unix_ms }, image))
    }

    /// Sends orders to the applications whose image differs from the last one.
    fn send_orders(&mut self, platform: &Platform) -> Result<Vec<(String, String)>, MeshError> {
        let mut changed = Vec::new();
        for pod in self.pods.clone() {
            let Some((orders, image)) = self.orders(&pod, platform) else { continue };
            let told = self.told.orders.get(&pod.folder()).and_then(|(_, image)| image.as_ref());
            if told != image.as_ref() {
                changed.push((pod.name.clone(), image.clone().unwrap_or_default()));
                self.send(&pod, orders, image)?;
            }
        }
        Ok(changed)
    }

    /// Lets the phases of every application count from now.
    fn start_epoch(&mut self) -> Result<(), MeshError> {
        self.epoch_unix_ms = now_unix_ms();
        for pod in self.pods.clone() {
            let Some((mut orders, image)) = self.told.orders.get(&pod.folder()).cloned() else {
                continue;
            };
            orders.epoch_unix_ms = self.epoch_unix_ms;
            self.send(&pod, orders, image)?;
        }
        Ok(())
    }

    /// Sends orders to one application.
    fn send(&mut self, pod: &Pod, orders: Orders, image: Option<String>) -> Result<(), MeshError> {
        let fail = |source| MeshError::io(format!("orders to {}", pod.name), source);
        let body = serde_json::to_vec(&orders).map_err(|error| fail(io::Error::other(error)))?;
        let address = self.own_address(pod);
        self.network
            .of(&pod.folder())
            .inside(move || http::put(address, CONTROL_PORT, CONTROL_PATH, body))
            .and_then(|sent| sent)
            .map_err(fail)?;
        self.told.orders.insert(pod.folder(), (orders, image));
        Ok(())
    }

    /// Starts the proxies anew for which something changed that is read at start only, and waits
    /// for them. A pod with one replica is out for a moment, where Kubernetes would surge.
    fn restart_changed(&mut self, platform: &Platform) -> Result<Vec<String>, MeshError> {
        let mut restarted = Vec::new();
        for pod in self.pods.clone() {
            let start = self.proxy_start(&pod, platform);
            if self.told.starts.get(&pod.folder()) == Some(&start) {
                continue;
            }
            let name = format!("{}/{}", pod.folder(), ContainerId::SIDECAR);
            if let Some(mut running) = self.running.remove(&name) {
                running.id.signal(nix::sys::signal::Signal::SIGKILL);
                let _ = running.child.wait();
            }
            self.write_bootstrap(&pod, platform)?;
            self.start_proxy(&pod, platform)?;
            self.wait_for_proxy(&pod, Instant::now() + PUSH_PATIENCE)?;
            restarted.push(pod.name.clone());
        }
        Ok(restarted)
    }

    /// Waits until every proxy has tried the files that changed; a refusal is an error.
    fn wait_until_taken(
        &mut self,
        before: &BTreeMap<(String, &'static str), Taken>,
        files: &[(String, &'static str)],
    ) -> Result<(), MeshError> {
        let deadline = Instant::now() + PUSH_PATIENCE;
        loop {
            let now = self.counters()?;
            let count =
                |all: &BTreeMap<_, Taken>, key: &_| all.get(key).copied().unwrap_or_default();
            let pending: Vec<_> = files
                .iter()
                .filter(|file| {
                    let (then, now) = (count(before, file), count(&now, file));
                    now.accepted + now.refused <= then.accepted + then.refused
                })
                .collect();
            let refused =
                files.iter().find(|file| count(&now, file).refused > count(before, file).refused);
            if let Some((pod, kind)) = refused {
                return Err(self.refusal(pod, kind));
            }
            if pending.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let what = format!("{pending:?}");
                return Err(MeshError::NotReady {
                    what,
                    seconds: PUSH_PATIENCE.as_secs(),
                    log: String::new(),
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Fails if any proxy ever refused a part of its configuration.
    pub(super) fn check_refusals(&self) -> Result<(), MeshError> {
        for ((pod, kind), taken) in self.counters()? {
            if taken.refused > 0 {
                return Err(self.refusal(&pod, kind));
            }
        }
        Ok(())
    }

    /// The error for a refusal, with what the proxy wrote about it.
    fn refusal(&self, pod: &str, kind: &'static str) -> MeshError {
        let found = self.pods.iter().find(|it| it.name == pod);
        let log =
            found.map(|pod| self.log_tail(&format!("{}/{}", pod.folder(), ContainerId::SIDECAR)));
        MeshError::Refused { pod: pod.to_owned(), kind, log: log.unwrap_or_default() }
    }

    /// How often each proxy took and refused each type of discovery file.
    fn counters(&self) -> Result<BTreeMap<(String, &'static str), Taken>, MeshError> {
        let path = "/stats?filter=(cds|lds|rds.*).update_(success|rejected)$";
        let mut all = BTreeMap::new();
        for pod in &self.pods {
            let answer = self.ask(pod, ADMIN_PORT, path, Duration::from_secs(5));
            let answer = answer.map_err(|source| MeshError::io("asking proxies", source))?;
            for (kind, taken) in Taken::read(&answer.body) {
                all.insert((pod.name.clone(), kind), taken);
            }
        }
        Ok(all)
    }
}

/// CPU time of the machine.
fn machine() -> Result<MachineCpu, MeshError> {
    MachineCpu::now().map_err(|source| MeshError::io("/proc/stat", source))
}

/// How often a proxy took and refused one type of discovery file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Taken {
    accepted: u64,
    refused: u64,
}

impl Taken {
    /// Reads Envoy's statistics text; several route configurations are added up.
    fn read(text: &str) -> BTreeMap<&'static str, Self> {
        let mut all: BTreeMap<&'static str, Self> = BTreeMap::new();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(": ") else { continue };
            let Ok(value) = value.trim().parse::<u64>() else { continue };
            let kind =
                ["cds", "lds", "rds"].into_iter().find(|kind| name.contains(&format!("{kind}.")));
            let Some(kind) = kind else { continue };
            let taken = all.entry(kind).or_default();
            if name.ends_with("update_success") {
                taken.accepted += value;
            } else {
                taken.refused += value;
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart_by_type() {
        let text = "cluster_manager.cds.update_rejected: 0\ncluster_manager.cds.update_success: 2\n\
            http.outbound_0.0.0.0_8080;.rds.8080.update_rejected: 1\n\
            http.outbound_0.0.0.0_8080;.rds.8080.update_success: 3\n\
            listener_manager.lds.update_rejected: 4\n";
        let read = Taken::read(text);
        assert_eq!(read["cds"], Taken { accepted: 2, refused: 0 });
        assert_eq!(read["rds"], Taken { accepted: 3, refused: 1 });
        assert_eq!(read["lds"], Taken { accepted: 0, refused: 4 });
    }
}
