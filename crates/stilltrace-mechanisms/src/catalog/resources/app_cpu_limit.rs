//! Application CPU limit: the application uses up its CPU quota and stands still.

use stilltrace_model::{
    AppContainer, Certainty, Entity, Fix, Hazard, Platform, Prediction, Setting, Workload, signal,
};

use crate::draft::{self, Draft};
use crate::observed::{busiest_edge_into, changed, is_asked};
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Linux gives a container with a CPU limit its quota anew every 100 ms. An application whose
/// threads need more than that in a burst, or whose garbage collector does, is stopped until the
/// period ends, and every request in it waits.
///
/// ## Fingerprint
/// The share of throttled periods of the application rises and with it the callee's latency, while
/// the application needs no more CPU per request than before: if it does, its release is the cause
/// and the limit only shows it. The proxy is not throttled, and nothing is added between the two
/// ends.
///
/// ## Fix
/// Tell the runtime how many threads the limit is worth where the manifest tells it more;
/// otherwise raise or remove the limit, by a value that only measurement can give.
///
/// ## Fix safety
/// Needs review: fewer threads change how work is spread.
///
/// ## References
/// - Linux: CFS bandwidth control, `cpu.stat` `nr_throttled`
/// - Kubernetes: resource management for pods, CPU limits
pub(crate) struct AppCpuLimit;

/// The period of the CPU quota as Kubernetes sets it, in milliseconds.
const PERIOD_MS: f64 = 100.0;

/// Variables by which a manifest tells a runtime how many threads to run on: Go and Tokio.
const THREAD_VARIABLES: [&str; 2] = ["GOMAXPROCS", "TOKIO_WORKER_THREADS"];

impl Mechanism for AppCpuLimit {
    fn name(&self) -> &'static str {
        "app-cpu-limit"
    }

    fn group(&self) -> &'static str {
        "resources"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        let mut all = Vec::new();
        for workload in platform.workloads.values() {
            let limited = workload.containers.iter();
            all.extend(limited.filter_map(|container| describe(platform, workload, container)));
        }
        all
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Workload(workload) = &hazard.entity else { return Vec::new() };
        let mut all =
            vec![
                signal::APP_THROTTLED.of(workload).rises().decisive().because(
                    "the application uses up its quota and is stopped until the period ends",
                ),
                signal::APP_CPU_PER_REQUEST
                    .of(workload)
                    .not_rising()
                    .decisive()
                    .because("the quota changed, not the work that a request makes"),
                signal::APP_STALLED
                    .of(workload)
                    .rises()
                    .because("the application stands still although it has work"),
                signal::PROXY_THROTTLED
                    .of(workload)
                    .not_rising()
                    .because("the limit is the application's, not the proxy's"),
            ];
        for entity in &hazard.related {
            if let Entity::Edge(edge) = entity {
                all.push(
                    signal::EDGE_SERVER_P99
                        .of(edge)
                        .rises()
                        .because("requests wait in the stopped application"),
                );
            }
        }
        all
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = THREAD_VARIABLES
            .iter()
            .find_map(|variable| draft::line_of(hazard, &format!(".env[{variable}]")))?;
        let threads = (hazard.value("cpu_limit")?.floor() as u32).max(1);
        let why = format!("the runtime runs on {threads}, which is what the limit allows");
        Some(draft::set(line, threads.to_string(), why))
    }
}

/// The number of threads that the manifest tells the runtime to use, with its variable.
fn told_threads(container: &AppContainer) -> Option<(&'static str, &Setting<String>, f64)> {
    THREAD_VARIABLES.iter().find_map(|name| {
        let setting = container.env.get(*name)?;
        let threads = setting.value.trim().parse::<u32>().ok().filter(|threads| *threads > 0)?;
        Some((*name, setting, f64::from(threads)))
    })
}

/// Nearly every application has a limit, and most never feel it. It is a hazard where the manifest
/// tells the runtime to use more threads than the limit is worth, where it has just changed, or
/// where it is below one core, so that one busy thread can use it up, and requests were seen.
fn describe(platform: &Platform, workload: &Workload, container: &AppContainer) -> Option<Hazard> {
    let cores = container.cpu_limit.value?.cores();
    let name = format!("containers[{}].resources.limits.cpu", container.name);
    let entity = Entity::from(&workload.id);
    let told = told_threads(container).filter(|(_, _, threads)| *threads > cores);
    let threads = told.map_or(1.0, |(_, _, threads)| threads);
    let tight = cores < threads && (told.is_some() || is_asked(platform, &workload.id));
    if cores <= 0.0 || !(tight || changed(platform, &entity, &name)) {
        return None;
    }
    let quota_ms = cores * PERIOD_MS;
    let consequence = if cores < threads {
        let used_up = quota_ms / threads;
        format!(
            "{threads:.0} busy {} can use that up in {used_up:.0} ms and then wait up to {:.0} ms",
            if threads > 1.0 { "threads" } else { "thread" },
            PERIOD_MS - used_up,
        )
    } else {
        "what needs more in a burst waits for the next period".to_owned()
    };
    let message = format!(
        "container {} of {} may use {quota_ms:.0} ms of CPU in each {PERIOD_MS:.0} ms: {consequence}",
        container.name, workload.id,
    );
    let mut draft = Draft::new("app-cpu-limit", entity, Certainty::NeedsLiveData, message)
        .setting(name, &container.cpu_limit)
        .value("cpu_limit", cores)
        .value("threads", threads);
    if let Some((variable, setting, _)) = told {
        draft = draft.setting(format!("containers[{}].env[{variable}]", container.name), setting);
    }
    Some(draft.related_all(busiest_edge_into(platform, &workload.id)).done())
}
