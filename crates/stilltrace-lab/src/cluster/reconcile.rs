//! Argo CD and Flux over the generated repository: their objects, pushes, and what they report.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::programs::GIT;
use super::{Cluster, LOOK};
use crate::gitops::{Engine, Reconciler};
use crate::mesh::MeshError;

/// How long a commit may take to be applied.
const PATIENCE: Duration = Duration::from_secs(90);
/// Name of the repository at the Git server.
const REPOSITORY: &str = "platform.git";
/// Kinds by which engines say what they applied.
const KINDS: &str = "applications.argoproj.io,kustomizations.kustomize.toolkit.fluxcd.io";

/// What applies the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Engines {
    /// Argo CD.
    Argo,
    /// Flux.
    Flux,
    /// Both at once, each a part of the folders.
    Both,
}

impl Engines {
    /// Whether Argo CD runs.
    pub fn argo(self) -> bool {
        self != Self::Flux
    }

    /// Whether Flux runs.
    pub fn flux(self) -> bool {
        self != Self::Argo
    }

    /// Which of them applies the folder that comes as number `index`.
    pub(crate) fn of(self, index: usize) -> Engine {
        let is_flux = self == Self::Flux || (self == Self::Both && index.is_multiple_of(2));
        if is_flux { Engine::Flux } else { Engine::Argo }
    }
}

/// A commit that reached the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// The commit.
    pub commit: String,
    /// Time from the push until every engine said that it had applied the commit.
    pub took: Duration,
}

impl Cluster {
    /// Lets engines apply the folders of a repository whose first commit is pushed.
    pub(crate) fn reconcile(&self, reconcilers: &[Reconciler]) -> Result<(), MeshError> {
        let url = format!("http://{GIT}/{REPOSITORY}");
        let mut objects: Vec<Value> =
            reconcilers.iter().map(|reconciler| object(reconciler, &url)).collect();
        if reconcilers.iter().any(|reconciler| reconciler.engine == Engine::Flux) {
            objects.push(json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {"name": "flux-system", "namespace": "flux-system"},
                "spec": {"interval": "1m0s", "url": url, "ref": {"branch": "main"}},
            }));
        }
        self.apply(&objects)
    }

    /// Pushes a commit of the bare repository `from` to the branch that engines follow.
    ///
    /// # Errors
    /// When Git refuses.
    pub fn push(&self, from: &Path, commit: &str) -> Result<(), MeshError> {
        let served = self.state.path().join("git").join(REPOSITORY);
        if !served.exists() {
            let bare = ["init", "--quiet", "--bare", "--initial-branch=main"].map(str::to_owned);
            self.git(from, bare.into_iter().chain([served.display().to_string()]))?;
        }
        let url = format!("http://{GIT}/{REPOSITORY}");
        let to = format!("{commit}:refs/heads/main");
        self.git(from, ["push".to_owned(), "--quiet".to_owned(), url, to])
    }

    /// Runs Git inside the control plane's namespace, without anybody's configuration.
    fn git(&self, folder: &Path, args: impl IntoIterator<Item = String>) -> Result<(), MeshError> {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(args).stdin(Stdio::null());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        let done = self.network.hub().inside(|| command.output()).and_then(|done| done);
        let output = done.map_err(|source| MeshError::io("git", source))?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(MeshError::io(format!("git: {words}"), std::io::Error::other(words)))
    }

    /// Tells the engines that the repository has changed, as a webhook does.
    pub(crate) fn tell(&self, reconcilers: &[Reconciler]) -> Result<(), MeshError> {
        let flux = reconcilers.iter().any(|reconciler| reconciler.engine == Engine::Flux);
        if flux {
            let now = format!("reconcile.fluxcd.io/requestedAt={:?}", std::time::SystemTime::now());
            let what = ["annotate", "gitrepository", "flux-system", "--namespace=flux-system"];
            self.kubectl(&[what.as_slice(), &["--overwrite", &now]].concat(), None)?;
        }
        if reconcilers.iter().any(|reconciler| reconciler.engine == Engine::Argo) {
            let what = ["annotate", "applications.argoproj.io", "--all", "--namespace=argocd"];
            let refresh = ["--overwrite", "argocd.argoproj.io/refresh=normal"];
            self.kubectl(&[what.as_slice(), &refresh].concat(), None)?;
        }
        Ok(())
    }

    /// Waits until every engine says that it has applied `commit`, and binds the pods that come up
    /// meanwhile.
    ///
    /// # Errors
    /// When an engine has not after a minute and a half: with its own words.
    pub fn wait_for_commit(&mut self, commit: &str) -> Result<Synced, MeshError> {
        let started = Instant::now();
        loop {
            self.bind_pods()?;
            let objects = self.objects(KINDS)?;
            let behind: Vec<_> =
                objects.iter().filter(|object| !has_applied(object, commit)).collect();
            if behind.is_empty() && !objects.is_empty() {
                return Ok(Synced { commit: commit.to_owned(), took: started.elapsed() });
            }
            if started.elapsed() > PATIENCE {
                let log = behind.iter().map(|object| complaint(object)).collect::<Vec<_>>();
                let what = format!("commit {commit} in the cluster");
                let (seconds, log) = (PATIENCE.as_secs(), log.join("\n"));
                return Err(MeshError::NotReady { what, seconds, log });
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// The object by which an engine applies a folder: as in the repository, but for the address of
/// the repository, for the order among folders and for a shorter interval.
fn object(reconciler: &Reconciler, url: &str) -> Value {
    let (api_version, kind) = reconciler.kind();
    let spec = match reconciler.engine {
        Engine::Flux => json!({
            "interval": "1m0s",
            "retryInterval": "5s",
            "path": format!("./{}", reconciler.path),
            "prune": true,
            "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
        }),
        Engine::Argo => json!({
            "project": "default",
            "source": {"repoURL": url, "targetRevision": "main", "path": reconciler.path},
            "destination": {"server": "https://kubernetes.default.svc"},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}},
        }),
    };
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": reconciler.name, "namespace": reconciler.namespace()},
        "spec": spec,
    })
}

/// Whether an engine says that it has applied a commit.
fn has_applied(object: &Value, commit: &str) -> bool {
    let status = &object["status"];
    if object["kind"] == "Application" {
        let sync = &status["sync"];
        // `Synced` is said of a revision that is still being applied too.
        return sync["status"] == "Synced"
            && sync["revision"] == commit
            && status["operationState"]["phase"] != "Running";
    }
    let applied = status["lastAppliedRevision"].as_str().unwrap_or_default();
    let is_ready =
        |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    applied.ends_with(commit)
        && status["conditions"].as_array().is_some_and(|all| all.iter().any(is_ready))
}

/// Why an engine has not applied what it should, in its own words.
fn complaint(object: &Value) -> String {
    let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
    let status = &object["status"];
    let words = if object["kind"] == "Application" {
        json!([status["sync"]["status"], status["operationState"]["message"], status["conditions"]])
    } else {
        status["conditions"].clone()
    };
    format!("{kind} {name}: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_that_still_applies_has_not_applied() {
        let application = |status: &str, phase: &str| {
            json!({"kind": "Application", "status": {
                "sync": {"status": status, "revision": "abc"}, "operationState": {"phase": phase},
            }})
        };
        assert!(has_applied(&application("Synced", "Succeeded"), "abc"));
        assert!(!has_applied(&application("Synced", "Running"), "abc"));
        assert!(!has_applied(&application("OutOfSync", "Failed"), "abc"));
        assert!(!has_applied(&application("Synced", "Succeeded"), "abd"));
    }

    #[test]
    fn a_kustomization_has_applied_when_it_is_ready_at_the_commit() {
        let kustomization = |ready: &str| {
            json!({"kind": "Kustomization", "status": {
                "lastAppliedRevision": "main@sha1:abc",
                "conditions": [{"type": "Ready", "status": ready}],
            }})
        };
        assert!(has_applied(&kustomization("True"), "abc"));
        assert!(!has_applied(&kustomization("Unknown"), "abc"));
        assert!(!has_applied(&kustomization("True"), "abd"));
    }

    #[test]
    fn both_engines_at_once_share_the_folders() {
        assert_eq!([0, 1].map(|index| Engines::Both.of(index)), [Engine::Flux, Engine::Argo]);
        assert_eq!([0, 1].map(|index| Engines::Argo.of(index)), [Engine::Argo; 2]);
    }
}
