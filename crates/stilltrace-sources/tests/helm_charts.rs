//! The charts of public GitOps repositories, rendered with the line that set every scalar.
//!
//! Skipped, with the reason, where there is no `helm` or no corpus. Every fifteenth chart by default;
//! with `STILLTRACE_CHARTS` all whose folder holds that text, listed with what is not proven: with
//! an empty text all there are, as for the table in `bench/`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests read corpora from the disk, say why they skip and publish what they count"
)]

mod charts;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stilltrace_manifest::helm::{HelmBuild, HelmRequest, Located, render};
use stilltrace_manifest::{MemoryTree, ParseCache};
use stilltrace_sources::HelmProgram;

/// What was counted over all charts.
#[derive(Default)]
struct Totals {
    rendered: usize,
    refused: usize,
    runs: usize,
    located: BTreeMap<Located, usize>,
    wrong: Vec<String>,
    times: Vec<Duration>,
}

#[test]
fn nine_of_ten_scalars_of_public_charts_are_proven_and_all_are_where_they_are_said_to_be() {
    let Some(corpus) = charts::corpus() else { return };
    let helm = match HelmProgram::find() {
        Ok(helm) => helm,
        Err(refusal) => return eprintln!("skipped: {refusal}"),
    };
    let chosen = std::env::var("STILLTRACE_CHARTS").ok();
    let mut totals = Totals::default();
    for tree in charts::trees(&corpus) {
        let mut requests = charts::requests(&tree);
        if let Some(chosen) = &chosen {
            requests.retain(|request| request.chart.contains(chosen));
        }
        for request in requests.iter().step_by(if chosen.is_some() { 1 } else { 15 }) {
            let start = Instant::now();
            let build = render(&helm, &tree, request, &ParseCache::new());
            let elapsed = start.elapsed();
            totals.add(&tree, request, &build, elapsed, chosen.is_some());
        }
    }
    totals.print();
    assert!(totals.wrong.is_empty(), "{}", totals.wrong.join("\n"));
    let count = |located| totals.located.get(&located).copied().unwrap_or(0);
    let proven = count(Located::Value) + count(Located::Release) + count(Located::Literal);
    let scalars: usize = totals.located.values().sum();
    assert!(proven * 10 >= scalars * 9, "{proven} of {scalars}");
}

impl Totals {
    fn add(
        &mut self,
        tree: &MemoryTree,
        request: &HelmRequest,
        build: &HelmBuild,
        elapsed: Duration,
        verbose: bool,
    ) {
        let chart = &request.chart;
        if build.text.is_empty() {
            self.refused += 1;
            return;
        }
        self.rendered += 1;
        self.runs += build.renders;
        self.times.push(elapsed);
        let mut own: BTreeMap<Located, usize> = BTreeMap::new();
        for one in &build.objects {
            let leaves = one.object.root.leaves();
            assert_eq!(leaves.len(), one.located.len(), "{chart}: {}", one.template);
            for ((path, node), located) in leaves.into_iter().zip(&one.located) {
                let Some(text) = node.text() else { continue };
                *own.entry(*located).or_default() += 1;
                if !charts::holds(tree, node, *located) {
                    let how = node.derivation();
                    let line =
                        format!("{chart}: {path} = {text:?}: {located:?} {how:?} {}", node.mark);
                    self.wrong.push(line);
                } else if verbose && *located >= Located::Template {
                    println!("  {located:?} {path} = {text:?} at {}", node.mark);
                }
            }
        }
        let layer = request.values.first();
        println!("{chart} {layer:?}: {} runs in {elapsed:.2?}, {own:?}", build.renders);
        for (located, count) in own {
            *self.located.entry(located).or_default() += count;
        }
    }

    fn print(&mut self) {
        self.times.sort();
        let scalars: usize = self.located.values().sum();
        println!("{} charts rendered, {} refused, {} runs", self.rendered, self.refused, self.runs);
        for (located, count) in &self.located {
            let share = 100.0 * *count as f64 / scalars as f64;
            println!("{located:?}: {count} scalars, {share:.1} %");
        }
        let at = |part: usize| self.times.get(self.times.len() * part / 100).copied();
        println!("median {:?}, 95 % {:?}, slowest {:?}", at(50), at(95), self.times.last());
    }
}
