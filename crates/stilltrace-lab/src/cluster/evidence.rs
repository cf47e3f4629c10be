//! What a control plane leaves for whoever asks later: objects, events and the audit log.

use std::fs;
use std::io::{self, BufRead, BufReader};

use serde_json::Value;

use super::{Cluster, api};
use crate::mesh::MeshError;

/// The collections that are kept: those of the engines, of the mesh, and what makes and finds pods.
/// Secrets and ConfigMaps are not among them.
const KEPT: &[&str] = &[
    api::APPLICATIONS,
    api::GIT_REPOSITORIES,
    api::KUSTOMIZATIONS,
    api::DEPLOYMENTS,
    api::SERVICES,
    "/apis/networking.istio.io/v1/virtualservices",
    "/apis/networking.istio.io/v1/destinationrules",
    "/apis/networking.istio.io/v1/gateways",
    "/apis/networking.istio.io/v1/serviceentries",
    "/apis/networking.istio.io/v1/sidecars",
    "/apis/networking.istio.io/v1alpha3/envoyfilters",
    "/apis/security.istio.io/v1/peerauthentications",
    "/apis/telemetry.istio.io/v1/telemetries",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
];
/// Most lines of the audit log that are kept.
const MAX_AUDIT: usize = 20_000;
/// Longest line of the audit log that is read, in bytes.
const MAX_LINE: u64 = 4 << 20;

/// What the API server held and wrote down.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Evidence {
    /// Objects at the end, in the order of their kinds.
    pub(crate) objects: Vec<Value>,
    /// Kubernetes' own events, in order of time.
    pub(crate) events: Vec<Value>,
    /// Lines of the audit log: changes of the mesh's and the engines' objects, without dry runs and
    /// reports of status.
    pub(crate) audit: Vec<String>,
}

impl Cluster {
    /// Asks for all of it.
    ///
    /// # Errors
    /// When the API server does not answer or the log cannot be read.
    pub(crate) fn evidence(&self) -> Result<Evidence, MeshError> {
        let mut evidence = Evidence { events: self.api.list(api::EVENTS)?, ..Evidence::default() };
        evidence.events.sort_by_key(time_of);
        for path in KEPT {
            evidence.objects.extend(self.api.list(path)?);
        }
        let log = self.folder.join("audit.jsonl");
        evidence.audit =
            changes(&log).map_err(|source| MeshError::io(log.display().to_string(), source))?;
        Ok(evidence)
    }
}

/// When an event happened last, as it says itself; the newer kind of event says it elsewhere.
pub(crate) fn time_of(event: &Value) -> String {
    let fields = ["/lastTimestamp", "/series/lastObservedTime", "/eventTime"];
    let found = fields.iter().find_map(|field| event.pointer(field).and_then(Value::as_str));
    found
        .or_else(|| event.pointer("/metadata/creationTimestamp")?.as_str())
        .unwrap_or("")
        .to_owned()
}

/// The lines of an audit log that changed something.
fn changes(log: &std::path::Path) -> io::Result<Vec<String>> {
    let mut reader = BufReader::new(fs::File::open(log)?);
    let (mut kept, mut line) = (Vec::new(), String::new());
    while kept.len() < MAX_AUDIT {
        line.clear();
        if io::Read::take(&mut reader, MAX_LINE).read_line(&mut line)? == 0 {
            break;
        }
        // A dry run is how engines look for what has changed, and a status says how that went: most
        // lines are one of these.
        let is_news =
            ["dryRun=All", "\"subresource\":\"status\""].iter().all(|it| !line.contains(it));
        if line.ends_with('\n') && is_news {
            kept.push(line.trim_end().to_owned());
        }
    }
    Ok(kept)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_of_either_kind_has_a_time() {
        let time = |event: Value| time_of(&event);
        assert_eq!(
            time(json!({"lastTimestamp": "b", "metadata": {"creationTimestamp": "a"}})),
            "b"
        );
        assert_eq!(time(json!({"lastTimestamp": null, "eventTime": "c"})), "c");
        assert_eq!(time(json!({"metadata": {"creationTimestamp": "a"}})), "a");
    }

    #[test]
    fn dry_runs_reports_and_a_half_written_line_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.jsonl");
        fs::write(
            &log,
            "{\"a\":1}\n{\"uri\":\"/x?dryRun=All\"}\n{\"subresource\":\"status\"}\n{\"b\":",
        )
        .unwrap();
        assert_eq!(changes(&log).unwrap(), ["{\"a\":1}"]);
    }
}
