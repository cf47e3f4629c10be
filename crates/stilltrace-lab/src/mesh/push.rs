//! Changing what the proxies of a running mesh are told, and waiting until they have taken it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stilltrace_model::{ContainerId, Platform};

use super::boot::write;
use super::{Applied, Desired, Mesh, MeshError, now_unix_ms};
use crate::envoy::{self, ADMIN_PORT};
use crate::prometheus;

/// How long proxies may take to accept a push: a proxy that learns of hundreds of services at once
/// answers nothing for seconds on a busy machine.
pub(super) const PUSH_PATIENCE: Duration = Duration::from_secs(30);

impl Mesh {
    /// Configures the running mesh anew. Only files, limits, releases and targets that differ are
    /// touched; returns when every touched proxy has taken its files.
    ///
    /// The platform's replica counts and new workloads have no effect: pods are those of the boot.
    pub fn apply<'a>(&mut self, desired: impl Into<Desired<'a>>) -> Result<Applied, MeshError> {
        let Desired { platform, objects, pushed } = desired.into();
        let mut applied = Applied { unix_ms: now_unix_ms(), ..Applied::default() };
        let before = self.counters()?;
        let is_new = self.hold(objects)?;
        self.sync(pushed, &before, &mut applied)?;
        let files = self.write_changed(platform)?;
        applied.limits = self.set_limits(platform)?;
        applied.releases = self.send_orders(platform)?;
        self.wait_until_taken(&before, &files)?;
        applied.files.extend(files);
        if self.cluster.is_none() {
            applied.settled_unix_ms = now_unix_ms();
        }
        if is_new {
            self.settle(&before, &mut applied)?;
        }
        applied.restarts = self.restart_changed(platform)?;
        if !applied.restarts.is_empty() {
            applied.settled_unix_ms = now_unix_ms();
        }
        self.pushes.push(applied.clone());
        Ok(applied)
    }

    /// Writes the discovery files and targets that differ from what was written last: for each
    /// type in turn those of all pods, so that the mesh changes as in one push.
    pub(super) fn write_changed(
        &mut self,
        platform: &Platform,
    ) -> Result<Vec<(String, &'static str)>, MeshError> {
        self.write_targets(platform)?;
        let mut wanted: Vec<(usize, usize, &'static str, String)> = Vec::new();
        let by_file = if self.is_under_istio() { &[] } else { self.pods.as_slice() };
        for (place, pod) in by_file.iter().enumerate() {
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
        Ok(changed)
    }

    /// Tells Prometheus what to ask the proxies for, if that has changed.
    fn write_targets(&mut self, platform: &Platform) -> Result<(), MeshError> {
        let targets = prometheus::targets(&self.pods, platform, self.options.kept).to_string();
        if self.told.targets != targets {
            write(&self.state.path().join("targets.json"), Ok(targets.clone().into_bytes()))?;
            self.told.targets = targets;
        }
        Ok(())
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
    pub(super) fn refusal(&self, pod: &str, kind: &'static str) -> MeshError {
        let found = self.pods.iter().find(|it| it.name == pod);
        let log =
            found.map(|pod| self.log_tail(&format!("{}/{}", pod.folder(), ContainerId::SIDECAR)));
        MeshError::Refused { pod: pod.to_owned(), kind, log: log.unwrap_or_default() }
    }

    /// How often each proxy took and refused each type of discovery file.
    pub(super) fn counters(&self) -> Result<BTreeMap<(String, &'static str), Taken>, MeshError> {
        let path = "/stats?filter=(cds|lds|rds.*).update_(success|rejected)$";
        let mut all = BTreeMap::new();
        for pod in &self.pods {
            let answer = self.ask(pod, ADMIN_PORT, path, PUSH_PATIENCE);
            let answer = answer.map_err(|source| MeshError::io("asking proxies", source))?;
            for (kind, taken) in Taken::read(&answer.body) {
                all.insert((pod.name.clone(), kind), taken);
            }
        }
        Ok(all)
    }
}

/// How often a proxy took and refused one type of discovery file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Taken {
    pub(super) accepted: u64,
    pub(super) refused: u64,
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
