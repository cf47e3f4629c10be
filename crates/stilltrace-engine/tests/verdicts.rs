//! What the engine answers in small made-up worlds.

#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::sync::Arc;
use std::time::Duration;

use stilltrace_engine::{diagnose, hypotheses, plan};
use stilltrace_model::{
    Diagnosis, Entity, Line, LineRecord, Origin, Platform, ServiceId, Setting, SettingChange,
    Verdict, WorkloadId, signal,
};
use world::{ONSET, World, line};

/// The only place that touches the interface under test.
fn answer(world: &World) -> Diagnosis {
    let question = world.question();
    let hypotheses = hypotheses(&question, &world.platform);
    let plan = plan(&question, &world.platform, &hypotheses);
    let mut capture = world.capture.clone();
    capture.series.retain(|want, _| plan.wants.contains(want));
    diagnose(&question, &world.platform, &hypotheses, &capture)
}

#[test]
fn a_quiet_service_has_no_anomaly() {
    assert_eq!(answer(&World::new()).verdict, Verdict::NoAnomaly);
}

#[test]
fn an_unmeasured_service_is_not_called_healthy() {
    let mut world = World::new();
    world.capture.series.clear();
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::NotProven);
    assert!(!answer.gaps.is_empty());
}

#[test]
fn an_anomaly_that_nothing_explains_is_not_proven() {
    let mut world = World::new();
    world.step(signal::SERVICE_P99, world.service(), 0.1, 1.0);
    assert_eq!(answer(&world).verdict, Verdict::NotProven);
}

/// A release of the last service makes it slow; its own side says so.
fn slow_release() -> World {
    let mut world = World::new();
    let image = SettingChange {
        entity: Entity::Workload(world.workload(2)),
        setting: "containers[app].image".into(),
        before: "image:1".into(),
        after: "image:2".into(),
        origin_before: line("apps/back.yaml", 9, "image"),
        origin_after: line("apps/back.yaml", 9, "image"),
    };
    world.commit(ONSET - 10_000, 'a', image);
    world.step(signal::SERVICE_P99, world.service(), 0.1, 0.9);
    for edge in [world.edge(0, 1), world.edge(1, 2)] {
        world.step(signal::EDGE_LATENCY, &edge, 0.03, 0.23);
        world.step(signal::EDGE_SERVER_LATENCY, &edge, 0.029, 0.229);
    }
    world.step(signal::APP_CPU_PER_REQUEST, &world.workload(2), 0.001, 0.009);
    world
}

#[test]
fn a_slow_release_is_not_the_platform() {
    let answer = answer(&slow_release());
    assert_eq!(answer.verdict, Verdict::NotThePlatform, "{answer:#?}");
    let best = &answer.hypotheses[0];
    assert_eq!(best.mechanism, "none/app-regression");
    assert_eq!(best.origin.as_ref().unwrap().at.path.as_ref(), "apps/back.yaml");
}

#[test]
fn without_the_callees_side_a_slow_release_is_not_proven() {
    let mut world = slow_release();
    for signal in [
        signal::EDGE_SERVER_LATENCY,
        signal::EDGE_SERVER_P50,
        signal::EDGE_SERVER_P99,
        signal::EDGE_GAP,
        signal::ATTEMPT_RATIO,
    ] {
        world.forget(signal);
    }
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::NotProven);
    assert!(answer.gaps.iter().any(|gap| gap.remedy.contains("destination")), "{:#?}", answer.gaps);
}

#[test]
fn more_load_is_not_the_platform() {
    let mut world = World::new();
    world.step(signal::SERVICE_P99, world.service(), 0.1, 0.9);
    world.step(signal::SERVICE_REQUESTS, world.service(), 100.0, 300.0);
    for edge in [world.edge(0, 1), world.edge(1, 2)] {
        world.step(signal::EDGE_REQUESTS, &edge, 100.0, 300.0);
        world.step(signal::EDGE_ATTEMPTS, &edge, 100.0, 300.0);
    }
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::NotThePlatform, "{answer:#?}");
    assert_eq!(answer.hypotheses[0].mechanism, "none/load-growth");
}

/// Retries that a commit raised multiply what the last service is asked.
fn retries_raised(world: &mut World, synced_ms: i64) {
    let id = world.edge(1, 2);
    let origin = |row, field| line("mesh/back.yaml", row, field);
    let edge = world.platform.edges.get_mut(&id).unwrap();
    let route = &mut Arc::make_mut(&mut edge.routes)[0];
    route.retries.attempts = Setting::new(10, origin(14, "spec.http[0].retries.attempts"));
    route.retries.per_try_timeout = Setting::new(
        Some(Duration::from_millis(100)),
        origin(15, "spec.http[0].retries.perTryTimeout"),
    );
    route.retries.retry_on = Setting::new(
        vec!["5xx".into(), "reset".into()],
        origin(16, "spec.http[0].retries.retryOn"),
    );
    let setting = SettingChange {
        entity: Entity::Edge(id),
        setting: "retries.attempts".into(),
        before: "2".into(),
        after: "10".into(),
        origin_before: origin(14, "spec.http[0].retries.attempts"),
        origin_after: origin(14, "spec.http[0].retries.attempts"),
    };
    world.commit(synced_ms, 'b', setting);
}

fn collapse() -> World {
    let mut world = World::new();
    retries_raised(&mut world, ONSET - 8_000);
    let (inner, outer) = (world.edge(1, 2), world.edge(0, 1));
    world.step(signal::SERVICE_P99, world.service(), 0.1, 2.4);
    for (signal, before, after) in [
        (signal::ATTEMPT_RATIO, 1.0, 5.0),
        (signal::EDGE_ATTEMPTS, 100.0, 500.0),
        (signal::EDGE_ABANDONED, 0.0, 0.8),
        (signal::RETRIES_EXHAUSTED, 0.0, 0.5),
        (signal::EDGE_LATENCY, 0.03, 0.8),
        (signal::EDGE_SERVER_LATENCY, 0.029, 0.1),
        (signal::EDGE_P99, 0.1, 1.2),
        (signal::EDGE_SERVER_P99, 0.09, 0.1),
        (signal::EDGE_GAP, 0.001, 0.7),
    ] {
        world.step(signal, &inner, before, after);
    }
    world.step(signal::EDGE_LATENCY, &outer, 0.03, 0.8);
    world.step(signal::EDGE_SERVER_LATENCY, &outer, 0.029, 0.8);
    world
}

#[test]
fn a_retry_collapse_ends_at_the_raised_line() {
    let answer = answer(&collapse());
    assert_eq!(answer.verdict, Verdict::Cause, "{answer:#?}");
    let cause = answer.hypotheses[0].origin.clone().unwrap();
    assert_eq!((cause.at.path.as_ref(), cause.at.line), ("mesh/back.yaml", 14));
    assert_eq!(cause.commit.unwrap().id.short(), "bbbbbbb");
    assert_eq!(cause.before.as_deref(), Some("2"));
}

#[test]
fn without_the_decisive_signal_confidence_falls_and_the_gap_is_named() {
    let full = answer(&collapse());
    let mut world = collapse();
    world.forget(signal::ATTEMPT_RATIO);
    let poor = answer(&world);
    assert!(poor.hypotheses[0].confidence < full.hypotheses[0].confidence);
    assert_eq!(poor.verdict, Verdict::NotProven);
    assert!(
        poor.gaps.iter().any(|gap| gap.what.contains(signal::ATTEMPT_RATIO.meaning)),
        "{:#?}",
        poor.gaps
    );
}

#[test]
fn a_cause_after_its_effect_is_rejected() {
    let mut world = collapse();
    world.platform.changes.clear();
    retries_raised(&mut world, ONSET + 20_000);
    let answer = answer(&world);
    assert_ne!(answer.verdict, Verdict::Cause);
    assert!(
        answer.rejected.iter().any(|rejected| rejected.reason.contains("after the trouble")),
        "{:#?}",
        answer.rejected
    );
}

#[test]
fn a_harmless_commit_of_the_same_minute_is_let_go_with_a_reason() {
    let mut world = collapse();
    let innocent = SettingChange {
        entity: Entity::Edge(world.edge(1, 2)),
        setting: "pool.connectTimeout".into(),
        before: "10s".into(),
        after: "5s".into(),
        origin_before: Origin::Default { of: "default".into() },
        origin_after: line(
            "mesh/back-rule.yaml",
            12,
            "spec.trafficPolicy.connectionPool.tcp.connectTimeout",
        ),
    };
    world.commit(ONSET - 3_000, 'c', innocent);
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::Cause);
    let let_go =
        answer.rejected.iter().find(|rejected| rejected.suspect.starts_with("ccccccc")).unwrap();
    assert!(let_go.reason.contains("connectTimeout"), "{}", let_go.reason);
}

#[test]
fn names_decide_nothing() {
    let one = answer(&collapse());
    let other = answer(&collapse_in(["zulu", "alpha", "mike"]));
    let mechanisms = |answer: &Diagnosis| {
        answer
            .hypotheses
            .iter()
            .map(|h| (h.mechanism.clone(), format!("{:.6}", h.confidence)))
            .collect::<Vec<_>>()
    };
    assert_eq!(mechanisms(&one), mechanisms(&other));
}

fn collapse_in(names: [&str; 3]) -> World {
    let template = collapse();
    let mut world = World::named(names);
    retries_raised(&mut world, ONSET - 8_000);
    let rename = |entity: &Entity| {
        let index = |name: &str| template.names.iter().position(|known| known == name).unwrap();
        match entity {
            Entity::Edge(edge) => {
                Entity::Edge(world.edge(index(&edge.source.name), index(&edge.destination.name)))
            }
            Entity::Workload(workload) => Entity::Workload(world.workload(index(&workload.name))),
            Entity::Service(_) => world.service(),
            Entity::Mesh => Entity::Mesh,
        }
    };
    let series = template
        .capture
        .series
        .iter()
        .map(|(want, series)| (want.signal.of(rename(&want.entity)), series.clone()));
    world.capture.series = series.collect();
    world
}

#[test]
fn the_same_evidence_gives_the_same_answer() {
    assert_eq!(answer(&collapse()), answer(&collapse()));
}

#[test]
fn a_candidate_is_not_listed_among_those_let_go_while_nothing_is_proven() {
    let mut world = collapse();
    world.forget(signal::ATTEMPT_RATIO);
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::NotProven);
    assert!(
        !answer.rejected.iter().any(|rejected| rejected.suspect.starts_with("bbbbbbb")),
        "{:#?}",
        answer.rejected
    );
}

/// Another change of the retries, as a merge or a second step would be.
fn retries_changed_again(world: &mut World, synced_ms: i64, digit: char) {
    let mut again = world.platform.changes[0].settings[0].clone();
    again.before = "5".into();
    world.commit(synced_ms, digit, again);
}

fn named_commit(answer: &Diagnosis) -> String {
    let cause = answer.hypotheses[0].origin.clone().unwrap();
    cause.commit.unwrap().id.short().to_owned()
}

#[test]
fn a_merge_does_not_compete_with_the_commit_it_brings_in() {
    let mut world = collapse();
    retries_changed_again(&mut world, ONSET - 8_000, 'd');
    let written = world.platform.changes[0].commit.clone();
    let at = line("mesh/back.yaml", 14, "spec.http[0].retries.attempts");
    let record =
        LineRecord { commit: written, original_path: None, first_line: 14, context: Vec::new() };
    world.capture.lines.insert(Line::from(at.location().unwrap()), record);
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::Cause, "{answer:#?}");
    assert_eq!(named_commit(&answer), "bbbbbbb");
    assert!(answer.hypotheses[0].confidence > 0.9);
    let merge = answer.rejected.iter().find(|one| one.suspect.starts_with("ddddddd")).unwrap();
    assert!(merge.reason.contains("comes from commit bbbbbbb"), "{}", merge.reason);
}

#[test]
fn of_two_steps_before_the_onset_the_later_is_named() {
    let mut world = collapse();
    retries_changed_again(&mut world, ONSET - 4_000, 'd');
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::Cause, "{answer:#?}");
    assert_eq!(named_commit(&answer), "ddddddd");
}

#[test]
fn a_step_after_the_onset_does_not_replace_the_one_before() {
    let mut world = collapse();
    retries_changed_again(&mut world, ONSET + 20_000, 'd');
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::Cause, "{answer:#?}");
    assert_eq!(named_commit(&answer), "bbbbbbb");
}

/// The last service became slow, and nothing was changed.
fn slow_dependency() -> World {
    let mut world = slow_release();
    world.platform.changes.clear();
    world.step(signal::APP_CPU_PER_REQUEST, &world.workload(2), 0.001, 0.001);
    world
}

#[test]
fn a_dependency_that_slows_by_itself_is_not_the_platform() {
    let answer = answer(&slow_dependency());
    assert_eq!(answer.verdict, Verdict::NotThePlatform, "{answer:#?}");
    let best = &answer.hypotheses[0];
    assert_eq!(best.mechanism, "none/slow-dependency");
    assert_eq!(best.entity, Entity::Workload(World::new().workload(2)));
}

#[test]
fn what_is_asked_more_often_is_not_slow_by_itself() {
    let mut world = slow_dependency();
    world.step(signal::INBOUND_REQUESTS, &world.workload(2), 100.0, 300.0);
    assert_eq!(answer(&world).verdict, Verdict::NotProven);
}

#[test]
fn what_loses_its_requests_to_its_neighbour_is_not_slow_by_itself() {
    let mut world = slow_dependency();
    // A second workload of the same service has them now, and the service's latency is its.
    let next = WorkloadId::new("ns", "back-next");
    let mut other = world.platform.workloads[&world.workload(2)].clone();
    other.id = next.clone();
    world.platform.workloads.insert(next.clone(), other);
    world.platform.services.get_mut(&ServiceId::new("ns", "back")).unwrap().workloads.push(next);
    assert_eq!(answer(&world).verdict, Verdict::NotThePlatform, "as long as nothing moves");
    world.step(signal::INBOUND_REQUESTS, &world.workload(2), 100.0, 10.0);
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::NotProven, "{answer:#?}");
    // Ruled out, not merely unlikely.
    let entity = Entity::Workload(world.workload(2));
    let by_itself = answer
        .hypotheses
        .iter()
        .find(|one| one.entity == entity && one.mechanism == "none/slow-dependency");
    assert!(by_itself.is_none_or(|one| one.confidence <= 0.0), "{answer:#?}");
}

#[test]
fn what_waits_for_its_callee_is_not_slow_by_itself() {
    let mut world = slow_dependency();
    // The way to the last service is slow, so that service is not.
    world.step(signal::EDGE_SERVER_LATENCY, &world.edge(1, 2), 0.029, 0.029);
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::NotProven, "{answer:#?}");
}

#[test]
fn a_suspect_without_its_deciding_evidence_keeps_others_from_being_named() {
    let mut world = slow_dependency();
    retries_raised(&mut world, ONSET - 8_000);
    world.forget(signal::ATTEMPT_RATIO);
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::NotProven, "{answer:#?}");
}

#[test]
fn a_platform_that_could_not_be_read_is_not_shown_innocent() {
    let mut world = slow_dependency();
    let calls = world.platform.calls.clone();
    world.platform = Platform { calls, ..Platform::default() };
    assert_eq!(answer(&world).verdict, Verdict::NotProven);
}

#[test]
fn few_errors_do_not_show_that_a_service_is_fast() {
    let mut world = World::new();
    world.forget(signal::SERVICE_P99);
    world.forget(signal::SERVICE_P50);
    let answer = answer(&world);
    assert_eq!(answer.verdict, Verdict::NotProven);
    assert!(!answer.gaps.is_empty());
}

#[test]
fn a_hazard_that_stood_there_before_is_not_proven_by_a_signal_of_the_whole_mesh() {
    let mut world = World::new();
    for workload in world.platform.workloads.values_mut() {
        let telemetry = &mut workload.sidecar.as_mut().unwrap().telemetry;
        telemetry.outbound.access_log = Setting::new(true, line("mesh/telemetry.yaml", 9, "spec"));
    }
    world.step(signal::ALL_PROXIES_CPU, Entity::Mesh, 0.5, 1.5);
    world.step(signal::SERVICE_P99, world.service(), 0.1, 0.9);
    world.step(signal::EDGE_LATENCY, &world.edge(0, 1), 0.03, 0.23);
    let answer = answer(&world);
    assert!(!answer.hypotheses.is_empty());
    assert_eq!(answer.verdict, Verdict::NotProven, "{answer:#?}");
}
