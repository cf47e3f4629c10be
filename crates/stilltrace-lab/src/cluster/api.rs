//! Talking to the API server: through `kubectl proxy`, which speaks plain HTTP on the loopback device
//! of the control plane's namespace, and through kubectl where it does more than one call.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use crate::host::netns::Namespace;
use crate::http::{self, Answer, Sent};
use crate::mesh::MeshError;

/// Type of a patch that sets what it names.
pub(super) const MERGE: &str = "application/merge-patch+json";
/// Port of `kubectl proxy`.
pub(super) const PROXY_PORT: u16 = 8_001;
/// How long one call may take.
const LIMIT: Duration = Duration::from_secs(20);
/// The same for kubectl.
const KUBECTL_LIMIT: &str = "--request-timeout=20s";

/// Collections of objects, as paths of the API.
pub(super) const PODS: &str = "/api/v1/pods";
pub(super) const SERVICES: &str = "/api/v1/services";
pub(super) const EVENTS: &str = "/api/v1/events";
pub(super) const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
pub(super) const APPLICATIONS: &str = "/apis/argoproj.io/v1alpha1/applications";
pub(super) const KUSTOMIZATIONS: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";
pub(super) const GIT_REPOSITORIES: &str = "/apis/source.toolkit.fluxcd.io/v1/gitrepositories";

/// The API server, as the lab's own user.
#[derive(Debug)]
pub(super) struct Api {
    /// Where it listens.
    pub(super) hub: Namespace,
    /// The program.
    pub(super) kubectl: PathBuf,
    /// The file by which kubectl finds the API server.
    pub(super) user: PathBuf,
    /// Where kubectl keeps what it learned.
    pub(super) cache: PathBuf,
}

impl Api {
    /// Whether it answers.
    pub(super) fn is_ready(&self) -> bool {
        self.get("/readyz").is_ok_and(|answer| answer.status == 200)
    }

    /// The objects of a collection, over all namespaces, each with its kind.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Value>, MeshError> {
        let fail = |source| MeshError::io(format!("GET {path} of the API server"), source);
        let answer = self.get(path).map_err(fail)?;
        if answer.status != 200 {
            return Err(fail(io::Error::other(format!("{}: {}", answer.status, answer.body))));
        }
        let list = serde_json::from_str(&answer.body).map_err(|error| fail(error.into()))?;
        Ok(items(list))
    }

    /// Sends a request with a JSON body; an answer that is no success is an error with its words.
    ///
    /// # Errors
    /// When the API server refuses or does not answer.
    pub(super) fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: &Value,
    ) -> Result<(), MeshError> {
        let what = format!("{method} {path} of the API server");
        let sent = Sent { method, content_type, body: body.to_string().into_bytes() };
        let answer = self.hub.inside(|| http::send(proxy(), path, sent, LIMIT));
        match answer.and_then(|answer| answer) {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => {
                let words = message(&answer);
                Err(MeshError::io(format!("{what}: {words}"), io::Error::other(words)))
            }
            Err(source) => Err(MeshError::io(what, source)),
        }
    }

    /// Changes the fields of an object of a collection that `patch` names.
    ///
    /// # Errors
    /// When the API server refuses or does not answer.
    pub(super) fn patch(
        &self,
        collection: &str,
        object: &Value,
        patch: &Value,
    ) -> Result<(), MeshError> {
        let name = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let (group, kinds) = collection.rsplit_once('/').unwrap_or_default();
        let place = format!("{group}/namespaces/{}/{kinds}/{}", name("namespace"), name("name"));
        self.send(Method::PATCH, &place, MERGE, patch)
    }

    fn get(&self, path: &str) -> io::Result<Answer> {
        self.hub.inside(|| http::get(Ipv4Addr::LOCALHOST, PROXY_PORT, path, LIMIT))?
    }

    /// Runs kubectl; gives what it printed.
    pub(super) fn kubectl(&self, args: &[&str], input: Option<&str>) -> Result<String, MeshError> {
        let what = || format!("kubectl {}", args.join(" "));
        let mut command = Command::new(&self.kubectl);
        command
            .args(args)
            .arg(KUBECTL_LIMIT)
            .env("KUBECONFIG", &self.user)
            .env("KUBECACHEDIR", &self.cache)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let work = || {
            let mut child = command.spawn()?;
            if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
                stdin.write_all(input.as_bytes())?;
            }
            let output = child.wait_with_output()?;
            if output.status.success() {
                return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
            }
            Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
        };
        let done = self.hub.inside(work).and_then(|done| done);
        done.map_err(|source| MeshError::io(format!("{}: {source}", what()), source))
    }

    /// Lets the API server hold objects, whoever owns them otherwise.
    ///
    /// # Errors
    /// When the API server refuses one.
    pub(super) fn apply(&self, objects: &[Value]) -> Result<(), MeshError> {
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.kubectl(
            &["apply", "--server-side", "--force-conflicts", "--filename=-"],
            Some(&list.to_string()),
        )
        .map(drop)
    }
}

/// Where `kubectl proxy` listens.
fn proxy() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, PROXY_PORT))
}

/// The objects of a list. Those of Kubernetes' own kinds do not say what they are; their list does.
fn items(mut list: Value) -> Vec<Value> {
    let kind = list["kind"].as_str().and_then(|kind| kind.strip_suffix("List")).map(str::to_owned);
    let version = list["apiVersion"].clone();
    let mut items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        item.entry("kind").or_insert_with(|| kind.clone().into());
        item.entry("apiVersion").or_insert_with(|| version.clone());
    }
    items
}

/// What the API server says about a refusal.
fn message(answer: &Answer) -> String {
    let status: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    status["message"].as_str().map_or_else(|| answer.status.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_of_a_list_say_what_they_are() {
        let list = json!({"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {}}]});
        assert_eq!(items(list), [json!({"metadata": {}, "kind": "Pod", "apiVersion": "v1"})]);
        let own = json!({"kind": "XList", "apiVersion": "a/v1", "items": [{"kind": "X", "apiVersion": "a/v1"}]});
        assert_eq!(items(own), [json!({"kind": "X", "apiVersion": "a/v1"})]);
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let refused = |body: &str| message(&Answer { status: 422, body: body.to_owned() });
        assert_eq!(refused("{\"message\": \"no such field\"}"), "no such field");
        assert_eq!(refused("nothing"), "422");
    }
}
