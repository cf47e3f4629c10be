//! Diagnoses made by hand, one for each verdict, for the snapshots of every format.

#![allow(dead_code, reason = "each test file uses a part of the samples")]
#![allow(clippy::unwrap_used, reason = "the instants in here are literals")]

use std::sync::Arc;

use stilltrace_model::{
    Cause, CommitId, CommitInfo, ContainerId, Diagnosis, EdgeId, Edit, Entity, Evidence, Fix,
    Frame, Gap, Indicator, Inputs, Judged, Layer, Location, Measure, ObjectRef, Origin, Owner,
    Picture, Rejected, Safety, ServiceId, Side, Symptom, Timestamp, Verdict, Window, WorkloadId,
};

const PATCH: &str = "\
--- a/apps/checkout/virtualservice.yaml
+++ b/apps/checkout/virtualservice.yaml
@@ -16,5 +16,5 @@
       retries:
-        attempts: 10
+        attempts: 2
         perTryTimeout: 250ms
";

pub(crate) fn at(clock: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-03-04T{clock}Z")).unwrap()
}

pub(crate) fn commit(id: &str, author: &str, summary: &str, clock: &str) -> CommitInfo {
    CommitInfo {
        id: CommitId(id.repeat(40).chars().take(40).collect()),
        author: author.to_owned(),
        time: at(clock),
        summary: summary.to_owned(),
    }
}

fn evidence(what: &str, before: f64, after: f64, unit: &'static str, query: &str) -> Evidence {
    Evidence {
        what: what.to_owned(),
        value: Measure::Number(after),
        baseline: Some(Measure::Number(before)),
        unit,
        query: query.to_owned(),
        source: "prometheus".to_owned(),
    }
}

fn text(what: &str, before: Option<&str>, after: &str, query: &str, source: &str) -> Evidence {
    Evidence {
        what: what.to_owned(),
        value: Measure::Text(after.to_owned()),
        baseline: before.map(|before| Measure::Text(before.to_owned())),
        unit: "",
        query: query.to_owned(),
        source: source.to_owned(),
    }
}

fn latency() -> Evidence {
    evidence(
        "p99 latency of the service",
        0.2121,
        1.942,
        "s",
        "histogram_quantile(0.99, sum by (le) (rate(istio_request_duration_milliseconds_bucket{reporter=\"source\",destination_service_name=\"checkout\"}[1m]))) / 1000",
    )
}

fn symptom() -> Symptom {
    Symptom {
        indicator: Indicator::LatencyP99,
        onset: at("14:02:10"),
        before: 0.2121,
        after: 1.942,
        window: Window { from: at("14:00:00"), to: at("14:03:48") },
        target: Some(0.3),
        evidence: latency(),
    }
}

fn object() -> ObjectRef {
    ObjectRef {
        api_version: "networking.istio.io/v1".to_owned(),
        kind: "VirtualService".to_owned(),
        namespace: "shop".to_owned(),
        name: "inventory".to_owned(),
    }
}

pub(crate) fn location() -> Location {
    let path = Arc::from("apps/checkout/virtualservice.yaml");
    Location { path, line: 17, column: 19, start: 410, end: 412 }
}

pub(crate) fn guilty_line() -> Cause {
    Cause {
        at: location(),
        side: Side::After,
        commit: Some(commit("9f2c1e7", "Ada L.", "raise retries for flaky tests", "13:58:40")),
        object: object(),
        field: "spec.http[0].retries.attempts".to_owned(),
        before: Some("2".to_owned()),
        after: "10".to_owned(),
        context: [
            "      - destination: {host: inventory}",
            "      retries:",
            "        attempts: 10",
            "        perTryTimeout: 250ms",
            "        retryOn: 5xx,reset",
        ]
        .map(str::to_owned)
        .to_vec(),
        first_line: 15,
        note: "every try that takes longer than 250 ms is sent again, up to 10 times".to_owned(),
    }
}

fn edge() -> Entity {
    Entity::Edge(EdgeId::new(
        WorkloadId::new("shop", "checkout"),
        ServiceId::new("shop", "inventory"),
        8080,
    ))
}

fn owner() -> Owner {
    Owner {
        name: "@shop/payments".to_owned(),
        source: Location { path: Arc::from("CODEOWNERS"), line: 3, column: 1, start: 0, end: 0 },
        component: Some("component:default/checkout".to_owned()),
        workload: None,
    }
}

fn judged(mechanism: &str, statement: &str, confidence: f64) -> Judged {
    Judged {
        mechanism: mechanism.to_owned(),
        statement: statement.to_owned(),
        confidence,
        entity: edge(),
        origin: None,
        owner: None,
        supported_by: Vec::new(),
        contradicted_by: Vec::new(),
    }
}

pub(crate) fn picture() -> Picture {
    let second = |second: usize| second >= 130 && second % 7 == 3;
    Picture {
        container: ContainerId {
            workload: WorkloadId::new("shop", "checkout"),
            pod: "checkout-7d9f5c-x2x9q".to_owned(),
            container: ContainerId::SIDECAR.to_owned(),
        },
        start: at("14:00:00"),
        column_seconds: 1.0,
        peaks: (0..228).map(|s| if second(s) { 0.2 } else { 0.03 }).collect(),
        stalled: (0..228).map(|s| if second(s) { 0.42 } else { 0.0 }).collect(),
        dashboard: (0..16).map(|span| if span < 9 { 0.028 } else { 0.034 }).collect(),
        limit: Some(0.2),
        onset_column: Some(130),
    }
}

fn frames() -> Vec<Frame> {
    let git = "git show 9f2c1e7";
    vec![
        Frame::new(Layer::Slo, "p99 212 ms -> 1.94 s at 14:02:10", latency()).at(at("14:02:10")),
        Frame::new(
            Layer::Workload,
            "checkout: CPU 0.61 cores (was 0.22), 3 of 3 pods ready",
            evidence("CPU of the application", 0.22, 0.61, "cores", "sum(rate(container_cpu_usage_seconds_total{pod=~\"checkout-.*\"}[1m]))"),
        ),
        Frame::new(
            Layer::Kernel,
            "the proxy of checkout stood still at its CPU limit for 6.1 % of the time (was 0 %)",
            evidence("time the proxy stood still at its CPU limit", 0.0, 0.061, "share", "bursts.csv"),
        )
        .drawn(picture()),
        Frame::new(
            Layer::Mesh,
            "checkout -> inventory: 2.9 attempts per request (was 1)",
            evidence("attempts per request", 1.0, 2.94, "1", "sum(rate(istio_requests_total{reporter=\"destination\"}[1m])) / sum(rate(istio_requests_total{reporter=\"source\"}[1m]))"),
        )
        .and(evidence("requests that the caller sent", 105.3, 104.9, "1/s", "sum(rate(istio_requests_total{reporter=\"source\"}[1m]))"))
        .at(at("14:02:05")),
        Frame::new(
            Layer::Config,
            "VirtualService shop/inventory: retries.attempts 2 -> 10",
            text("retries.attempts", Some("2"), "10", "apps/checkout/virtualservice.yaml:17:19", "git"),
        ),
        Frame::new(
            Layer::Gitops,
            "Flux Kustomization flux-system/apps applied 9f2c1e7 38 s before the first slow request",
            text("synced revision", None, "9f2c1e7", "events.jsonl", "events"),
        )
        .at(at("14:01:32")),
        Frame::new(
            Layer::Git,
            "9f2c1e7 \"raise retries for flaky tests\" by Ada L.",
            text("commit", None, "9f2c1e7", git, "git"),
        )
        .at(at("13:58:40")),
        Frame::new(
            Layer::Owner,
            "@shop/payments (Backstage component:default/checkout)",
            text("owner", None, "@shop/payments", "CODEOWNERS:3", "git"),
        ),
    ]
}

/// A platform change is the cause; everything a report can have is there.
pub(crate) fn cause() -> Diagnosis {
    let mut best = judged(
        "retry-storm",
        "checkout sends abandoned requests to inventory again",
        0.931_234_567,
    );
    best.origin = Some(guilty_line());
    best.owner = Some(owner());
    best.supported_by = vec![evidence("attempts per request", 1.0, 2.94, "1", "…")];
    Diagnosis {
        verdict: Verdict::Cause,
        service: ServiceId::new("shop", "checkout"),
        symptom: Some(symptom()),
        headline: "retries on checkout -> inventory raised from 2 to 10 by commit 9f2c1e7"
            .to_owned(),
        hypotheses: vec![best, judged("missing-timeout", "no timeout bounds the request", 0.21)],
        frames: frames(),
        rejected: vec![
            Rejected {
                suspect: "image of inventory 2.4.1".to_owned(),
                reason: "CPU per request steady at 3.1 ms (was 3 ms)".to_owned(),
                commit: Some(commit("4b1d002", "Grace H.", "inventory 2.4.1", "13:57:02")),
            },
            Rejected {
                suspect: "load growth".to_owned(),
                reason: "requests steady at 105/s (was 105/s)".to_owned(),
                commit: None,
            },
        ],
        gaps: vec![Gap {
            what: "retry counters of the proxies".to_owned(),
            why: "they would tell retries from mirrored copies".to_owned(),
            remedy: "add `upstream_rq_retry` to proxyStatsMatcher.inclusionSuffixes".to_owned(),
            ..Gap::default()
        }],
        fix: Some(Fix {
            origin: Origin::Git {
                at: location(),
                object: Arc::new(object()),
                field: Arc::from("spec.http[0].retries.attempts"),
            },
            edit: Edit::Restore { value: "2".to_owned(), earlier: None },
            explanation: "puts the 2 retries back".to_owned(),
            safety: Safety::Review,
            patch: Some(PATCH.to_owned()),
        }),
        changes: Vec::new(),
        inputs: Inputs {
            capture_digest: Some(format!("sha256:{}", "ab".repeat(32))),
            revision: Some("9f2c1e79f2c1e79f2c1e79f2c1e79f2c1e79f2c1".to_owned()),
            tool_version: "0.1.0".to_owned(),
            rules_version: "1".to_owned(),
            synthetic: vec![
                "the sync record of flux-system/apps is not from a controller".to_owned(),
            ],
        },
    }
}

/// A removed line is the cause.
pub(crate) fn removed_line() -> Diagnosis {
    let mut diagnosis = cause();
    diagnosis.frames.truncate(7);
    diagnosis.fix = None;
    diagnosis.headline =
        "the timeout of checkout -> inventory was removed by commit 9f2c1e7".into();
    let mut origin = guilty_line();
    origin.side = Side::Before;
    origin.field = "spec.http[0].timeout".into();
    origin.before = Some("2s".to_owned());
    origin.after = "unset".into();
    origin.context[2] = "      timeout: 2s".into();
    origin.at.column = 16;
    origin.note = "without it a request waits as long as inventory takes".into();
    diagnosis.hypotheses[0].origin = Some(origin);
    diagnosis
}

/// Something else is the cause.
pub(crate) fn innocent() -> Diagnosis {
    let mut diagnosis = cause();
    diagnosis.verdict = Verdict::NotThePlatform;
    diagnosis.headline =
        "inventory needs 9.4 ms of CPU per request (was 3.1 ms) since its release 2.4.1".into();
    let mut best =
        judged("none/app-regression", "the application burns more CPU per request", 0.88);
    best.entity = Entity::Workload(WorkloadId::new("shop", "inventory"));
    diagnosis.hypotheses = vec![best];
    diagnosis.frames.truncate(2);
    diagnosis.fix = None;
    diagnosis.gaps.clear();
    diagnosis.inputs.synthetic.clear();
    diagnosis.symptom.as_mut().unwrap().target = None;
    diagnosis
}

/// The evidence does not separate the candidates.
pub(crate) fn undecided() -> Diagnosis {
    let mut diagnosis = cause();
    diagnosis.verdict = Verdict::NotProven;
    diagnosis.headline =
        "the callee's own measurements are missing, so two candidates look alike".into();
    diagnosis.hypotheses = vec![
        judged("retry-storm", "requests may be sent again", 0.41),
        judged("none/app-regression", "inventory may have become slower by itself", 0.38),
    ];
    diagnosis.hypotheses[0].origin = Some(guilty_line());
    diagnosis.frames.truncate(1);
    diagnosis.fix = None;
    diagnosis.rejected.clear();
    diagnosis.inputs.synthetic.clear();
    diagnosis
}

/// Nothing is wrong.
pub(crate) fn quiet() -> Diagnosis {
    Diagnosis {
        verdict: Verdict::NoAnomaly,
        service: ServiceId::new("shop", "checkout"),
        symptom: None,
        headline: "p99 212 ms stays within its noise of 31 ms from 14:00:00 to 14:03:48".to_owned(),
        hypotheses: Vec::new(),
        frames: Vec::new(),
        rejected: Vec::new(),
        gaps: Vec::new(),
        fix: None,
        changes: Vec::new(),
        inputs: Inputs {
            tool_version: "0.1.0".to_owned(),
            rules_version: "1".to_owned(),
            ..Inputs::default()
        },
    }
}

/// Text that tries to take over the terminal, in one string.
pub(crate) const HOSTILE: &str =
    "x\u{1b}[2J\u{1b}]52;c;aGk=\u{7}\r\n\t\u{8}\u{9b}31m\u{202e}evil\u{200b}\u{feff}\u{7f}";

/// The characters of [`HOSTILE`] that are no controls and yet must not reach a terminal.
pub(crate) const HIDDEN: [char; 3] = ['\u{202e}', '\u{200b}', '\u{feff}'];

/// Everything that comes from data is hostile.
pub(crate) fn hostile() -> Diagnosis {
    let mut diagnosis = cause();
    let bad = || HOSTILE.to_owned();
    diagnosis.service = ServiceId::new(bad(), bad());
    diagnosis.headline = bad();
    let best = &mut diagnosis.hypotheses[0];
    best.mechanism = bad();
    best.statement = bad();
    best.owner.as_mut().unwrap().name = bad();
    best.entity = Entity::Service(ServiceId::new(bad(), bad()));
    let origin = best.origin.as_mut().unwrap();
    origin.at.path = Arc::from(HOSTILE);
    origin.note = bad();
    origin.before = Some(bad());
    origin.after = bad();
    origin.field = bad();
    origin.context = vec![bad(); 5];
    let guilty = origin.commit.as_mut().unwrap();
    (guilty.author, guilty.summary, guilty.id) = (bad(), bad(), CommitId(bad()));
    let mut drawing = picture();
    drawing.container.pod = bad();
    let measured = text(HOSTILE, Some(HOSTILE), HOSTILE, HOSTILE, HOSTILE);
    diagnosis.frames =
        vec![Frame::new(Layer::Kernel, bad(), measured).at(at("14:00:00")).drawn(drawing)];
    diagnosis.rejected[0].suspect = bad();
    diagnosis.rejected[0].reason = bad();
    diagnosis.gaps[0] = Gap { what: bad(), why: bad(), remedy: bad(), ..Gap::default() };
    let fix = diagnosis.fix.as_mut().unwrap();
    fix.explanation = bad();
    fix.patch = Some(bad());
    diagnosis.inputs.synthetic = vec![bad()];
    diagnosis.inputs.revision = Some(bad());
    diagnosis.inputs.capture_digest = Some(bad());
    diagnosis
}

/// Every sample by name.
pub(crate) fn all() -> Vec<(&'static str, Diagnosis)> {
    vec![
        ("cause", cause()),
        ("removed_line", removed_line()),
        ("innocent", innocent()),
        ("undecided", undecided()),
        ("quiet", quiet()),
        ("hostile", hostile()),
    ]
}
