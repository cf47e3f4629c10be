//! What Kubernetes and its controllers make of the pods of a workload.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::fmt::Debug;

use stilltrace_manifest::MemoryTree;
use stilltrace_model::{Platform, Setting, Workload, WorkloadId};
use stilltrace_platform::{ParseCache, read};

const NAMESPACE: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
";

/// The platform of manifests whose lines count from 1, below a namespace with injection.
fn platform(manifests: &str) -> Platform {
    let tree = MemoryTree::new().with("a.yaml", NAMESPACE).with("b.yaml", manifests.trim_start());
    read(&tree, &mut ParseCache::new())
}

fn workload<'p>(platform: &'p Platform, name: &str) -> &'p Workload {
    platform.workloads.get(&WorkloadId::new("shop", name)).unwrap()
}

/// The value, and the line that set it or whose default it is.
fn shown<T: Debug>(setting: &Setting<Option<T>>) -> String {
    let place = match setting.origin.location() {
        Some(at) => format!("line {}", at.line),
        None => setting.origin.to_string(),
    };
    match &setting.value {
        Some(value) => format!("{value:?}, {place}"),
        None => format!("unset, {place}"),
    }
}

fn gaps(platform: &Platform) -> String {
    let lines: Vec<String> =
        platform.gaps.iter().map(|gap| format!("{} | {}", gap.what, gap.why)).collect();
    lines.join("\n")
}

mod installation;
mod kinds;
mod probes;
mod refused;
mod resources;
mod scaling;
