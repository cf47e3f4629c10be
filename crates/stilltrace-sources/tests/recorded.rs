//! A capture from question to patch, and with each of its parts missing or spoiled.
#![allow(clippy::unwrap_used, reason = "a failure is the test's result")]

mod support;

use stilltrace_capture::{Bundle, BundleWriter, Manifest};
use stilltrace_model::{
    CommitId, EdgeId, Edit, Entity, Fix, Line, Safety, ServiceId, Signal, Timestamp, Want,
    WorkloadId, signal,
};
use stilltrace_sources::{Recorded, SourceError};
use support::story::{
    FROM, ROUTE, ask, attempts, edge, open, question, requests, story, synced, writer,
};
use support::{Work, git};

#[test]
fn the_guilty_commit_carries_the_setting_the_sync_and_the_line() {
    let story = story();
    let recorded = open(&writer(&story));
    assert_eq!(recorded.question(), &question());
    let platform = recorded.platform(&question()).unwrap();
    let (value, origin) = attempts(&platform);
    assert_eq!(value, 10);
    let at = origin.location().unwrap();
    assert_eq!((at.path.as_ref(), at.line, at.column), ("apps/shop/route.yaml", 13, 17));

    let change = platform.changes.iter().find(|one| one.commit.id.0 == story.guilty).unwrap();
    assert_eq!(change.synced, Some(Timestamp(FROM + 50_000)));
    assert_eq!(change.synced_by.as_deref(), Some("Flux Kustomization flux-system/apps"));
    assert!(change.synthetic);
    assert_eq!(change.paths, ["apps/shop/route.yaml"]);
    let settings: Vec<_> = change
        .settings
        .iter()
        .filter(|one| one.entity == Entity::Edge(edge()))
        .map(|one| (one.setting.as_str(), one.before.as_str(), one.after.as_str()))
        .collect();
    assert_eq!(settings, [("retries.attempts", "2", "10")]);

    let harmless = platform.changes.iter().find(|one| one.commit.id.0 == story.harmless).unwrap();
    assert!(harmless.settings.is_empty());
    assert_eq!(harmless.synced, None, "no sync carried it");
    assert_eq!(platform.calls.len(), 1);

    let capture = ask(&recorded, &[], &[Line::from(at)]);
    let record = &capture.lines[&Line::from(at)];
    assert_eq!(record.commit.id.0, story.guilty);
    assert_eq!(record.commit.summary, "raise attempts");
    assert_eq!(record.first_line, 11);
    assert_eq!(record.context[2], "      attempts: 10 # enough");
}

#[test]
fn a_removed_line_is_read_in_the_parent() {
    let story = story();
    let without = ROUTE.replace("      perTryTimeout: 250ms\n", "");
    let removing = story.work.commit("apps/shop/route.yaml", &without, "drop the try limit");
    let recorded = open(&writer(&story));
    let line = Line {
        path: "apps/shop/route.yaml".to_owned(),
        line: 14,
        removed_by: Some(CommitId(removing.clone())),
    };
    let capture = ask(&recorded, &[], std::slice::from_ref(&line));
    assert_eq!(capture.lines[&line].commit.id.0, removing);
    assert_eq!(capture.lines[&line].context.last().unwrap(), "      perTryTimeout: 250ms");
}

#[test]
fn a_line_that_is_not_there_is_a_gap() {
    let recorded = open(&writer(&story()));
    for (path, line) in [("apps/shop/route.yaml", 99), ("nope.yaml", 1), ("README.md", 0)] {
        let line = Line { path: path.to_owned(), line, removed_by: None };
        let capture = ask(&recorded, &[], &[line]);
        assert!(capture.lines.is_empty());
        assert!(capture.gaps.iter().any(|gap| gap.what.contains(path)), "{:?}", capture.gaps);
    }
}

#[test]
fn signals_come_from_both_sides_and_from_windows() {
    let recorded = open(&writer(&story()));
    let checkout = Entity::Workload(WorkloadId::new("shop", "checkout"));
    let wants = [
        (signal::ATTEMPT_RATIO, Entity::Edge(edge())),
        (signal::EDGE_ERRORS, Entity::Edge(edge())),
        (signal::PROXY_STALLED, checkout.clone()),
        (signal::PROXY_CPU_PEAK, checkout),
    ];
    let capture = ask(&recorded, &wants, &[]);
    let last = |(signal, entity): &(Signal, Entity)| {
        let series = &capture.series[&Want { signal: *signal, entity: entity.clone() }];
        series.points.last().unwrap().1
    };
    let close = |value: f64, wanted: f64| (value - wanted).abs() < 1e-9;
    assert!(close(last(&wants[0]), 3.0));
    assert!(close(last(&wants[1]), 0.0), "requests without a failure are a zero, not a hole");
    assert!(close(last(&wants[2]), 0.25));
    assert!(close(last(&wants[3]), 0.1));
    assert!(capture.gaps.is_empty(), "{:?}", capture.gaps);
    assert_eq!(capture.bursts.len(), 1);
    assert_eq!(capture.events.len(), 1);
}

#[test]
fn missing_server_side_samples_are_one_gap_with_a_remedy() {
    let story = story();
    let mut writer = writer(&story);
    writer.samples("prometheus", &[requests("source", 20.0)]);
    let wants = [signal::ATTEMPT_RATIO, signal::EDGE_SERVER_ERRORS, signal::EDGE_REQUESTS]
        .map(|signal| (signal, Entity::Edge(edge())));
    let unused =
        EdgeId { port: 81, destination: ServiceId::new("shop", "unused").into(), ..edge() };
    let wants = [wants.to_vec(), vec![(signal::EDGE_ATTEMPTS, Entity::Edge(unused))]].concat();
    let capture = ask(&open(&writer), &wants, &[]);
    assert_eq!(capture.series.len(), 1);
    let [gap] = capture.gaps.as_slice() else { panic!("{:?}", capture.gaps) };
    assert_eq!(
        gap.what,
        "no samples for attempts per request, failed requests at the callee of shop/web -> shop/checkout:8080"
    );
    assert_eq!(gap.remedy, signal::ATTEMPT_RATIO.remedy);
}

#[test]
fn a_fix_is_a_patch_that_git_applies() {
    let story = story();
    let recorded = open(&writer(&story));
    let (_, origin) = attempts(&recorded.platform(&question()).unwrap());
    for (edit, expected) in [
        (Edit::Set("2".to_owned()), ROUTE.to_owned()),
        (Edit::Restore { value: "2".to_owned(), earlier: None }, ROUTE.to_owned()),
        (Edit::Remove, ROUTE.replace("      attempts: 2 # enough\n", "")),
    ] {
        let fix = Fix {
            origin: origin.clone(),
            edit,
            explanation: String::new(),
            safety: Safety::Review,
            patch: None,
        };
        let patch = recorded.patch(&fix).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fix.patch");
        std::fs::write(&file, &patch).unwrap();
        git(story.work.path(), &["apply", file.to_str().unwrap()]);
        let after =
            std::fs::read_to_string(story.work.path().join("apps/shop/route.yaml")).unwrap();
        assert_eq!(after, expected, "{patch}");
        git(story.work.path(), &["checkout", "-q", "--", "."]);
    }
}

#[test]
fn a_capture_without_a_repository_has_an_empty_platform_and_a_gap() {
    let recorded = open(&BundleWriter::new(Manifest::new(&question())));
    let platform = recorded.platform(&question()).unwrap();
    assert!(platform.workloads.is_empty() && platform.changes.is_empty());
    let capture =
        ask(&recorded, &[(signal::SERVICE_P99, Entity::Service(question().service))], &[]);
    assert!(capture.gaps.iter().any(|gap| gap.remedy.contains("--repo")), "{:?}", capture.gaps);
}

#[test]
fn another_repository_takes_the_place_of_the_recorded_one() {
    let story = story();
    let writer = {
        let mut manifest = Manifest::new(&question());
        manifest.revision = Some(story.guilty.clone());
        BundleWriter::new(manifest)
    };
    let bundle = || Bundle::from_bytes(&writer.pack().unwrap()).unwrap();
    let recorded = Recorded::new(bundle(), Some(story.work.path())).unwrap();
    assert_eq!(attempts(&recorded.platform(&question()).unwrap()).0, 10);

    let other = Work::new();
    other.commit("README.md", "other\n", "another repository");
    let error =
        Recorded::new(bundle(), Some(other.path())).unwrap().platform(&question()).unwrap_err();
    assert!(matches!(error, SourceError::Git(_)));
    let text = error.to_string();
    assert!(text.contains(&story.guilty) && text.contains("--repo PATH"), "{text}");
    let nothing = Recorded::new(bundle(), Some(&other.path().join("nope"))).unwrap_err();
    assert!(nothing.to_string().contains("not a Git repository"), "{nothing}");
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let story = story();
    let mut writer = writer(&story);
    writer.events(&[synced(&story.guilty, FROM + 50_000), synced(&story.harmless, FROM + 60_000)]);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("capture");
    writer.write_folder(&root).unwrap();
    let run = || {
        let recorded = Recorded::new(Bundle::open(&root).unwrap(), None).unwrap();
        let platform = recorded.platform(&question()).unwrap();
        let wants = [
            (signal::ATTEMPT_RATIO, Entity::Edge(edge())),
            (signal::SERVICE_REQUESTS, Entity::Service(question().service)),
            (signal::PROXY_STALLED, Entity::Workload(WorkloadId::new("shop", "checkout"))),
        ];
        (platform, ask(&recorded, &wants, &[]))
    };
    let before = run();
    for file in ["samples/prometheus.om", "bursts.csv", "events.jsonl"] {
        let path = root.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let is_head = |line: &&str| line.starts_with('#') || line.starts_with("namespace,");
        let (head, rows): (Vec<&str>, Vec<&str>) = text.lines().partition(is_head);
        let lines = head.into_iter().chain(rows.into_iter().rev());
        let reversed = lines.fold(String::new(), |text, line| text + line + "\n");
        assert_ne!(reversed, text, "{file} has one row only");
        std::fs::write(path, reversed).unwrap();
    }
    assert_eq!(run(), before);
}

#[test]
fn two_runs_give_the_same() {
    let story = story();
    let writer = writer(&story);
    let run = || {
        let recorded = open(&writer);
        let platform = recorded.platform(&question()).unwrap();
        (platform, ask(&recorded, &[(signal::ATTEMPT_RATIO, Entity::Edge(edge()))], &[]))
    };
    assert_eq!(run(), run());
}
