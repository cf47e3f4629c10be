//! A mesh under a real control plane: its start, the pods as the API server has them, its commits.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use stilltrace_model::ServiceId;

use super::push::Taken;
use super::start::Place;
use super::{Applied, Mesh, MeshError, now_unix_ms};
use crate::cluster::{self, Cluster, DISCOVERY_PORT, METRICS_PORT, Program, Pushed, Seat};
use crate::envoy::equipment;
use crate::host::network::Traffic;
use crate::profile::Profile;
use crate::prometheus;

/// How long one process may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long Deployments may take to have their pods.
const POD_PATIENCE: Duration = Duration::from_mins(1);
/// Time between looks.
const LOOK: Duration = Duration::from_millis(100);

impl Mesh {
    /// Starts the control plane and the engines, lets them apply the first revision, and gives every
    /// pod the name and the labels that it has there.
    pub(super) fn start_cluster(&mut self) -> Result<(), MeshError> {
        let plan = self.options.cluster.clone();
        let plan = plan.ok_or(MeshError::Order("profile cluster needs a repository to apply"))?;
        let seats = self.pods.iter().map(|pod| Seat {
            workload: pod.workload.clone(),
            address: pod.address,
            pod: None,
        });
        let (folder, hub) = (self.state.path().join("cluster"), self.network.hub());
        let cluster = Cluster::prepare(plan.tools.clone(), &folder, hub, seats.collect());
        let mut cluster = cluster.map_err(|source| MeshError::io("the control plane", source))?;
        self.start_server(&cluster)?;
        cluster.define()?;
        let own = [equipment::statistics(), equipment::collector(prometheus::exporter())];
        cluster.settle_in(&plan.namespaces, &own)?;
        let programs = cluster.programs();
        let istiod = SocketAddr::from((cluster::ADDRESS, DISCOVERY_PORT));
        self.start_listening(programs.istiod(), istiod)?;
        self.start_engines(&cluster, plan.engines)?;
        self.start_secrets()?;
        cluster.sync(&plan.base, false)?;
        self.wait_for_seats(&mut cluster)?;
        self.take_seats(&cluster)?;
        let services = cluster.services()?.into_iter();
        self.services = services
            .map(|(namespace, name, address)| (ServiceId::new(namespace, name), address))
            .collect();
        self.cluster = Some(cluster);
        Ok(())
    }

    /// etcd, the Git server, the API server and its controllers.
    fn start_server(&mut self, cluster: &Cluster) -> Result<(), MeshError> {
        let programs = cluster.programs();
        self.start_listening(programs.etcd(), home(2_379))?;
        self.start_listening(programs.git(&self.options.lab), home(3_000))?;
        self.start_listening(programs.api_server(), home(6_443))?;
        self.start_program(programs.api_proxy())?;
        let deadline = Instant::now() + PATIENCE;
        while !cluster.is_ready() {
            self.check_runs("kube-apiserver")?;
            if Instant::now() >= deadline {
                return Err(self.not_ready("kube-apiserver", PATIENCE));
            }
            std::thread::sleep(LOOK);
        }
        self.start_listening(programs.controller_manager(), home(10_257))
    }

    fn start_engines(
        &mut self,
        cluster: &Cluster,
        engines: cluster::Engines,
    ) -> Result<(), MeshError> {
        let programs = cluster.programs();
        if engines.flux {
            let [source, kustomize] = programs.flux();
            self.start_listening(source, home(9_440))?;
            self.start_listening(kustomize, home(9_441))?;
        }
        if engines.argo {
            self.start_listening(programs.redis(), home(6_379))?;
            let [repository, application] = programs.argo();
            self.start_listening(repository, home(8_081))?;
            self.start_listening(application, home(8_082))?;
        }
        Ok(())
    }

    /// What hands out certificates, which in a cluster the agent of each pod does.
    fn start_secrets(&mut self) -> Result<(), MeshError> {
        let program = self.options.control_plane.clone().ok_or_else(|| MeshError::Missing {
            remedy: "no istio-xds; build it with `cargo xtask lab tools`".to_owned(),
        })?;
        let args: Vec<OsString> = vec!["-sds".into(), self.secrets().into_os_string()];
        self.start("secrets", &program, args, Place::Tools(None))
    }

    /// Starts a program and waits until somebody listens at an address.
    fn start_listening(&mut self, program: Program, at: SocketAddr) -> Result<(), MeshError> {
        let name = program.name;
        self.start_program(program)?;
        self.wait_for(name, "", Instant::now() + PATIENCE, || {
            TcpStream::connect_timeout(&at, Duration::from_secs(1)).is_ok()
        })
    }

    fn start_program(&mut self, program: Program) -> Result<(), MeshError> {
        let Program { name, file, args, environment } = program;
        self.start(name, &file, args, Place::ControlPlane(&environment))
    }

    /// Waits until every pod of the topology is there.
    fn wait_for_seats(&mut self, cluster: &mut Cluster) -> Result<(), MeshError> {
        let deadline = Instant::now() + POD_PATIENCE;
        while !cluster.is_seated() {
            cluster.bind_pods()?;
            self.check_runs("kube-controller-manager")?;
            if Instant::now() >= deadline {
                let open = cluster.seats().iter().find(|seat| seat.pod.is_none());
                let what = open.map(|seat| format!("a pod of {}", seat.workload));
                return Err(self.not_ready(&what.unwrap_or_default(), POD_PATIENCE));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Gives every pod what the API server says of it, and a namespace at the bridge.
    fn take_seats(&mut self, cluster: &Cluster) -> Result<(), MeshError> {
        for pod in &mut self.pods {
            let seat = cluster.seats().iter().find(|seat| seat.address == pod.address);
            let Some(bound) = seat.and_then(|seat| seat.pod.clone()) else {
                return Err(MeshError::UnknownWorkload { workload: pod.workload.to_string() });
            };
            pod.name = bound.name;
            pod.uid = bound.uid;
            pod.labels = bound.labels;
            pod.service_account = bound.service_account;
            let traffic = if pod.is_gateway { Traffic::Plain } else { Traffic::Redirected };
            self.network
                .add(&pod.folder(), pod.address, traffic)
                .map_err(|source| MeshError::io(format!("the network of {}", pod.name), source))?;
        }
        Ok(())
    }

    /// Pushes a revision to where engines look, before they are told of it. Does nothing where there are
    /// no engines.
    pub(crate) fn push(&mut self, pushed: &Pushed) -> Result<(), MeshError> {
        self.cluster.as_mut().map_or(Ok(()), |cluster| cluster.push(pushed))
    }

    /// Ends what engines still try to apply. Does nothing where there are none.
    pub(crate) fn unblock(&self) -> Result<(), MeshError> {
        self.cluster.as_ref().map_or(Ok(()), Cluster::unblock)
    }

    /// Lets engines apply a revision, and waits until every proxy has taken what followed from that.
    /// Does nothing where there are no engines.
    pub(super) fn sync(
        &mut self,
        pushed: Option<&Pushed>,
        before: &BTreeMap<(String, &'static str), Taken>,
        applied: &mut Applied,
    ) -> Result<(), MeshError> {
        let (Some(cluster), Some(pushed)) = (&mut self.cluster, pushed) else { return Ok(()) };
        let pushed_ms = applied.unix_ms;
        applied.refused = cluster.sync(pushed, true)?.refused;
        let synced_ms = now_unix_ms();
        let after = self.wait_until_quiet()?;
        self.note_taken(before, &after, applied)?;
        let updates = self.updates()?.into_iter().filter(|update| *update >= pushed_ms);
        let (first, last) =
            updates.fold((synced_ms, 0), |(first, last), it| (first.min(it), last.max(it)));
        applied.unix_ms = first;
        applied.settled_unix_ms = if last > 0 { last } else { synced_ms };
        Ok(())
    }

    /// Where istiod shows its metrics, if there is one.
    pub(super) fn istiod(&self) -> Option<SocketAddr> {
        let address = SocketAddr::from((cluster::ADDRESS, METRICS_PORT));
        (self.options.profile == Profile::Cluster).then_some(address)
    }

    fn not_ready(&self, what: &str, limit: Duration) -> MeshError {
        let (what, log) = (what.to_owned(), self.log_tail(what));
        MeshError::NotReady { what, seconds: limit.as_secs(), log }
    }
}

/// A port of the loopback device.
fn home(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
