//! `cargo xtask bench helm`: the charts of public repositories, as they are and with the last
//! `values-*.yaml` beside their values. Prints one JSON document: what was proven, what was not and
//! by which actions it was written, what was refused and why, and what it took.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark reads a corpus from the disk and prints its figures"
)]

#[path = "../tests/charts/mod.rs"]
mod charts;

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};
use stilltrace_manifest::helm::{HelmBuild, HelmRequest, Located, render};
use stilltrace_manifest::{MemoryTree, ParseCache, Tree};
use stilltrace_sources::HelmProgram;

#[derive(Default)]
struct Figures {
    rendered: usize,
    empty: usize,
    runs: usize,
    located: BTreeMap<Located, usize>,
    wrong: usize,
    milliseconds: Vec<f64>,
    refused: Vec<Value>,
    actions: BTreeMap<String, usize>,
}

fn main() {
    let (Some(corpus), Ok(helm)) = (charts::corpus(), HelmProgram::find()) else {
        return println!("{}", json!({ "skipped": "no corpus or no helm" }));
    };
    let mut figures = Figures::default();
    for tree in charts::trees(&corpus) {
        for request in chosen(charts::requests(&tree)) {
            let start = Instant::now();
            let build = render(&helm, &tree, &request, &ParseCache::new());
            figures.add(&tree, &request, &build, start.elapsed().as_secs_f64() * 1e3);
        }
    }
    println!("{}", figures.into_json());
}

/// Of each chart the first request, without values, and the last one.
fn chosen(requests: Vec<HelmRequest>) -> Vec<HelmRequest> {
    let mut chosen: Vec<HelmRequest> = Vec::new();
    for request in requests {
        let count = chosen.iter().rev().take_while(|one| one.chart == request.chart).count();
        if count > 1 {
            chosen.pop();
        }
        chosen.push(request);
    }
    chosen
}

impl Figures {
    fn add(&mut self, tree: &MemoryTree, request: &HelmRequest, build: &HelmBuild, elapsed: f64) {
        if build.text.is_empty() {
            let values = request.values.first().map(|layer| format!("{layer:?}"));
            let reason = build.problems.last().map(ToString::to_string);
            self.refused
                .push(json!({ "chart": request.chart, "values": values, "reason": reason }));
            return;
        }
        self.rendered += 1;
        self.runs += build.renders;
        self.milliseconds.push(elapsed);
        self.empty += usize::from(build.objects.is_empty());
        for one in &build.objects {
            for ((_, node), located) in one.object.root.leaves().into_iter().zip(&one.located) {
                if node.text().is_none() {
                    continue;
                }
                *self.located.entry(*located).or_default() += 1;
                self.wrong += usize::from(!charts::holds(tree, node, *located));
                if *located >= Located::Template {
                    let source = tree.read(&node.mark.path).unwrap().unwrap_or_default();
                    let source = String::from_utf8_lossy(&source);
                    let action = source.get(node.mark.range()).unwrap_or("").to_owned();
                    *self.actions.entry(action).or_default() += 1;
                }
            }
        }
    }

    fn into_json(mut self) -> Value {
        self.milliseconds.sort_by(f64::total_cmp);
        let at = |part: usize| self.milliseconds.get(self.milliseconds.len() * part / 100).copied();
        let mut actions: Vec<(String, usize)> = self.actions.into_iter().collect();
        actions.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let located = self.located.iter().map(|(located, count)| (format!("{located:?}"), *count));
        json!({
            "rendered": self.rendered,
            "without_objects": self.empty,
            "runs_of_helm": self.runs,
            "scalars": located.collect::<BTreeMap<_, _>>(),
            "wrong_places": self.wrong,
            "milliseconds": {
                "median": at(50), "p95": at(95), "slowest": self.milliseconds.last(),
                "sum": self.milliseconds.iter().sum::<f64>(),
            },
            "not_proven_by_action": actions,
            "refused": self.refused,
        })
    }
}
