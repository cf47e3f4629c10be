//! What reading and editing YAML costs, measured over public GitOps repositories and hostile files.
//!
//! `cargo xtask bench yaml` runs it and keeps the figures. Prints one JSON object; with a name as
//! argument it reads that hostile file and prints what that took.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads files, looks at the clock, starts itself and prints"
)]

#[path = "../../tests/editing/mod.rs"]
mod editing;
mod edits;
#[path = "../files/mod.rs"]
mod files;
#[path = "../../tests/hostile/mod.rs"]
mod hostile;
mod refusing;
mod speed;

use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// To three digits behind the point: what the clock can tell.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn main() {
    let chosen = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    if let Some(name) = chosen {
        println!("{}", refusing::read(&name));
        return;
    }
    let files = files::manifests();
    let record = json!({
        "speed": speed::measure(&files),
        "hostile": refusing::measure(),
        "edits": edits::measure(&files),
    });
    println!("{record:#}");
}
