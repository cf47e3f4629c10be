//! Argo CD and Flux over the generated repository: their objects, pushes, and what they report.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::programs::GIT;
use super::{Cluster, LOOK, api};
use crate::mesh::MeshError;

/// How long a commit may take to be applied, or refused.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a rollout may do nothing before it counts as stuck.
const ROLLOUT_PATIENCE: Duration = Duration::from_secs(5);
/// Name of the repository at the Git server.
const REPOSITORY: &str = "platform.git";
/// A revision as engines fetch it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pushed {
    /// A bare repository that has the commit.
    pub(crate) repository: PathBuf,
    /// The commit.
    pub(crate) commit: String,
    /// The objects in it by which engines apply its folders.
    pub(crate) roots: Vec<Value>,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    /// The objects by which engines would have applied it, and why they have not.
    pub(crate) refused: Vec<(String, String)>,
}

impl Cluster {
    /// Pushes a revision to the branch that engines follow, whatever stood there. They learn of it when
    /// they look, or by [`Self::sync`].
    ///
    /// # Errors
    /// When Git refuses.
    pub(crate) fn push(&mut self, pushed: &Pushed) -> Result<(), MeshError> {
        if pushed.commit == self.pushed {
            return Ok(());
        }
        let (from, commit) = (&pushed.repository, &pushed.commit);
        let served = self.folder.join("git").join(REPOSITORY);
        if !served.exists() {
            let bare = ["init", "--quiet", "--bare", "--initial-branch=main"].map(str::to_owned);
            self.git(from, bare.into_iter().chain([served.display().to_string()]))?;
        }
        let url = format!("http://{GIT}/{REPOSITORY}");
        let to = format!("+{commit}:refs/heads/main");
        self.git(from, ["push".to_owned(), "--quiet".to_owned(), url, to])?;
        self.pushed.clone_from(commit);
        Ok(())
    }

    /// Tells engines of a revision, as a webhook does, and waits until each has applied it or, if
    /// `may_fail`, has said that it cannot. Binds the pods that come up meanwhile. Does nothing with the commit that engines
    /// were given last.
    ///
    /// # Errors
    /// When Git or the API server refuses, or an engine is not done in time: with its own words.
    pub(crate) fn sync(&mut self, pushed: &Pushed, may_fail: bool) -> Result<Outcome, MeshError> {
        if pushed.commit == self.synced {
            return Ok(Outcome::default());
        }
        self.push(pushed)?;
        self.synced.clone_from(&pushed.commit);
        self.take_roots(&pushed.roots)?;
        self.tell()?;
        let outcome = self.wait_for_commit(may_fail)?;
        self.wait_for_rollouts()?;
        Ok(outcome)
    }

    /// Waits until what a commit started is over, or can get no further here: there is no pod beyond
    /// those of the topology.
    fn wait_for_rollouts(&mut self) -> Result<(), MeshError> {
        let mut acted = Instant::now();
        loop {
            if self.bind_pods()? {
                acted = Instant::now();
            }
            if self.is_rolled_out()? || acted.elapsed() > ROLLOUT_PATIENCE {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Tells every engine that the repository has changed.
    fn tell(&self) -> Result<(), MeshError> {
        let now = format!("{:?}", std::time::SystemTime::now());
        let flux = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": now}}});
        let argo = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}});
        for (collection, patch) in [(api::GIT_REPOSITORIES, flux), (api::APPLICATIONS, argo)] {
            for object in self.api.list(collection)? {
                self.api.patch(collection, &object, &patch)?;
            }
        }
        Ok(())
    }

    /// Ends what Argo CD still tries to apply, as `argocd app terminate-op` does: while it tries a
    /// commit again it looks at no other.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    pub(crate) fn unblock(&self) -> Result<(), MeshError> {
        for object in self.api.list(api::APPLICATIONS)? {
            if object["status"]["operationState"]["phase"] == "Running" {
                let end = json!({"status": {"operationState": {"phase": "Terminating"}}});
                self.api.patch(api::APPLICATIONS, &object, &end)?;
            }
        }
        Ok(())
    }

    /// Applies what the folder of the cluster holds, as the engine's own root object would: the same
    /// objects, but for the repository's address, for how often a folder is looked at, and for the root.
    fn take_roots(&mut self, roots: &[Value]) -> Result<(), MeshError> {
        let url = format!("http://{GIT}/{REPOSITORY}");
        let wanted: Vec<_> = roots.iter().map(|root| adapted(root, &url)).collect();
        let fresh: Vec<_> =
            wanted.iter().filter(|one| !self.roots.contains(one)).cloned().collect();
        if !fresh.is_empty() {
            self.api.apply(&fresh)?;
        }
        self.roots = wanted;
        Ok(())
    }

    /// Runs Git inside the control plane's namespace, without anybody's configuration.
    fn git(&self, folder: &Path, args: impl IntoIterator<Item = String>) -> Result<(), MeshError> {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(args).stdin(Stdio::null());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        let done = self.api.hub.inside(|| command.output()).and_then(|done| done);
        let output = done.map_err(|source| MeshError::io("git", source))?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(MeshError::io(format!("git: {words}"), std::io::Error::other(words)))
    }

    fn wait_for_commit(&mut self, may_fail: bool) -> Result<Outcome, MeshError> {
        let (started, commit) = (Instant::now(), self.synced.clone());
        loop {
            self.bind_pods()?;
            let mut objects = self.api.list(api::KUSTOMIZATIONS)?;
            objects.extend(self.api.list(api::APPLICATIONS)?);
            let open: Vec<_> =
                objects.iter().filter(|object| !has_applied(object, &commit)).collect();
            let refused: Vec<_> =
                open.iter().filter_map(|object| refusal(object, &commit)).collect();
            // What waits for a folder that was refused waits for ever.
            let is_decided = open.is_empty() || (may_fail && !refused.is_empty());
            if !objects.is_empty() && is_decided {
                return Ok(Outcome { refused });
            }
            if started.elapsed() > PATIENCE {
                let log = open.iter().map(|object| complaint(object)).collect::<Vec<_>>();
                let what = format!("commit {commit} in the cluster");
                let (seconds, log) = (PATIENCE.as_secs(), log.join("\n"));
                return Err(MeshError::NotReady { what, seconds, log });
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// A root as it is applied here.
fn adapted(root: &Value, url: &str) -> Value {
    let fields: &[(&str, &str)] = match root["kind"].as_str() {
        Some("Application") => &[("repoURL", url)],
        Some("GitRepository") => &[("url", url)],
        Some("Kustomization") => &[("interval", "1m0s"), ("retryInterval", "5s")],
        _ => &[],
    };
    let mut root = root.clone();
    let place = if root["kind"] == "Application" { "/spec/source" } else { "/spec" };
    if let Some(spec) = root.pointer_mut(place) {
        for (field, value) in fields {
            spec[*field] = (*value).into();
        }
    }
    root
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
    applied.ends_with(commit) && condition(status, "Ready").is_some_and(|it| it["status"] == "True")
}

/// Why an engine could not apply a commit that it tried; `None` while it has not, or waits for
/// another folder.
fn refusal(object: &Value, commit: &str) -> Option<(String, String)> {
    let status = &object["status"];
    let name = format!(
        "{} {}",
        object["kind"].as_str().unwrap_or_default(),
        object["metadata"]["name"].as_str().unwrap_or_default()
    );
    if object["kind"] == "Application" {
        let operation = &status["operationState"];
        // While it tries again it says that it runs.
        let failed = ["Failed", "Error"].iter().any(|phase| operation["phase"] == *phase)
            || operation["retryCount"].as_u64().is_some_and(|tries| tries > 0);
        let tried = operation["syncResult"]["revision"] == commit
            || operation["operation"]["sync"]["revision"] == commit;
        let words = operation["message"].as_str().unwrap_or_default();
        return (failed && tried).then(|| (name, words.to_owned()));
    }
    let tried = status["lastAttemptedRevision"].as_str().unwrap_or_default();
    let ready = condition(status, "Ready")?;
    let waits = ["Progressing", "DependencyNotReady", "ArtifactFailed"];
    let reason = ready["reason"].as_str().unwrap_or_default();
    let failed = ready["status"] == "False" && !waits.contains(&reason);
    let words = ready["message"].as_str().unwrap_or_default();
    (failed && tried.ends_with(commit)).then(|| (name, words.to_owned()))
}

/// A condition of an object.
fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
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

    fn kustomization(ready: &str, reason: &str) -> Value {
        json!({"kind": "Kustomization", "metadata": {"name": "mesh"}, "status": {
            "lastAppliedRevision": "main@sha1:abc",
            "lastAttemptedRevision": "main@sha1:abc",
            "conditions": [{"type": "Ready", "status": ready, "reason": reason, "message": "no"}],
        }})
    }

    #[test]
    fn a_kustomization_has_applied_when_it_is_ready_at_the_commit() {
        assert!(has_applied(&kustomization("True", "ReconciliationSucceeded"), "abc"));
        assert!(!has_applied(&kustomization("Unknown", "Progressing"), "abc"));
        assert!(!has_applied(&kustomization("True", "ReconciliationSucceeded"), "abd"));
    }

    #[test]
    fn a_commit_is_refused_when_it_was_tried_and_failed() {
        let refused = Some(("Kustomization mesh".to_owned(), "no".to_owned()));
        assert_eq!(refusal(&kustomization("False", "ReconciliationFailed"), "abc"), refused);
        assert_eq!(refusal(&kustomization("False", "ReconciliationFailed"), "abd"), None);
        assert_eq!(refusal(&kustomization("False", "DependencyNotReady"), "abc"), None);
        assert_eq!(refusal(&kustomization("Unknown", "Progressing"), "abc"), None);
        let application = json!({"kind": "Application", "metadata": {"name": "a"}, "status": {
            "operationState": {"phase": "Failed", "message": "no", "syncResult": {"revision": "abc"}},
        }});
        assert_eq!(
            refusal(&application, "abc"),
            Some(("Application a".to_owned(), "no".to_owned()))
        );
        assert_eq!(refusal(&application, "abd"), None);
        let mut again = application.clone();
        again["status"]["operationState"]["phase"] = "Running".into();
        assert_eq!(refusal(&again, "abc"), None, "the first try runs");
        again["status"]["operationState"]["retryCount"] = 1.into();
        assert!(refusal(&again, "abc").is_some());
    }

    #[test]
    fn roots_are_as_in_the_repository_but_for_where_and_how_often() {
        let source = json!({"kind": "GitRepository", "spec": {"url": "https://a", "interval": "1m0s", "ref": 1}});
        let here = adapted(&source, "http://b");
        assert_eq!(here["spec"], json!({"url": "http://b", "interval": "1m0s", "ref": 1}));
        let application = json!({"kind": "Application", "spec": {"source": {"repoURL": "https://a", "path": "x"}}});
        assert_eq!(
            adapted(&application, "http://b")["spec"]["source"],
            json!({"repoURL": "http://b", "path": "x"})
        );
    }
}
