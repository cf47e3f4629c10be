//! What a control plane leaves for whoever asks later: objects, events and the audit log, as they are.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use super::Cluster;
use crate::mesh::MeshError;

/// Kinds of the engines and of the mesh.
const KINDS: &str = "applications.argoproj.io,gitrepositories.source.toolkit.fluxcd.io,\
                     kustomizations.kustomize.toolkit.fluxcd.io,virtualservices.networking.istio.io,\
                     destinationrules.networking.istio.io";
/// Most that is copied of the audit log, in bytes.
const MAX_AUDIT: u64 = 64 << 20;

impl Cluster {
    /// Writes `objects.jsonl`, `events.jsonl` and `audit.jsonl` into a folder.
    ///
    /// # Errors
    /// When the API server does not answer or a file cannot be written.
    pub fn write_evidence(&self, folder: &Path) -> Result<(), MeshError> {
        let fail = |source| MeshError::io(folder.display().to_string(), source);
        fs::create_dir_all(folder).map_err(fail)?;
        for (file, kinds) in [("objects.jsonl", KINDS), ("events.jsonl", "events")] {
            fs::write(folder.join(file), lines(&self.objects(kinds)?, file)).map_err(fail)?;
        }
        let audit = self.state.path().join("audit.jsonl");
        copy(&audit, &folder.join("audit.jsonl")).map_err(fail)
    }
}

/// One object a line; events in order of time.
fn lines(objects: &[Value], file: &str) -> String {
    let mut all: Vec<_> = objects.iter().collect();
    if file == "events.jsonl" {
        all.sort_by_key(|event| event["lastTimestamp"].as_str().map(str::to_owned));
    }
    all.into_iter().map(|object| format!("{object}\n")).collect::<Vec<_>>().concat()
}

/// Copies a log that is not too large.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if fs::metadata(from)?.len() > MAX_AUDIT {
        return Err(io::Error::other(format!("the audit log is larger than {MAX_AUDIT} bytes")));
    }
    fs::copy(from, to).map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lines;

    #[test]
    fn events_are_in_order_of_time() {
        let event = |name: &str, at: &str| json!({"name": name, "lastTimestamp": at});
        let all = [event("b", "2026-01-01T00:00:02Z"), event("a", "2026-01-01T00:00:01Z")];
        assert!(
            lines(&all, "events.jsonl").starts_with("{\"lastTimestamp\":\"2026-01-01T00:00:01Z")
        );
        assert!(
            lines(&all, "objects.jsonl").starts_with("{\"lastTimestamp\":\"2026-01-01T00:00:02Z")
        );
    }
}
