//! From evidence to the answer.

use std::collections::BTreeSet;

use stilltrace_model::{
    Capture, Cause, Diagnosis, Gap, Inputs, Judged, Platform, Question, Symptom, Verdict,
};

use crate::{
    RULES_VERSION,
    chain::{self, Scene},
    decide::{self, Ranked},
    fix,
    hypothesis::Hypothesis,
    localise, measure,
    reach::Reach,
    rejected, say, superseded,
    symptom::{self, Finding, Onset},
    weigh::{self, Weighed},
};

/// Hypotheses that reports list: enough to see what competed, few enough to read.
const LISTED: usize = 12;

/// Gaps of hypotheses this close to the best one matter for the answer.
const CLOSE: f64 = 3.0;

/// Answers the question from the evidence.
///
/// Never fails: what could not be seen becomes a gap, and where the evidence does not separate the
/// candidates the verdict is [`Verdict::NotProven`].
pub fn diagnose(
    question: &Question,
    platform: &Platform,
    hypotheses: &[Hypothesis],
    capture: &Capture,
) -> Diagnosis {
    match symptom::find(question, capture) {
        Finding::Suffers(symptom, onset) => {
            suffering(question, platform, hypotheses, capture, *symptom, onset)
        }
        Finding::Healthy => {
            let headline = format!("{} shows no anomaly in this window", question.service);
            empty(question, platform, capture, Verdict::NoAnomaly, headline, Vec::new())
        }
        Finding::Unseen => {
            let (_, want) = &symptom::indicators(question)[0];
            let gap = Gap {
                what: format!("no request of {} was measured", question.service),
                why: "without it there is no symptom to explain".to_owned(),
                remedy: want.signal.remedy.to_owned(),
                ..Gap::default()
            };
            let headline = format!("whether {} is slow could not be seen", question.service);
            empty(question, platform, capture, Verdict::NotProven, headline, vec![gap])
        }
    }
}

fn suffering(
    question: &Question,
    platform: &Platform,
    hypotheses: &[Hypothesis],
    capture: &Capture,
    symptom: Symptom,
    onset: Onset,
) -> Diagnosis {
    let reach = Reach::of(&question.service, platform);
    let location = localise::locate(capture, platform, &reach, symptom.indicator, &onset);
    let mut weighed: Vec<Weighed<'_>> =
        hypotheses.iter().map(|h| weigh::weigh(h, platform, capture, &location, &onset)).collect();
    superseded::reject(&mut weighed, platform, capture, &onset);
    let ranked = decide::rank(weighed);
    let verdict = decide::verdict(&ranked, platform);
    let best = ranked.first().filter(|_| verdict != Verdict::NotProven);
    let cause = best.and_then(|best| chain::cause(best.weighed.hypothesis, platform, capture));
    let scene = Scene {
        service: &question.service,
        platform,
        capture,
        symptom: &symptom,
        onset: &onset,
        location: &location,
    };
    let answered = best
        .and_then(|best| best.weighed.hypothesis.trigger.as_ref())
        .map(|trigger| trigger.change);
    Diagnosis {
        verdict,
        service: question.service.clone(),
        headline: headline(question, best, cause.as_ref()),
        frames: chain::frames(&scene, best.map(|best| &best.weighed), cause.as_ref()),
        rejected: rejected::rejected(&scene, &reach, &ranked, answered),
        hypotheses: ranked
            .iter()
            .take(LISTED)
            .map(|ranked| judged(ranked, platform, capture))
            .collect(),
        gaps: gaps(platform, capture, &ranked, &location),
        fix: best.and_then(|best| fix::propose(best.weighed.hypothesis, platform)),
        changes: platform.changes.clone(),
        inputs: inputs(platform),
        symptom: Some(symptom),
    }
}

/// One sentence that sums up the answer.
fn headline(question: &Question, best: Option<&Ranked<'_>>, cause: Option<&Cause>) -> String {
    let Some(best) = best else {
        return format!("what makes {} suffer is not proven", question.service);
    };
    let hypothesis = best.weighed.hypothesis;
    match (&hypothesis.trigger, cause.and_then(|cause| cause.commit.as_ref())) {
        (Some(trigger), Some(commit)) => format!(
            "{} {} on {} by commit {}",
            trigger.setting.setting,
            say::values(&trigger.setting.before, &trigger.setting.after),
            say::entity(&trigger.setting.entity),
            commit.id.short()
        ),
        _ => hypothesis.statement.clone(),
    }
}

fn judged(ranked: &Ranked<'_>, platform: &Platform, capture: &Capture) -> Judged {
    let hypothesis = ranked.weighed.hypothesis;
    let evidence = |side: &[(&stilltrace_model::Prediction, stilltrace_model::Reading)]| {
        side.iter().map(|(_, reading)| measure::evidence(reading)).collect()
    };
    Judged {
        mechanism: hypothesis.mechanism.to_owned(),
        statement: hypothesis.statement.clone(),
        confidence: ranked.confidence,
        entity: hypothesis.entity.clone(),
        origin: chain::cause(hypothesis, platform, capture),
        owner: chain::owner(hypothesis, platform),
        supported_by: evidence(&ranked.weighed.supported),
        contradicted_by: evidence(&ranked.weighed.contradicted),
    }
}

/// Gaps of the sources and of the reader, and those that keep a close hypothesis unproven.
fn gaps(
    platform: &Platform,
    capture: &Capture,
    ranked: &[Ranked<'_>],
    location: &localise::Location,
) -> Vec<Gap> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    let best = ranked.first().map_or(0.0, |ranked| ranked.weighed.score);
    let close =
        ranked.iter().filter(|r| r.weighed.rejected.is_none() && r.weighed.score > best - CLOSE);
    let mut found: Vec<Gap> = close.flat_map(|ranked| ranked.weighed.gaps()).collect();
    found.extend(capture.gaps.iter().cloned());
    found.extend(platform.gaps.iter().cloned());
    found.extend(waiting_gap(capture));
    if !location.one_sided.is_empty() {
        let edges: Vec<String> = location.one_sided.iter().map(say::edge).collect();
        found.push(Gap {
            what: format!("only the caller reported on {}", edges.join(", ")),
            why: "added time there may belong to the proxy or to the server".to_owned(),
            remedy: stilltrace_model::signal::EDGE_SERVER_LATENCY.remedy.to_owned(),
            ..Gap::default()
        });
    }
    for gap in found {
        if seen.insert(gap.clone()) {
            all.push(gap);
        }
    }
    all
}

/// Short windows without waiting time cannot tell a full node from a CPU limit.
fn waiting_gap(capture: &Capture) -> Option<Gap> {
    let unmeasured = capture.bursts.values().any(|bursts| bursts.waiting_us.is_none());
    unmeasured.then(|| Gap {
        what: "time that containers were runnable but waited for a CPU was not measured".to_owned(),
        why: "a node that is too full cannot be told from a slow program by CPU use alone"
            .to_owned(),
        remedy: "record run-queue waiting per container on the node (scheduler tracepoints)"
            .to_owned(),
        ..Gap::default()
    })
}

fn empty(
    question: &Question,
    platform: &Platform,
    capture: &Capture,
    verdict: Verdict,
    headline: String,
    mut gaps: Vec<Gap>,
) -> Diagnosis {
    gaps.extend(capture.gaps.iter().cloned());
    gaps.extend(platform.gaps.iter().cloned());
    Diagnosis {
        verdict,
        service: question.service.clone(),
        symptom: None,
        headline,
        hypotheses: Vec::new(),
        frames: Vec::new(),
        rejected: Vec::new(),
        gaps,
        fix: None,
        changes: platform.changes.clone(),
        inputs: inputs(platform),
    }
}

fn inputs(platform: &Platform) -> Inputs {
    Inputs {
        revision: platform.revision.as_ref().map(|revision| revision.0.clone()),
        rules_version: RULES_VERSION.to_owned(),
        ..Inputs::default()
    }
}
