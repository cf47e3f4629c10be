//! What Istio's own analyzers say of the objects that a recording holds.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The findings of `istioctl analyze`, by the analyzers of the Istio whose code `istio-xds` is, each
/// with `code`, `level`, `message` and `object`.
///
/// `objects` are live objects in JSON, one to a line, as a capture keeps them. They are read from
/// files, as in a repository: nothing of a cluster is asked.
pub fn findings(istio_xds: &Path, objects: &[u8]) -> Result<Vec<Value>> {
    let folder = tempfile::tempdir()?;
    let mut manifests = String::new();
    for line in String::from_utf8_lossy(objects).lines().filter(|line| !line.trim().is_empty()) {
        // JSON is YAML; writing to a string cannot fail.
        let _ = write!(manifests, "---\n{line}\n");
    }
    std::fs::write(folder.path().join("objects.yaml"), manifests)?;
    let output = Command::new(istio_xds).arg("-analyze").arg(folder.path()).output();
    let output = output.with_context(|| istio_xds.display().to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{}: {}; build it anew with `cargo xtask lab tools`",
        istio_xds.display(),
        said.trim()
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}
