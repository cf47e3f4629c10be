//! What each process of a control plane is started with.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::api::PROXY_PORT;
use super::keys::Keys;
use super::{ADDRESS, DISCOVERY_PORT, METRICS_PORT, Tools};

/// Where the Git server listens.
pub(super) const GIT: &str = "127.0.0.1:3000";
/// Controllers that are left off: without a kubelet they would evict every pod.
const CONTROLLERS: &str = "*,-node-lifecycle-controller,-taint-eviction-controller";
/// Checks that are left out: accounts and priority classes are made by nobody here.
const UNCHECKED: &str = "ServiceAccount,Priority";
/// Time between two looks of Argo CD at a repository, as in a stock installation.
const ARGO_INTERVAL: &str = "120s";
/// What is kept of the requests: who changed the mesh, with bodies, and who changed its engines.
const AUDIT: &str = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
"omitStages": ["RequestReceived"], "rules": [
{"level": "RequestResponse", "verbs": ["create", "update", "patch", "delete"], "resources": [
  {"group": "networking.istio.io"}, {"group": "security.istio.io"}, {"group": "telemetry.istio.io"}]},
{"level": "Metadata", "verbs": ["create", "update", "patch", "delete"], "resources": [
  {"group": "argoproj.io"}, {"group": "kustomize.toolkit.fluxcd.io"},
  {"group": "source.toolkit.fluxcd.io"}]},
{"level": "None"}]}
"#;
/// Argo CD calls `kustomize`; kubectl carries the same code.
const KUSTOMIZE: &str = "#!/bin/sh\ncase $1 in\nbuild) shift; exec kubectl kustomize \"$@\" ;;\n\
                         version) echo v5.7.1 ;;\nesac\n";

/// A process to start.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its name, also of its log.
    pub(crate) name: &'static str,
    /// The program.
    pub(crate) file: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// Variables beside the lab's own.
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

/// What programs are made of.
#[derive(Debug)]
pub(crate) struct Programs {
    /// Where they are.
    pub(super) tools: Tools,
    /// The lab's folder.
    pub(super) state: PathBuf,
    /// Keys and users.
    pub(super) keys: Keys,
}

impl Programs {
    /// Writes the files and folders that programs expect.
    pub(super) fn prepare(&self) -> io::Result<()> {
        let folders = ["bin", "git", "etcd", "redis", "flux", "tmp", "argo/tls", "argo/ssh"];
        let more = ["argo/gpg/source", "argo/gpg/keys", "argo/plugins"];
        for folder in folders.iter().chain(&more) {
            std::fs::create_dir_all(self.state.join(folder))?;
        }
        std::fs::write(self.state.join("audit.json"), AUDIT)?;
        let bin = self.state.join("bin");
        // The role and the user agent of Argo CD come from the name that it is started under.
        for role in ["argocd-repo-server", "argocd-application-controller"] {
            symlink(absolute(&self.tools.program("argocd"))?, bin.join(role))?;
        }
        symlink(absolute(&self.tools.program("kubectl"))?, bin.join("kubectl"))?;
        std::fs::write(bin.join("kustomize"), KUSTOMIZE)?;
        std::fs::set_permissions(bin.join("kustomize"), PermissionsExt::from_mode(0o755))
    }

    /// A program with its arguments.
    fn program(&self, name: &'static str, args: impl IntoIterator<Item = String>) -> Program {
        let args = args.into_iter().map(OsString::from).collect();
        Program { name, file: self.tools.program(name), args, environment: Vec::new() }
    }

    /// A path below the lab's folder, as text.
    fn at(&self, below: &str) -> String {
        self.state.join(below).display().to_string()
    }

    /// A file of the keys, as text.
    fn key(&self, name: &str) -> String {
        self.keys.file(name).display().to_string()
    }

    /// The store of the API server.
    pub(crate) fn etcd(&self) -> Program {
        let (own, peers) = ("http://127.0.0.1:2379", "http://127.0.0.1:2380");
        let args = [
            format!("--data-dir={}", self.at("etcd")),
            "--unsafe-no-fsync".to_owned(),
            "--log-level=error".to_owned(),
            format!("--listen-client-urls={own}"),
            format!("--advertise-client-urls={own}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
        ];
        self.program("etcd", args)
    }

    /// The cache of Argo CD.
    pub(crate) fn redis(&self) -> Program {
        let dir = self.at("redis");
        let args = ["--bind", "127.0.0.1", "--port", "6379", "--save", "", "--appendonly", "no"];
        let args = args.into_iter().map(str::to_owned).chain(["--dir".to_owned(), dir]);
        self.program("redis-server", args)
    }

    /// The Git server, a role of the lab.
    pub(crate) fn git(&self, lab: &Path) -> Program {
        let args = [
            "git-http".to_owned(),
            format!("--root={}", self.at("git")),
            format!("--listen={GIT}"),
        ];
        Program { file: lab.to_path_buf(), ..self.program("git-http", args) }
    }

    /// The API server.
    pub(crate) fn api_server(&self) -> Program {
        let args = [
            "--etcd-servers=http://127.0.0.1:2379".to_owned(),
            format!("--advertise-address={ADDRESS}"),
            "--bind-address=0.0.0.0".to_owned(),
            "--secure-port=6443".to_owned(),
            format!("--tls-cert-file={}", self.key("api.crt")),
            format!("--tls-private-key-file={}", self.key("api.key")),
            format!("--client-ca-file={}", self.key("ca.crt")),
            format!("--token-auth-file={}", self.key("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", self.key("accounts.pub")),
            format!("--service-account-signing-key-file={}", self.key("accounts.key")),
            "--service-cluster-ip-range=198.19.0.0/16".to_owned(),
            "--allow-privileged=true".to_owned(),
            format!("--audit-policy-file={}", self.at("audit.json")),
            format!("--audit-log-path={}", self.at("audit.jsonl")),
            format!("--disable-admission-plugins={UNCHECKED}"),
            "--endpoint-reconciler-type=lease".to_owned(),
        ];
        self.program("kube-apiserver", args)
    }

    /// The API server over plain HTTP, for the lab alone.
    pub(crate) fn api_proxy(&self) -> Program {
        let args = [
            "proxy".to_owned(),
            format!("--kubeconfig={}", self.key("admin.kubeconfig")),
            format!("--port={PROXY_PORT}"),
            "--reject-methods=^$".to_owned(),
            "--reject-paths=^$".to_owned(),
        ];
        Program { file: self.tools.program("kubectl"), ..self.program("api-proxy", args) }
    }

    /// What makes pods of Deployments and endpoints of pods.
    pub(crate) fn controller_manager(&self) -> Program {
        let args = [
            format!("--kubeconfig={}", self.keys.user("kube-controller-manager").display()),
            "--bind-address=127.0.0.1".to_owned(),
            "--leader-elect=false".to_owned(),
            "--use-service-account-credentials=false".to_owned(),
            format!("--root-ca-file={}", self.key("ca.crt")),
            format!("--service-account-private-key-file={}", self.key("accounts.key")),
            format!("--controllers={CONTROLLERS}"),
        ];
        self.program("kube-controller-manager", args)
    }

    /// Istio's control plane: plain discovery, and no webhooks, because nobody injects.
    pub(crate) fn istiod(&self) -> Program {
        let args = [
            "discovery".to_owned(),
            format!("--kubeconfig={}", self.keys.user("istiod").display()),
            // There is no such file, so the ConfigMap of the repository counts.
            format!("--meshConfig={}", self.at("no-mesh.yaml")),
            format!("--grpcAddr={ADDRESS}:{DISCOVERY_PORT}"),
            "--secureGRPCAddr=".to_owned(),
            "--httpsAddr=".to_owned(),
            "--httpAddr=127.0.0.1:8080".to_owned(),
            format!("--monitoringAddr={ADDRESS}:{METRICS_PORT}"),
        ];
        let mut environment = crate::mesh::environment();
        environment.extend([
            ("POD_NAMESPACE", "istio-system".into()),
            ("POD_NAME", "istiod-lab".into()),
            ("INJECTION_WEBHOOK_CONFIG_NAME", "".into()),
            ("VALIDATION_WEBHOOK_CONFIG_NAME", "".into()),
        ]);
        Program { environment, ..self.program("istiod", args) }
    }

    /// Argo CD: what renders, then what applies.
    pub(crate) fn argo(&self) -> [Program; 2] {
        let of = |name: &'static str, args: &[&str]| Program {
            file: self.state.join("bin").join(name),
            environment: self.argo_environment(),
            ..self.program(name, args.iter().map(|arg| (*arg).to_owned()))
        };
        let repository = [
            "--address=127.0.0.1",
            "--port=8081",
            "--metrics-address=127.0.0.1",
            "--metrics-port=8084",
            "--disable-tls",
            "--redis=127.0.0.1:6379",
        ];
        let application = [
            "--repo-server=127.0.0.1:8081",
            "--repo-server-plaintext",
            "--redis=127.0.0.1:6379",
            "--metrics-port=8082",
            "--namespace=argocd",
            "--status-processors=2",
            "--operation-processors=2",
            "--kubectl-parallelism-limit=4",
        ];
        [of("argocd-repo-server", &repository), of("argocd-application-controller", &application)]
    }

    fn argo_environment(&self) -> Vec<(&'static str, OsString)> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.state.join("bin")).chain(std::env::split_paths(&path));
        let mut all: Vec<(&'static str, OsString)> = vec![
            ("ARGOCD_FAKE_IN_CLUSTER", "true".into()),
            ("ARGOCD_RECONCILIATION_TIMEOUT", ARGO_INTERVAL.into()),
            ("ARGOCD_RECONCILIATION_JITTER", "0s".into()),
            ("ARGOCD_GPG_ENABLED", "false".into()),
            ("HOSTNAME", "argocd-application-controller-0".into()),
            ("KUBECONFIG", self.keys.user("argocd").into()),
            ("PATH", std::env::join_paths(folders).unwrap_or(path)),
        ];
        let folders = [
            ("ARGOCD_TLS_DATA_PATH", "argo/tls"),
            ("ARGOCD_SSH_DATA_PATH", "argo/ssh"),
            ("ARGOCD_GNUPGHOME", "argo/gpg/keys"),
            ("ARGOCD_GPG_DATA_PATH", "argo/gpg/source"),
            ("ARGOCD_PLUGINSOCKFILEPATH", "argo/plugins"),
            ("TMPDIR", "tmp"),
            ("HOME", "argo"),
        ];
        all.extend(folders.map(|(name, below)| (name, self.state.join(below).into())));
        all
    }

    /// Flux: what fetches, then what applies.
    pub(crate) fn flux(&self) -> [Program; 2] {
        let environment = |user: &str| -> Vec<(&'static str, OsString)> {
            vec![
                ("RUNTIME_NAMESPACE", "flux-system".into()),
                ("TMPDIR", self.state.join("tmp").into()),
                ("KUBECONFIG", self.keys.user(user).into()),
            ]
        };
        let of = |name: &'static str, args: Vec<String>| Program {
            environment: environment(name),
            ..self.program(name, args)
        };
        let source = vec![
            "--metrics-addr=127.0.0.1:9080".to_owned(),
            "--health-addr=127.0.0.1:9440".to_owned(),
            "--events-addr=".to_owned(),
            format!("--storage-path={}", self.at("flux")),
            "--storage-addr=127.0.0.1:9090".to_owned(),
            "--storage-adv-addr=127.0.0.1:9090".to_owned(),
        ];
        let kustomize = vec![
            "--metrics-addr=127.0.0.1:9081".to_owned(),
            "--health-addr=127.0.0.1:9441".to_owned(),
            "--events-addr=".to_owned(),
            "--requeue-dependency=2s".to_owned(),
        ];
        [of("source-controller", source), of("kustomize-controller", kustomize)]
    }
}

/// The path from the root, for links.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}
