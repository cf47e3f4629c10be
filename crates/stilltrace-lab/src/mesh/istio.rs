//! A mesh under Istio's own control plane: its start, the pods as it knows them, its pushes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::control_plane::{ADDRESS, ControlPlane, Event, POD_NETWORK, PORT, environment};
use super::push::{PUSH_PATIENCE, Taken};
use super::start::Place;
use super::{Applied, Mesh, MeshError};
use crate::envoy::ADMIN_PORT;
use crate::envoy::istio::Sources;
use crate::host::network::Traffic;

/// Name of the control plane's process.
const NAME: &str = "control-plane";
/// How long the control plane may take to serve.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// After this long without a change, a push has reached every proxy that it concerns: istiod waits
/// 0.1 s for more changes before it pushes.
const QUIET: Duration = Duration::from_millis(400);
/// Time between looks.
const LOOK: Duration = Duration::from_millis(20);

impl Mesh {
    /// Starts the control plane with `objects` and gives every pod the place that it has there.
    pub(super) fn start_control_plane(&mut self, objects: &[Value]) -> Result<(), MeshError> {
        let fail = |source| MeshError::io(NAME, source);
        let program = self.options.control_plane.clone().ok_or_else(|| MeshError::Missing {
            remedy: "no istio-xds; build it with `cargo xtask lab tools`".to_owned(),
        })?;
        let (state, log) = (self.state.path(), self.log_of(NAME));
        let plane = ControlPlane::new(state, log, self.options.bystanders);
        let mut plane = plane.map_err(fail)?;
        plane.hold(objects).map_err(fail)?;
        let mut args: Vec<OsString> = vec!["-pod-net".into(), POD_NETWORK.into()];
        args.extend(["-serve".into(), SocketAddr::from((ADDRESS, PORT)).to_string().into()]);
        args.extend(["-sds".into(), self.secrets().into_os_string()]);
        args.push(plane.folder().into());
        self.control_plane = Some(plane);
        self.start(NAME, &program, args, Place::ControlPlane(&environment()))?;
        let pods = self.wait_until_serving()?;
        self.place_pods(pods)
    }

    /// The socket of the secret discovery service.
    pub(super) fn secrets(&self) -> PathBuf {
        self.state.path().join("sds.sock")
    }

    /// Where proxies find their configuration and their certificates.
    pub(super) fn with_sources<T>(&self, work: impl FnOnce(Sources<'_>) -> T) -> T {
        let discovery = SocketAddr::from((ADDRESS, PORT));
        work(Sources { discovery, secrets: &self.secrets() })
    }

    /// Waits until the control plane serves; returns the pods that it made up.
    fn wait_until_serving(&mut self) -> Result<Vec<Event>, MeshError> {
        let deadline = Instant::now() + START_PATIENCE;
        let mut pods = Vec::new();
        loop {
            for event in self.news()? {
                match event.what.as_str() {
                    "pod" => pods.push(event),
                    "serving" => return Ok(pods),
                    "refused" | "failed" => return Err(told_no(&event)),
                    _ => {}
                }
            }
            self.check_runs(NAME)?;
            if Instant::now() >= deadline {
                let (what, log) = (NAME.to_owned(), self.log_tail(NAME));
                return Err(MeshError::NotReady { what, seconds: START_PATIENCE.as_secs(), log });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What the control plane has reported since the last call.
    fn news(&mut self) -> Result<Vec<Event>, MeshError> {
        let news = self.control_plane.as_mut().map_or_else(|| Ok(Vec::new()), ControlPlane::news);
        news.map_err(|source| MeshError::io(NAME, source))
    }

    /// Gives every pod address, labels and account as the control plane knows them, and a namespace
    /// at the bridge.
    fn place_pods(&mut self, known: Vec<Event>) -> Result<(), MeshError> {
        let mut by_workload: BTreeMap<(String, String), Vec<Event>> = BTreeMap::new();
        for event in known {
            let key = (event.namespace.clone(), event.workload.clone());
            by_workload.entry(key).or_default().push(event);
        }
        for pods in by_workload.values_mut() {
            pods.reverse();
        }
        for pod in &mut self.pods {
            let key = (pod.workload.namespace.clone(), pod.workload.name.clone());
            let event = by_workload.get_mut(&key).and_then(Vec::pop).unwrap_or_default();
            let address = event.address.as_ref().and_then(|address| address.parse().ok());
            let wanted = if pod.is_gateway { "router" } else { "sidecar" };
            let Some(address) = address.filter(|_| event.proxy == wanted) else {
                return Err(MeshError::UnknownWorkload { workload: pod.workload.to_string() });
            };
            pod.address = address;
            pod.labels = event.labels;
            pod.service_account = event.service_account;
            let traffic = if pod.is_gateway { Traffic::Plain } else { Traffic::Redirected };
            self.network
                .add(&pod.folder(), address, traffic)
                .map_err(|source| MeshError::io(format!("the network of {}", pod.name), source))?;
        }
        Ok(())
    }

    /// Lets the cluster hold `objects`; says whether that is another state than before.
    pub(super) fn hold(&mut self, objects: &[Value]) -> Result<bool, MeshError> {
        let Some(plane) = &mut self.control_plane else { return Ok(false) };
        plane.hold(objects).map_err(|source| MeshError::io(NAME, source))
    }

    /// Lets the services that nobody calls change as in a rollout of another team, and waits until the
    /// control plane has read that. Does nothing without Istio's control plane.
    pub fn roll_out_bystanders(&mut self) -> Result<(), MeshError> {
        let Some(plane) = &mut self.control_plane else { return Ok(()) };
        plane.roll_out().map_err(|source| MeshError::io(NAME, source))?;
        self.wait_until_read(&mut Applied::default())
    }

    /// Waits until the control plane has applied what the cluster holds, and every proxy has taken
    /// what followed from that.
    pub(super) fn settle(
        &mut self,
        before: &BTreeMap<(String, &'static str), Taken>,
        applied: &mut Applied,
    ) -> Result<(), MeshError> {
        self.wait_until_read(applied)?;
        applied.settled_unix_ms = super::now_unix_ms();
        if applied.objects.is_empty() {
            return Ok(());
        }
        let after = self.wait_until_quiet()?;
        self.note_taken(before, &after, applied)?;
        let last = self.updates()?.into_iter().max().unwrap_or(0);
        if last >= applied.unix_ms {
            applied.settled_unix_ms = last;
        }
        Ok(())
    }

    /// Notes what proxies took between two looks; a refusal is an error.
    pub(super) fn note_taken(
        &self,
        before: &BTreeMap<(String, &'static str), Taken>,
        after: &BTreeMap<(String, &'static str), Taken>,
        applied: &mut Applied,
    ) -> Result<(), MeshError> {
        for (place, taken) in after {
            let earlier = before.get(place).copied().unwrap_or_default();
            if taken.refused > earlier.refused {
                return Err(self.refusal(&place.0, place.1));
            }
            if taken.accepted > earlier.accepted {
                applied.files.push(place.clone());
            }
        }
        Ok(())
    }

    /// Waits until the control plane says that it has read the folder, and notes what it did.
    fn wait_until_read(&mut self, applied: &mut Applied) -> Result<(), MeshError> {
        let deadline = Instant::now() + PUSH_PATIENCE;
        loop {
            for event in self.news()? {
                match event.what.as_str() {
                    "applied" | "deleted" => applied.objects.push(event.object()),
                    "refused" => applied.refused.push((event.object(), event.reason)),
                    "failed" => return Err(told_no(&event)),
                    "read" => return Ok(()),
                    _ => {}
                }
            }
            self.check_runs(NAME)?;
            if Instant::now() >= deadline {
                let (what, log) = (format!("{NAME} after a change"), self.log_tail(NAME));
                return Err(MeshError::NotReady { what, seconds: PUSH_PATIENCE.as_secs(), log });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until no proxy has taken anything for a while; returns what each has taken.
    pub(super) fn wait_until_quiet(
        &self,
    ) -> Result<BTreeMap<(String, &'static str), Taken>, MeshError> {
        let deadline = Instant::now() + PUSH_PATIENCE;
        let mut last = self.counters()?;
        loop {
            std::thread::sleep(QUIET);
            let now = self.counters()?;
            if now == last || Instant::now() >= deadline {
                return Ok(now);
            }
            last = now;
        }
    }

    /// When each proxy last took each part of its configuration, in milliseconds of Unix time.
    pub(super) fn updates(&self) -> Result<Vec<u64>, MeshError> {
        let path = "/stats?filter=(cds|lds|rds.*).update_time$";
        let mut all = Vec::new();
        for pod in &self.pods {
            let answer = self.ask(pod, ADMIN_PORT, path, PUSH_PATIENCE);
            let answer = answer.map_err(|source| MeshError::io("asking proxies", source))?;
            let times = answer.body.lines().filter_map(|line| line.rsplit_once(": "));
            all.extend(times.filter_map(|(_, time)| time.trim().parse::<u64>().ok()));
        }
        Ok(all)
    }
}

/// The error for an object that the control plane cannot take.
fn told_no(event: &Event) -> MeshError {
    MeshError::ControlPlane { object: event.object(), reason: event.reason.clone() }
}
