//! Talking to the API server: kubectl, from inside the control plane's namespace.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Cluster;
use crate::mesh::MeshError;

/// How long one call may take.
const LIMIT: &str = "--request-timeout=20s";

impl Cluster {
    /// Runs kubectl as the lab's own user; gives what it printed.
    pub(super) fn kubectl(&self, args: &[&str], input: Option<&str>) -> Result<String, MeshError> {
        let what = || format!("kubectl {}", args.join(" "));
        let mut command = Command::new(self.tools.program("kubectl"));
        command
            .args(args)
            .arg(LIMIT)
            .env("KUBECONFIG", self.keys().user("admin"))
            .env("KUBECACHEDIR", self.state.path().join("kubectl"))
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
        let done = self.network.hub().inside(work).and_then(|done| done);
        done.map_err(|source| MeshError::io(format!("{}: {source}", what()), source))
    }

    /// The objects of some kinds, over all namespaces.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub fn objects(&self, kinds: &str) -> Result<Vec<Value>, MeshError> {
        let text = self.kubectl(&["get", kinds, "--all-namespaces", "--output=json"], None)?;
        let mut list: Value = serde_json::from_str(&text)
            .map_err(|error| MeshError::io(format!("kubectl get {kinds}"), error.into()))?;
        Ok(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Lets the API server hold objects, whoever owns them otherwise.
    pub(super) fn apply(&self, objects: &[Value]) -> Result<(), MeshError> {
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.kubectl(
            &["apply", "--server-side", "--force-conflicts", "--filename=-"],
            Some(&list.to_string()),
        )
        .map(drop)
    }
}
