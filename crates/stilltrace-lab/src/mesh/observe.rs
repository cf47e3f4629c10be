//! Reading a mesh: statistics, Prometheus, and the records of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use stilltrace_model::ContainerId;

use super::{Mesh, MeshError, now_unix_ms};
use crate::cluster::Cluster;
use crate::envoy::ADMIN_PORT;
use crate::harvest::{self, Noise, Records};
use crate::http;
use crate::pods::Pod;
use crate::profile::ISTIO_VERSION;
use crate::prometheus;

impl Mesh {
    /// Everything the last load left, with `seconds` of raw samples up to now. Load must have
    /// ended; wait one scrape interval before if its last seconds matter.
    pub fn records(&self, seconds: u64) -> Result<Records, MeshError> {
        let Some(load) = self.load.as_ref().filter(|load| load.end.is_some()) else {
            return Err(MeshError::Order("records need a load that has ended"));
        };
        let file = |name: &str| self.state.path().join(format!("{name}-{}.csv", load.index));
        let fail = |what: &'static str| move |source| MeshError::io(what, source);
        Ok(Records {
            containers: self.containers.clone(),
            cpu: Some(harvest::read_cpu(&file("cpu")).map_err(fail("the CPU record"))?),
            clients: Some(
                harvest::read_clients(&file("clients")).map_err(fail("the clients' record"))?,
            ),
            series: self.raw_samples("{__name__=~\".+\"}", seconds)?,
            logs: self.count_logs()?,
            noise: self.noise(),
            pushes: self.pushes.clone(),
            profile: self.options.profile,
            versions: self.versions(),
            scrape_seconds: self.options.scrape_seconds,
            cluster: self.evidence.clone(),
        })
    }

    /// Asks the API server for what it holds and wrote down, for the records. Does nothing where there is
    /// none.
    pub(crate) fn keep_evidence(&mut self) -> Result<(), MeshError> {
        self.evidence = self.cluster.as_ref().map(Cluster::evidence).transpose()?;
        Ok(())
    }

    /// The samples that Prometheus took in the last `seconds` of what `selector` selects.
    pub fn raw_samples(
        &self,
        selector: &str,
        seconds: u64,
    ) -> Result<Vec<prometheus::RawSeries>, MeshError> {
        let now = now_unix_ms();
        self.network
            .hub()
            .inside(|| prometheus::raw_samples(selector, seconds, now))
            .and_then(|samples| samples)
            .map_err(|source| MeshError::io("Prometheus", source))
    }

    /// The value of a PromQL expression now, per series as Prometheus answers it.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>, MeshError> {
        let now = now_unix_ms();
        self.network
            .hub()
            .inside(|| prometheus::query_at(expression, now))
            .and_then(|result| result)
            .map_err(|source| MeshError::io("Prometheus", source))
    }

    /// Envoy's own counters of a pod's proxy whose names match `filter` (RE2), the wide view.
    pub fn proxy_counters(
        &self,
        pod: &str,
        filter: &str,
    ) -> Result<BTreeMap<String, u64>, MeshError> {
        let answer = self.admin(pod, &format!("/stats?filter={}", http::escape(filter)))?;
        let counters = answer.lines().filter_map(|line| {
            let (name, value) = line.rsplit_once(": ")?;
            Some((name.to_owned(), value.trim().parse().ok()?))
        });
        Ok(counters.collect())
    }

    /// What a pod's proxy runs with: Envoy's configuration dump as JSON text.
    pub fn config_dump(&self, pod: &str) -> Result<String, MeshError> {
        self.admin(pod, "/config_dump")
    }

    /// One answer of a proxy's administration interface.
    fn admin(&self, pod: &str, path: &str) -> Result<String, MeshError> {
        let found = self.pods.iter().find(|it| it.name == pod);
        let pod = found.ok_or(MeshError::Order("no pod of that name"))?;
        self.ask(pod, ADMIN_PORT, path, Duration::from_secs(10))
            .map(|answer| answer.body)
            .map_err(|source| MeshError::io(format!("the proxy of {}", pod.name), source))
    }

    /// CPU time that all containers and the lab's tools have used, in seconds.
    pub(super) fn lab_cpu(&self) -> Result<f64, MeshError> {
        let mut sum = 0.0;
        let tools = self.tree.tools().map_err(|source| MeshError::io("CPU use", source))?;
        for group in self.containers.iter().map(|entry| &entry.group).chain([&tools]) {
            let reading = group.meter().and_then(|meter| meter.read());
            sum +=
                reading.map_err(|source| MeshError::io("CPU use", source))?.usage_ns as f64 / 1e9;
        }
        Ok(sum)
    }

    /// Counts the access logs of all proxies.
    fn count_logs(&self) -> Result<Vec<harvest::LogCount>, MeshError> {
        let mut counts = BTreeMap::new();
        for pod in &self.pods {
            let path = self.access_log(pod);
            harvest::count_log(&path, &pod.workload.namespace, &pod.name, &mut counts)
                .map_err(|source| MeshError::io(path.display().to_string(), source))?;
        }
        Ok(counts.into_values().collect())
    }

    /// The file that a pod's proxy writes its access log to.
    fn access_log(&self, pod: &Pod) -> PathBuf {
        if self.is_under_istio() {
            self.log_of(&format!("{}/{}", pod.folder(), ContainerId::SIDECAR))
        } else {
            self.dir(pod).access_log()
        }
    }

    /// What else used the machine during the last load. Where control groups of version 1 are not
    /// separate, clients and sampler count as others.
    fn noise(&self) -> Noise {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let average = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load_average =
            average.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0);
        let mut noise = Noise { cpus, load_average, realtime: self.realtime, ..Noise::default() };
        if let Some((load, end)) = self.load.as_ref().and_then(|load| Some((load, load.end?))) {
            let seconds = (load.took_ms as f64 / 1_000.0).max(0.001);
            let (start_machine, start_lab) = load.start;
            let (end_machine, end_lab) = end;
            noise.lab_cores = (end_lab - start_lab) / seconds;
            noise.steal_cores = (end_machine.steal - start_machine.steal) / seconds;
            let busy = (end_machine.busy - start_machine.busy) / seconds;
            noise.other_cores = (busy - noise.lab_cores).max(0.0);
        }
        noise
    }

    /// Versions of the programs that ran: the first line that each prints.
    fn versions(&self) -> BTreeMap<String, String> {
        let version = |program: &std::path::Path| {
            let output = Command::new(program).arg("--version").output().ok()?;
            // Prometheus 2.42 prints to standard output, earlier ones to standard error.
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            let line = text.lines().map(str::trim).find(|line| line.contains("version"))?;
            // Envoy starts the line with the path it was started by, which is no one's business.
            let line = line.split_whitespace().filter(|word| !word.starts_with('/'));
            Some(line.collect::<Vec<_>>().join(" "))
        };
        let mut versions = BTreeMap::new();
        versions.insert("stilltrace-lab".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        for (name, program) in
            [("envoy", &self.options.envoy), ("prometheus", &self.options.prometheus)]
        {
            versions
                .insert(name.to_owned(), version(program).unwrap_or_else(|| "unknown".to_owned()));
        }
        if self.is_under_istio() {
            versions.insert("istio".to_owned(), ISTIO_VERSION.to_owned());
        }
        if let Ok(release) = std::fs::read_to_string("/proc/sys/kernel/osrelease") {
            // The build behind the version names the machine.
            let version = release.trim().split(|c: char| c != '.' && !c.is_ascii_digit()).next();
            versions.insert("linux".to_owned(), version.unwrap_or("unknown").to_owned());
        }
        versions
    }
}
