//! How often and how much memory is asked for while manifests are parsed.
//!
//! Apart from the timed figures, because counting slows every request down. Prints one JSON object.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads files and prints"
)]

mod files;

use std::alloc::System;

use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use stilltrace_manifest::yaml::{Entry, Parsed, parse};
use stilltrace_manifest::{Budget, Mark, Node};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let files = files::manifests();
    let region = Region::new(COUNTED);
    let parsed: Vec<Parsed> =
        files.iter().map(|(path, bytes)| parse(path, bytes, &Budget::default())).collect();
    let change = region.change();
    let documents = parsed.iter().flat_map(|parsed| &parsed.documents);
    let nodes: usize = documents.map(|document| document.nodes).sum();
    let per_node = |count: usize| (count as f64 / nodes as f64 * 100.0).round() / 100.0;
    let held = change.bytes_allocated - change.bytes_deallocated;
    let record = json!({
        "values": nodes,
        "allocations_per_value": per_node(change.allocations + change.reallocations),
        "bytes_held_per_value": per_node(held),
        "bytes_held": held,
        "bytes_of_a_mark": size_of::<Mark>(),
        "bytes_of_a_node": size_of::<Node>(),
        "bytes_of_an_entry": size_of::<Entry>(),
    });
    println!("{record:#}");
}
