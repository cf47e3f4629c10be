//! Causes outside the platform. They compete with every mechanism on the same terms.
//!
//! Each is a claim with predictions of its own, so that "not the platform" is said only on
//! positive evidence, never because nothing else fits.

use stilltrace_model::{Entity, Platform, Prediction, Question, WorkloadId, signal};

use crate::{
    hypothesis::{Hypothesis, Trigger},
    reach::{Reach, workloads_behind},
    say,
};

/// A release of the application needs more time or CPU for the same work.
pub(crate) const APP_REGRESSION: &str = "none/app-regression";
/// More requests arrive than before.
pub(crate) const LOAD_GROWTH: &str = "none/load-growth";
/// A dependency got slower by itself.
pub(crate) const SLOW_DEPENDENCY: &str = "none/slow-dependency";
/// Something else on the node takes the CPU.
pub(crate) const NOISY_NEIGHBOUR: &str = "none/noisy-neighbour";

/// All causes outside the platform that could reach the service.
pub(crate) fn hypotheses(
    question: &Question,
    platform: &Platform,
    reach: &Reach,
) -> Vec<Hypothesis> {
    let mut all = Vec::new();
    for workload in &reach.workloads {
        if !is_called(workload, platform, reach) {
            continue;
        }
        let releases = releases(workload, platform);
        if releases.is_empty() {
            all.push(slow_dependency(workload, platform, reach));
        }
        all.extend(
            releases.into_iter().map(|trigger| app_regression(workload, trigger, platform, reach)),
        );
    }
    all.push(load_growth(question, platform, reach));
    all.push(noisy_neighbour(question));
    all
}

/// Changes of the workload's own image or plain environment: a release.
fn releases(workload: &WorkloadId, platform: &Platform) -> Vec<Trigger> {
    let mut found = Vec::new();
    for (index, change) in platform.changes.iter().enumerate() {
        let release = change.settings.iter().find(|setting| {
            setting.entity == Entity::Workload(workload.clone()) && is_release(&setting.setting)
        });
        if let Some(setting) = release {
            found.push(Trigger { change: index, setting: setting.clone() });
        }
    }
    found
}

/// Whether a setting is part of the application itself, as against its resources or its proxy.
fn is_release(setting: &str) -> bool {
    setting.starts_with("containers[")
        && (setting.contains("].image") || setting.contains("].env["))
}

fn app_regression(
    workload: &WorkloadId,
    trigger: Trigger,
    platform: &Platform,
    reach: &Reach,
) -> Hypothesis {
    let mut predictions = server_side_slower(workload, platform, reach);
    predictions.push(
        signal::APP_CPU_PER_REQUEST
            .of(workload)
            .rises()
            .because("the new release does more work for each request"),
    );
    predictions.push(
        signal::PROXY_THROTTLED
            .of(workload)
            .not_rising()
            .because("the proxy is not the one that stands still"),
    );
    Hypothesis {
        mechanism: APP_REGRESSION,
        entity: Entity::Workload(workload.clone()),
        statement: format!(
            "a release of {workload} is slower: {}",
            say::values(&trigger.setting.before, &trigger.setting.after)
        ),
        hazard: None,
        trigger: Some(trigger),
        predictions,
        fix: None,
    }
}

fn slow_dependency(workload: &WorkloadId, platform: &Platform, reach: &Reach) -> Hypothesis {
    let mut predictions = server_side_slower(workload, platform, reach);
    predictions.push(
        signal::INBOUND_REQUESTS
            .of(workload)
            .not_rising()
            .because("it is asked no more often than before")
            .decisive(),
    );
    // Latency is told of a service: where several workloads stand behind one, it also changes when
    // the requests move between them, and then none of them became slower by itself.
    let mut called = reach.edges.iter().map(|edge| workloads_behind(&edge.destination, platform));
    if called.any(|behind| behind.contains(workload) && behind.len() > 1) {
        predictions.push(
            signal::INBOUND_REQUESTS
                .of(workload)
                .steady()
                .because("its share of the service's requests is what it was")
                .decisive(),
        );
    }
    // Otherwise what it calls makes it slow, and why that is slow is another question.
    for edge in reach.edges.iter().filter(|edge| *edge.source == *workload) {
        predictions.push(
            signal::EDGE_LATENCY
                .of(edge)
                .not_rising()
                .because("what it calls answers as fast as before")
                .decisive(),
        );
    }
    predictions.push(
        signal::PROXY_THROTTLED
            .of(workload)
            .not_rising()
            .because("its proxy is not the one that stands still"),
    );
    Hypothesis {
        mechanism: SLOW_DEPENDENCY,
        entity: Entity::Workload(workload.clone()),
        statement: format!(
            "{workload} became slower by itself, without a change of its release or settings"
        ),
        hazard: None,
        trigger: None,
        predictions,
        fix: None,
    }
}

/// The callee itself takes longer, seen from its own side, and the way to it does not.
fn server_side_slower(
    workload: &WorkloadId,
    platform: &Platform,
    reach: &Reach,
) -> Vec<Prediction> {
    let mut predictions = Vec::new();
    for edge in reach
        .edges
        .iter()
        .filter(|edge| workloads_behind(&edge.destination, platform).contains(workload))
    {
        predictions.push(
            signal::EDGE_SERVER_LATENCY
                .of(edge)
                .rises()
                .because("its own side reports the added time")
                .decisive(),
        );
        predictions.push(
            signal::EDGE_GAP.of(edge).not_rising().because("proxy, pool and network add nothing"),
        );
        predictions.push(
            signal::ATTEMPT_RATIO
                .of(edge)
                .not_rising()
                .because("requests are not sent more than once"),
        );
    }
    predictions
}

fn load_growth(question: &Question, platform: &Platform, reach: &Reach) -> Hypothesis {
    let service = Entity::Service(question.service.clone());
    let mut predictions = vec![
        signal::SERVICE_REQUESTS
            .of(service.clone())
            .rises()
            .because("more requests arrive")
            .decisive(),
    ];
    for workload in workloads_behind(&question.service, platform) {
        predictions.push(
            signal::APP_CPU_PER_REQUEST
                .of(&workload)
                .not_rising()
                .because("each request costs what it did"),
        );
    }
    for edge in reach.edges.iter().filter(|edge| *edge.destination == question.service) {
        predictions.push(
            signal::ATTEMPT_RATIO
                .of(edge)
                .not_rising()
                .because("the added requests are not retries"),
        );
    }
    Hypothesis {
        mechanism: LOAD_GROWTH,
        entity: service,
        statement: format!("{} is asked more than before", question.service),
        hazard: None,
        trigger: None,
        predictions,
        fix: None,
    }
}

fn noisy_neighbour(question: &Question) -> Hypothesis {
    Hypothesis {
        mechanism: NOISY_NEIGHBOUR,
        entity: Entity::Mesh,
        statement: format!(
            "something outside the mesh takes the CPU that {} needs",
            question.service
        ),
        hazard: None,
        trigger: None,
        predictions: vec![
            signal::NEIGHBOUR_CPU
                .of(Entity::Mesh)
                .rises()
                .because("others on the node use more CPU")
                .decisive(),
        ],
        fix: None,
    }
}

fn is_called(workload: &WorkloadId, platform: &Platform, reach: &Reach) -> bool {
    reach.edges.iter().any(|edge| workloads_behind(&edge.destination, platform).contains(workload))
}
