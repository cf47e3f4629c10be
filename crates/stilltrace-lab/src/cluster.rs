//! A real control plane without a cluster: etcd, kube-apiserver, kube-controller-manager, istiod and
//! Argo CD or Flux as plain processes at the bridge of a mesh.
//!
//! ```text
//! git push ─> git-http ─> source-controller ─> kustomize-controller ─┐
//!                    └──> argocd-repo-server ─> application-controller ├─> kube-apiserver ─> istiod ─> Envoys
//!                                 pods, endpoints: kube-controller-manager ┘      └─ etcd
//! ```
//!
//! There is no scheduler and no kubelet: the lab binds every pod that a Deployment asks for and
//! reports it as running at the address of one of its own, which is three calls of the API a pod
//! ([`pods`]). What is here talks to the control plane; the mesh starts its processes.

mod api;
mod evidence;
mod keys;
mod pods;
mod programs;
mod reconcile;
mod settle;
mod tools;

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::host::netns::Namespace;
use crate::mesh::MeshError;
use api::Api;
use keys::Keys;

pub(crate) use evidence::{Evidence, time_of};
pub(crate) use pods::Seat;
pub(crate) use programs::{Program, Programs};
pub use reconcile::Pushed;
pub use tools::Tools;

/// Address of the control plane, also of the node that its pods are bound to.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 255, 2);
/// Port of istiod's discovery service.
pub(crate) const DISCOVERY_PORT: u16 = 15_010;
/// Port of istiod's metrics.
pub(crate) const METRICS_PORT: u16 = 15_014;
/// The node that pods are bound to.
const NODE: &str = "lab-node";
/// Time between looks at what is waited for.
const LOOK: Duration = Duration::from_millis(100);

/// Which GitOps engines run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Engines {
    /// Argo CD.
    pub(crate) argo: bool,
    /// Flux.
    pub(crate) flux: bool,
}

impl Engines {
    /// Those that apply something by these objects.
    pub(crate) fn of<'a>(roots: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut engines = Self::default();
        for root in roots {
            engines.argo |= root["kind"] == "Application";
            engines.flux |= root["kind"] == "Kustomization";
        }
        engines
    }
}

/// What a control plane starts with.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its programs.
    pub(crate) tools: Tools,
    /// The GitOps engines.
    pub(crate) engines: Engines,
    /// Namespaces that are there before anything is applied.
    pub(crate) namespaces: Vec<String>,
    /// What engines apply first.
    pub(crate) base: Pushed,
}

/// A control plane, as whoever talks to it sees it.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Its programs.
    tools: Tools,
    /// Its folder.
    folder: PathBuf,
    /// The API server.
    api: Api,
    /// Addresses for pods, and who has them.
    seats: Vec<Seat>,
    /// The objects by which engines apply the repository, as applied last.
    roots: Vec<Value>,
    /// The commit that the Git server was given last.
    pushed: String,
    /// The commit that engines were told of last.
    synced: String,
}

impl Cluster {
    /// Writes keys and files of a control plane at `hub` into `folder`, which it makes.
    pub(crate) fn prepare(
        tools: Tools,
        folder: &Path,
        hub: &Namespace,
        seats: Vec<Seat>,
    ) -> io::Result<Self> {
        std::fs::create_dir(folder)?;
        let keys = Keys::issue(&folder.join("keys"))?;
        let api = Api {
            hub: hub.another()?,
            kubectl: tools.program("kubectl"),
            user: keys.user("admin"),
            cache: folder.join("kubectl"),
        };
        let cluster = Self {
            tools,
            folder: folder.to_path_buf(),
            api,
            seats,
            roots: Vec::new(),
            pushed: String::new(),
            synced: String::new(),
        };
        cluster.programs().prepare()?;
        Ok(cluster)
    }

    /// What processes are started with.
    pub(crate) fn programs(&self) -> Programs {
        let keys = Keys::at(&self.folder.join("keys"));
        Programs { tools: self.tools.clone(), state: self.folder.clone(), keys }
    }

    /// Whether the API server answers.
    pub(crate) fn is_ready(&self) -> bool {
        self.api.is_ready()
    }

    /// Cluster addresses of all services: namespace, name, address.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(crate) fn services(&self) -> Result<Vec<(String, String, Ipv4Addr)>, MeshError> {
        let text = |object: &Value, path: &str| {
            object.pointer(path).and_then(Value::as_str).map(str::to_owned)
        };
        let read = |object: &Value| {
            let address = text(object, "/spec/clusterIP")?.parse().ok()?;
            Some((text(object, "/metadata/namespace")?, text(object, "/metadata/name")?, address))
        };
        Ok(self.api.list(api::SERVICES)?.iter().filter_map(read).collect())
    }
}
