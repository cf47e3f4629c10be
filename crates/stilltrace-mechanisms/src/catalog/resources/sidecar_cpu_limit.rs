//! Sidecar CPU limit: the proxy uses up its CPU quota in a burst and stands still.

use stilltrace_model::{
    Certainty, Entity, Fix, Hazard, Platform, Prediction, SidecarProxy, Workload, signal,
};

use crate::draft::{self, Draft};
use crate::observed::{busiest_edge_from, busiest_edge_into, changed};
use crate::wording::count;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Linux gives a container with a CPU limit its quota anew every 100 ms. A proxy with several
/// threads, or one in a burst of requests, uses the quota up in the first milliseconds and is
/// stopped until the period ends. Each request in it waits. Average CPU looks low, and falls
/// further, because a stopped proxy uses none.
///
/// ## Fingerprint
/// The share of throttled periods of the proxy rises, and so does the time between the caller's
/// and the callee's clock on calls through it, while the proxy's CPU does not rise and the
/// application is not throttled. Without throttled periods it is not this, however slow.
///
/// ## Fix
/// Raise the limit to what the worker threads can use, and to no less than 2 cores, the limit that
/// Istio sets itself; or bring `concurrency` down to the limit.
///
/// ## Fix safety
/// Needs review: on a full node the proxy competes with its neighbours for the CPU it may now use.
///
/// ## References
/// - Istio: annotation `sidecar.istio.io/proxyCPULimit`, `ProxyConfig.concurrency`, issues 61683,
///   51456, 22845 and 23470
/// - Linux: CFS bandwidth control, `cpu.stat` `nr_throttled` and `throttled_usec`
pub(crate) struct SidecarCpuLimit;

/// The period of the CPU quota as Kubernetes sets it, in milliseconds.
const PERIOD_MS: f64 = 100.0;

/// The CPU limit that Istio gives a proxy by default, in cores.
const ISTIO_LIMIT_CORES: u32 = 2;

const LIMIT: &str = "proxy.cpuLimit";
const CONCURRENCY: &str = "proxy.concurrency";

impl Mechanism for SidecarCpuLimit {
    fn name(&self) -> &'static str {
        "sidecar-cpu-limit"
    }

    fn group(&self) -> &'static str {
        "resources"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform
            .workloads
            .values()
            .filter_map(|workload| describe(platform, workload, workload.sidecar.as_ref()?))
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Workload(workload) = &hazard.entity else { return Vec::new() };
        let mut all = vec![
            signal::PROXY_THROTTLED
                .of(workload)
                .rises()
                .decisive()
                .because("the proxy uses up its quota and is stopped until the period ends"),
            signal::PROXY_STALLED
                .of(workload)
                .rises()
                .because("the proxy stands still although it has work"),
            signal::APP_THROTTLED
                .of(workload)
                .not_rising()
                .because("the limit is the proxy's, not the application's"),
            signal::PROXY_CPU
                .of(workload)
                .not_rising()
                .because("a stopped proxy uses no CPU, so the average does not rise"),
        ];
        for entity in &hazard.related {
            if let Entity::Edge(edge) = entity {
                all.push(
                    signal::EDGE_GAP_P99
                        .of(edge)
                        .rises()
                        .because("requests wait in the stopped proxy, between the two clocks"),
                );
            }
        }
        all
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        // No limit is certain to suffice for a number of threads that is not known.
        let workers = hazard.value("workers");
        if let Some((workers, line)) = workers.zip(draft::line_of(hazard, LIMIT)) {
            let cores = (workers.ceil() as u32).max(ISTIO_LIMIT_CORES);
            let why = format!(
                "the proxy may use {cores} cores, so its worker threads cannot outrun its quota"
            );
            return Some(draft::set(line, format!("{}m", cores.saturating_mul(1_000)), why));
        }
        let line = draft::line_of(hazard, CONCURRENCY)?;
        let cores = (hazard.value("cpu_limit")?.floor() as u32).max(1);
        let why = format!("{} cannot outrun the quota", count(cores, "worker thread"));
        Some(draft::set(line, cores.to_string(), why))
    }
}

/// Worker threads: as configured, else the limit rounded up (Istio's agent derives it so). `None`
/// where somebody asked for one per core of the node, of which nothing tells the number.
fn workers(proxy: &SidecarProxy, limit_cores: f64) -> Option<f64> {
    let derived = limit_cores.ceil().max(1.0);
    match proxy.concurrency.value {
        Some(threads) if threads > 0 => Some(f64::from(threads)),
        _ if proxy.concurrency.is_written() => None,
        _ => Some(derived),
    }
}

/// What happens in a period in which the workers want all the CPU that there is.
fn outrun(threads: Option<f64>, quota_ms: f64) -> String {
    let Some(threads) = threads else {
        return "one worker thread per core of the node can use that up before it ends".to_owned();
    };
    format!(
        "{} can use that up in {:.0} ms, and every request then waits up to {:.0} ms",
        count(threads as u32, "worker thread"),
        quota_ms / threads,
        PERIOD_MS - quota_ms / threads,
    )
}

/// A limit that the workers cannot exceed together cannot stop them; nor is a default anyone's
/// decision unless a change in the window touched it.
fn describe(platform: &Platform, workload: &Workload, proxy: &SidecarProxy) -> Option<Hazard> {
    let cores = proxy.cpu_limit.value?.cores();
    let threads = workers(proxy, cores);
    let entity = Entity::from(&workload.id);
    let written = proxy.cpu_limit.is_written() || proxy.concurrency.is_written();
    let moved = [LIMIT, CONCURRENCY].iter().any(|name| changed(platform, &entity, name));
    if threads.is_some_and(|threads| cores >= threads) || cores <= 0.0 || !(written || moved) {
        return None;
    }
    let quota_ms = cores * PERIOD_MS;
    let message = format!(
        "the proxy of {} may use {quota_ms:.0} ms of CPU in each {PERIOD_MS:.0} ms; {}",
        workload.id,
        outrun(threads, quota_ms)
    );
    let mut hazard = Draft::new("sidecar-cpu-limit", entity, Certainty::NeedsLiveData, message)
        .setting(LIMIT, &proxy.cpu_limit)
        .setting(CONCURRENCY, &proxy.concurrency)
        .value("cpu_limit", cores)
        .related_all(busiest_edge_into(platform, &workload.id))
        .related_all(busiest_edge_from(platform, &workload.id));
    if let Some(threads) = threads {
        hazard = hazard.value("workers", threads);
    }
    Some(hazard.done())
}
