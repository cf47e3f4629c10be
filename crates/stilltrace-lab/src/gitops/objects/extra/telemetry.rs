//! A `Telemetry` of a namespace or of one service's pods, with the mesh's rate of tracing.

use super::{Kind, Place, Subject};
use crate::gitops::value::{Value, map};

pub(super) const KIND: Kind = Kind {
    name: "Telemetry",
    api_version: "telemetry.istio.io/v1",
    file: "telemetry",
    place: Place::Mesh,
    spec,
};

#[allow(clippy::unnecessary_wraps, reason = "the kinds share this signature")]
fn spec(subject: &Subject) -> Option<Value> {
    let mut spec = map! {};
    if let Some(app) = subject.app() {
        spec.set("selector.matchLabels", app);
    }
    spec.set("tracing[0].randomSamplingPercentage", Value::from(1));
    Some(spec)
}
