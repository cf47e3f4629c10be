//! Commit messages: what area a commit touches, never what it does to anybody.
//!
//! One generator writes the messages of all commits, early and late, harmless and not. It sees
//! the files that a commit touches and the sort of work, not the values.

use super::draw::Draw;

/// The sort of work that a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Values of existing files change.
    Tune,
    /// A new version of an application.
    Release,
    /// New files.
    Add,
    /// A file gets another name.
    Move,
    /// Prose.
    Document,
}

const VERBS: &[&str] =
    &["adjust", "update", "revise", "tune", "align", "refresh", "rework", "clean up"];
const BODIES: &[&str] = &[
    "As agreed in the weekly sync.",
    "Follow-up to the last review.",
    "Reviewed with the owners of the callers.",
    "Same values as in the handbook.",
    "Part of the quarterly tidy-up.",
];
const TICKETS: &[&str] = &["OPS", "PLAT", "NET", "SHOP"];

/// The message of a commit that touches a file.
pub(crate) fn write(draw: &mut Draw, work: Work, path: &str) -> String {
    let scope = scope(path);
    let topic = draw.word(topics(path));
    let summary = match work {
        Work::Tune => tuned(draw, &scope, topic),
        Work::Release => {
            let forms = [
                format!("release {scope}"),
                format!("{scope}: new version"),
                format!("deploy {scope}"),
                format!("chore({scope}): bump version"),
            ];
            draw.pick(&forms).cloned().unwrap_or_default()
        }
        Work::Add => {
            let forms = [
                format!("add {scope}"),
                format!("{scope}: first version"),
                format!("onboard {scope}"),
            ];
            draw.pick(&forms).cloned().unwrap_or_default()
        }
        Work::Move => {
            let forms = [
                format!("{scope}: rename files"),
                format!("{scope}: file names as in the handbook"),
                format!("consistent file names for {scope}"),
            ];
            draw.pick(&forms).cloned().unwrap_or_default()
        }
        Work::Document => {
            draw.word(&["docs: wording", "update README", "docs: how to get a review"]).to_owned()
        }
    };
    if draw.chance(0.25) {
        format!("{summary}\n\n{}\n", draw.word(BODIES))
    } else {
        format!("{summary}\n")
    }
}

fn tuned(draw: &mut Draw, scope: &str, topic: &str) -> String {
    let verb = draw.word(VERBS);
    match draw.between(0, 4) {
        0 => format!("{scope}: {verb} {topic}"),
        1 => format!("{verb} {topic} of {scope}"),
        2 => format!("chore({scope}): {topic}"),
        3 => {
            let number = draw.between(100, 4_999);
            format!("{}-{number}: {verb} {scope} {topic}", draw.word(TICKETS))
        }
        _ => format!("{scope}: {topic}"),
    }
}

/// What a file is about: the application, tenant or part of the platform.
fn scope(path: &str) -> String {
    let parts: Vec<_> = path.split('/').collect();
    let stem = parts.last().and_then(|name| name.split('.').next()).unwrap_or("repository");
    let scope = match parts.as_slice() {
        ["apps", .., app, "base", _] | ["apps", .., app, _] => app,
        ["tenants", team, "overlays", _, "kustomization.yaml"] => team,
        ["tenants", _, "overlays", _, _] | ["platform", "istio", "routing", _] => {
            stem.rsplit_once('-').map_or(stem, |(scope, _)| scope)
        }
        ["platform", "istio", "ingress", _] => "ingress",
        ["platform", ..] => "mesh",
        ["clusters", cluster, ..] => cluster,
        _ => "repository",
    };
    scope.to_owned()
}

/// Words for what a file holds.
fn topics(path: &str) -> &'static [&'static str] {
    let name = path.rsplit('/').next().unwrap_or(path);
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["virtualservice", "route", "routing", "vs."]) {
        &["routing", "request policy", "route settings"]
    } else if has(&["destinationrule", "traffic", "dr."]) {
        &["traffic policy", "client policy", "connection settings"]
    } else if has(&["deploy", "sizing"]) {
        &["pod settings", "deployment", "sizing"]
    } else if has(&["hpa", "pdb"]) {
        &["availability", "scaling"]
    } else if has(&["catalog-info"]) {
        &["catalog entry", "metadata"]
    } else if has(&["telemetry"]) {
        &["telemetry", "observability settings"]
    } else {
        &["configuration", "settings", "manifests"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_area() {
        let mut draw = Draw::new(1, "messages");
        for _ in 0..50 {
            let message =
                write(&mut draw, Work::Tune, "apps/orders/basket/base/virtualservice.yaml");
            assert!(message.contains("basket"), "{message}");
        }
        assert_eq!(scope("tenants/orders/overlays/prod/basket-sizing.yaml"), "basket");
        assert_eq!(scope("platform/istio/routing/basket-traffic.yaml"), "basket");
    }
}
