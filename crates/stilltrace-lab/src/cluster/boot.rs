//! Starting a control plane: each process when what it needs answers.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::keys::Keys;
use super::programs::{Program, Programs};
use super::{ADDRESS, Cluster, Engines, Tools};
use crate::host::cgroup::{Hierarchies, Tree};
use crate::host::janitor;
use crate::host::launch::Launcher;
use crate::host::network::Network;
use crate::host::state::{self, StateDir};
use crate::mesh::{MeshError, permitted, with_pipe};

/// How long one process may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// Tells the folder of a control plane from those of the meshes of one process.
const INDEX: u32 = 1_000;
/// The node that pods are bound to.
pub(super) const NODE: &str = "lab-node";
/// Namespaces of what runs here.
const OWN_NAMESPACES: [&str; 3] = ["argocd", "flux-system", "istio-system"];

impl Cluster {
    /// Starts a control plane with some GitOps engines and the namespaces of a repository, and waits
    /// until everything answers. Dead labs are cleared away first.
    ///
    /// # Errors
    /// When the machine does not permit it, or a process does not answer in time.
    pub fn boot(
        tools: Tools,
        lab: &Path,
        engines: Engines,
        namespaces: &[String],
    ) -> Result<Self, MeshError> {
        state::sweep_dead().map_err(|source| MeshError::io("clearing dead labs", source))?;
        let network = Network::bridged(&[ADDRESS]).map_err(permitted("a network namespace"))?;
        let hierarchies =
            Hierarchies::find().map_err(permitted("accounting CPU in control groups"))?;
        let state =
            StateDir::create(INDEX).map_err(|source| MeshError::io("the lab's folder", source))?;
        let janitor = janitor::start(lab, &state)
            .map_err(|source| MeshError::io(lab.display().to_string(), source))?;
        let mut cluster = Self {
            tools,
            lab: lab.to_path_buf(),
            tree: Tree::new(hierarchies, &state.name()),
            state,
            network,
            running: BTreeMap::new(),
            launcher: Launcher::new().map_err(|source| MeshError::io("a thread", source))?,
            janitor: with_pipe(janitor),
            steps: Vec::new(),
        };
        cluster.tree.create().map_err(permitted("a control group"))?;
        cluster.step("API server", Self::start_server)?;
        cluster.step("definitions", Self::define)?;
        cluster.step("namespaces", |cluster| cluster.settle_in(namespaces))?;
        cluster.step("istiod", Self::start_istiod)?;
        if engines.flux() {
            cluster.step("Flux", Self::start_flux)?;
        }
        if engines.argo() {
            cluster.step("Argo CD", Self::start_argo)?;
        }
        Ok(cluster)
    }

    /// The keys of the API server.
    pub(super) fn keys(&self) -> Keys {
        Keys(self.state.path().join("keys"))
    }

    /// Does one step and notes how long it took.
    fn step(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&mut Self) -> Result<(), MeshError>,
    ) -> Result<(), MeshError> {
        let started = Instant::now();
        work(self)?;
        self.steps.push((name, started.elapsed()));
        Ok(())
    }

    /// What processes are started with.
    fn programs(&self) -> Programs {
        let state = self.state.path().to_path_buf();
        Programs { tools: self.tools.clone(), state, keys: self.keys() }
    }

    /// etcd, the Git server, the API server and its controllers.
    fn start_server(&mut self) -> Result<(), MeshError> {
        let keys = Keys::issue(&self.state.path().join("keys"));
        keys.map_err(|source| MeshError::io("keys", source))?;
        self.programs()
            .prepare()
            .map_err(|source| MeshError::io("the control plane's folder", source))?;
        let programs = self.programs();
        self.start_listening(programs.etcd(), 2379)?;
        self.start_listening(programs.git(&self.lab), 3000)?;
        self.start_listening(programs.api_server(), 6443)?;
        self.wait("kube-apiserver", "the API server", PATIENCE, |cluster| {
            cluster.kubectl(&["get", "--raw=/readyz"], None).is_ok()
        })?;
        self.start_listening(programs.controller_manager(), 10_257)
    }

    /// The kinds of Istio, Argo CD and Flux.
    fn define(&mut self) -> Result<(), MeshError> {
        let crds = self.tools.program("crds").display().to_string();
        // Too large for the annotation that the other way of applying leaves.
        self.kubectl(&["apply", "--server-side", "--filename", &crds], None)?;
        let established = ["--for=condition=established", "--timeout=30s"];
        let all = ["wait", "customresourcedefinitions", "--all"];
        self.kubectl(&[all.as_slice(), &established].concat(), None).map(drop)
    }

    /// Namespaces, the node, and what Argo CD wants to find.
    fn settle_in(&mut self, namespaces: &[String]) -> Result<(), MeshError> {
        let own = OWN_NAMESPACES.map(str::to_owned);
        let mut names: Vec<_> = own.iter().chain(namespaces).collect();
        names.sort();
        names.dedup();
        let bare = |kind: &str, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        let mut objects: Vec<Value> =
            names.into_iter().map(|name| bare("Namespace", name)).collect();
        // Pods that are bound to no node are taken for orphans and removed.
        objects.push(bare("Node", NODE));
        self.apply(&objects)?;
        self.apply(&argo_settings())
    }

    fn start_istiod(&mut self) -> Result<(), MeshError> {
        let istiod = self.programs().istiod();
        self.start(istiod)?;
        let grpc = SocketAddr::from((ADDRESS, 15_010));
        self.wait("istiod", "istiod", PATIENCE, |cluster| cluster.listens(grpc))
    }

    fn start_flux(&mut self) -> Result<(), MeshError> {
        let [source, kustomize] = self.programs().flux();
        self.start_listening(source, 9_440)?;
        self.start_listening(kustomize, 9_441)
    }

    fn start_argo(&mut self) -> Result<(), MeshError> {
        let redis = self.programs().redis();
        self.start_listening(redis, 6_379)?;
        let [repository, application] = self.programs().argo();
        self.start_listening(repository, 8_081)?;
        self.start_listening(application, 8_082)
    }

    /// Starts a program and waits until it listens on a port of the loopback device.
    fn start_listening(&mut self, program: Program, port: u16) -> Result<(), MeshError> {
        let name = program.name;
        self.start(program)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.wait(name, name, PATIENCE, |cluster| cluster.listens(address))
    }

    /// Whether somebody listens at an address of the control plane's namespace.
    fn listens(&self, address: SocketAddr) -> bool {
        let limit = Duration::from_secs(1);
        let connect = move || TcpStream::connect_timeout(&address, limit).is_ok();
        self.network.hub().inside(connect).unwrap_or(false)
    }
}

/// The least that Argo CD's application controller wants to find.
fn argo_settings() -> Vec<Value> {
    let metadata = |name: &str| {
        json!({
            "name": name,
            "namespace": "argocd",
            "labels": {"app.kubernetes.io/part-of": "argocd"},
        })
    };
    vec![
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("argocd-cm")}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("argocd-rbac-cm")}),
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata("argocd-secret"),
            "stringData": {"server.secretkey": "lab-only-not-a-secret"},
        }),
        json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "default", "namespace": "argocd"},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"namespace": "*", "server": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        }),
    ]
}
