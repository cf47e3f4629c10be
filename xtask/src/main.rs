//! The task runner of the repository, and the only one: `cargo xtask TASK`.
//!
//! One file per task. A task runs the ordinary tools (`cargo`, `git`, `pip`, `apt-get`) and says what
//! it did; nothing of the product lives here.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to its terminal"
)]

mod ansi;
mod bench;
mod bench_yaml;
mod command;
mod control_plane;
mod generate;
mod install;
mod istio;
mod lab;
mod picture;
mod rust_text;
mod test;
mod tidy;
mod totals;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// What `cargo xtask` prints when it is not told what to do.
const USAGE: &str = "\
usage: cargo xtask TASK

  test            install what the tests need, then format, clippy, documentation, tests, tidy
  tidy            print the house numbers and enforce the rules of the repository
  gen             write every generated file anew: schema, tables of fields (from Go modules), mechanism
                  and command pages, README picture
  bench demo      measure the cold build and `stilltrace demo`, and keep the figures under bench/
  bench yaml      measure reading and editing of YAML, and keep the figures under bench/
  bench render    build real repositories beside the real kustomize (needs Go), and compare bytes
  bench helm      render the charts of real repositories, and count the scalars that are proven
                  (yaml, render and helm take names of folders of gitops-repos: only these are
                  measured, and nothing is kept)
  bench settings  read a repository of 10,000 files into effective settings
  lab ARGS…       run the laboratory (`cargo xtask lab --help`)
  lab tools       build istio-xds, with which tests compare our reader
  lab tools cluster
                  build and install a whole control plane for the laboratory: about 25 minutes of CPU
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the task that the first word names.
fn run(args: &[String]) -> Result<()> {
    let Some((task, rest)) = args.split_first() else {
        print!("{USAGE}");
        return Ok(());
    };
    match (task.as_str(), rest) {
        ("test", []) => test::run(),
        ("tidy", []) => tidy::run(),
        ("gen", []) => generate::run(),
        ("bench", [what]) if what == "demo" => bench::run(),
        ("bench", [what, only @ ..]) if what == "yaml" => bench_yaml::run(only),
        ("bench", [what, only @ ..]) if what == "helm" => bench::helm::run(only),
        ("bench", [what, only @ ..]) if what == "render" => bench::render::run(only),
        ("bench", [what]) if what == "settings" => bench::settings::run(),
        ("lab", rest) => lab::run(rest),
        // Not in the usage: `bench` runs itself under these names to measure one program.
        (bench::MEASURE, rest) => bench::measure(rest),
        (bench::render::EACH, rest) => bench::render::each(rest),
        ("help" | "-h" | "--help", _) => {
            print!("{USAGE}");
            Ok(())
        }
        _ => bail!("cannot run `{}`\n\n{USAGE}", args.join(" ")),
    }
}
