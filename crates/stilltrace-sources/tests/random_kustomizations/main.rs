//! Random kustomizations, built by us and by the real program: the same bytes, or both refuse.
//!
//! `STILLTRACE_KUSTOMIZE` names the real program; `STILLTRACE_INPUTS` and `STILLTRACE_SEED` draw
//! more or other inputs than the few of an ordinary run, `STILLTRACE_KEEP` a folder for those that
//! differ.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a failure is the test's result; tests say why they skip"
)]

mod draw;
mod features;
mod json_patches;
mod layers;
mod objects;
mod reference;
mod values;

use draw::Draw;
use reference::{Counts, Files, extent, program};

fn compare(inputs: usize, draw: fn(&mut Draw) -> Files) {
    let Some(program) = program() else { return };
    let (first, inputs) = extent(inputs);
    let mut counts = Counts::default();
    for seed in (first..).take(inputs) {
        counts.compare(&program, seed, &draw(&mut Draw::new(seed)));
    }
    counts.verdict();
}

#[test]
fn json_patches_over_odd_values_give_the_same_bytes() {
    compare(40, json_patches::draw);
}

#[test]
fn layers_of_everything_give_the_same_bytes() {
    compare(40, layers::draw);
}

#[test]
fn seldom_used_features_give_the_same_bytes() {
    compare(40, features::draw);
}
