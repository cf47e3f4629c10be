//! A mesh under Istio's own control plane.
//!
//! Skipped with a printed reason where istio-xds is not built.

use std::path::Path;
use std::time::Duration;

use stilltrace_lab::envoy::stats::widened_metrics;
use stilltrace_lab::mesh::Mesh;
use stilltrace_lab::profile::Profile;
use stilltrace_lab::prometheus::RawSeries;
use stilltrace_lab::run::Target;
use stilltrace_lab::run::revisions::{LayoutBy, revisions};
use stilltrace_model::WorkloadId;

use super::leftovers::assert_nothing_left;
use super::settings::{computed, dumped};
use super::{one, options, total};

/// A scenario whose change is one number of a route.
const SCENARIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../lab/scenarios/retry-storm");

#[test]
fn istio_configures_the_mesh_as_our_reader_says_and_a_commit_reaches_it() {
    let _one = one();
    let Some(options) = options() else { return };
    let options = match options.under(Profile::Istio) {
        Ok(options) => options,
        Err(missing) => {
            eprintln!("skipped: {missing}");
            return;
        }
    };
    let revisions = revisions(Path::new(SCENARIO), 1, LayoutBy::Scenario).unwrap();
    let target = |index| revisions.target(index, Profile::Istio).unwrap();
    let (before, after) = (target(0), target(revisions.trees.len() - 1));
    let mesh = Mesh::boot(options, revisions.topology.clone(), before.desired());
    let mut mesh = match mesh {
        Err(error) if error.is_not_permitted() => {
            eprintln!("skipped: {error}");
            return;
        }
        mesh => mesh.unwrap(),
    };
    let folder = mesh.folder().to_path_buf();
    assert_eq!(mesh.pods().len(), 10);
    let first = compare(&mesh, &before);

    mesh.load(&revisions.topology.traffic, 12).unwrap();
    std::thread::sleep(Duration::from_secs(4));
    let pushed = mesh.apply(after.desired()).unwrap();
    assert!(!pushed.objects.is_empty() && pushed.refused.is_empty(), "{pushed:?}");
    assert!(pushed.files.iter().any(|(_, kind)| *kind == "rds"), "{pushed:?}");
    assert!(pushed.restarts.is_empty(), "{pushed:?}");
    assert!(mesh.apply(after.desired()).unwrap().files.is_empty(), "nothing changed");
    let second = compare(&mesh, &after);
    assert_ne!(first, second, "the commit changed a setting");

    mesh.wait_for_load().unwrap();
    std::thread::sleep(Duration::from_secs(6));
    let records = mesh.records(60).unwrap();
    let edge = [("source_workload", "checkout"), ("destination_workload", "payments")];
    for (reporter, policy) in [("source", "unknown"), ("destination", "mutual_tls")] {
        let labels = [
            edge.as_slice(),
            &[("reporter", reporter), ("connection_security_policy", policy)],
            &[("destination_service", "payments.billing.svc.cluster.local")],
        ];
        let counted = total(&records, "istio_requests_total", &labels.concat());
        assert!(counted > 200.0, "{reporter} counted {counted} requests");
    }
    let sidecar = [("container", "istio-proxy"), ("namespace", "billing")];
    assert!(total(&records, "container_cpu_usage_seconds_total", &sidecar) > 0.2);
    let is_of_a_cluster = |series: &&RawSeries| {
        series.labels.get("cluster_name").is_some_and(|cluster| cluster.starts_with("outbound|"))
    };
    let widened = widened_metrics();
    let of_clusters: Vec<_> = records.series.iter().filter(is_of_a_cluster).collect();
    assert!(of_clusters.iter().any(|series| series.name() == "envoy_cluster_upstream_rq_total"));
    let other = of_clusters.iter().find(|series| !widened.contains(series.name()));
    assert!(other.is_none(), "neither view shows {other:?}");
    assert!(records.logs.iter().any(|log| log.kind.upstream_cluster == "inbound|8080||"));
    eprintln!("{:?}", records.noise);
    mesh.shutdown().unwrap();
    assert_nothing_left(&folder);
}

/// Compares what a proxy of each caller runs with, and what our reader says of it; returns the
/// settings as text.
fn compare(mesh: &Mesh, target: &Target) -> Vec<String> {
    let mut all = Vec::new();
    for caller in ["checkout", "frontend", "payments"] {
        let pod = mesh.pods().iter().find(|pod| pod.workload.name == caller).unwrap();
        let workload = WorkloadId::new(&pod.workload.namespace, &pod.workload.name);
        let ours = computed(&target.platform, &workload);
        assert!(ours.len() >= 4, "{workload}: {ours:#?}");
        assert_eq!(dumped(&mesh.config_dump(&pod.name).unwrap(), &ours), ours, "{workload}");
        all.extend([workload.to_string(), format!("{ours:?}")]);
    }
    all
}
