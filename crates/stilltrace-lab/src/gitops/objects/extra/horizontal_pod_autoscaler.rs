//! A `HorizontalPodAutoscaler` of a service that has none by chance.

use super::{Kind, Place, Subject};
use crate::gitops::value::{Value, map};

pub(super) const KIND: Kind = Kind {
    name: "HorizontalPodAutoscaler",
    api_version: "autoscaling/v2",
    file: "hpa",
    place: Place::App,
    spec,
};

fn spec(subject: &Subject) -> Option<Value> {
    let service = subject.service?;
    let workload = service.workloads().into_iter().next()?;
    let cpu = map! {
        "name" => "cpu",
        "target" => map! { "type" => "Utilization", "averageUtilization" => 70 },
    };
    Some(map! {
        "scaleTargetRef" => map! {
            "apiVersion" => "apps/v1", "kind" => "Deployment", "name" => workload.name,
        },
        "minReplicas" => i64::from(workload.replicas),
        "maxReplicas" => i64::from(workload.replicas) * 4,
        "metrics" => vec![map! { "type" => "Resource", "resource" => cpu }],
    })
}
