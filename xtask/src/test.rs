//! `cargo xtask test`: everything that must hold before a change lands.
//!
//! Steps run in the order of how soon they can fail, all in the development profile, so that each
//! crate is built once for checking and once for running. The first step that fails ends the run.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::{cargo, run as run_command};
use crate::install::{self, Installed};
use crate::totals::Totals;
use crate::{tidy, workspace};

/// Runs all steps and ends with one line of totals.
pub(crate) fn run() -> Result<()> {
    let start = Instant::now();
    let root = workspace::root()?;
    let installed = step("install", || Ok(install::run(&root)))?;
    step("format", || run_command(cargo(&root).args(["fmt", "--all", "--check"])))?;
    step("clippy", || clippy(&root))?;
    step("documentation", || documentation(&root))?;
    let totals = step("tests", || tests(&root, &installed))?;
    step("tidy", tidy::run)?;
    println!("== all steps passed in {}", shown(start.elapsed()));
    println!("{totals}");
    Ok(())
}

/// Announces a step, runs it and says how long it took.
fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("== {name}");
    let start = Instant::now();
    let outcome = work();
    let elapsed = shown(start.elapsed());
    match &outcome {
        Ok(_) => println!("== {name}: passed in {elapsed}"),
        Err(_) => println!("== {name}: FAILED after {elapsed}"),
    }
    outcome.with_context(|| format!("step `{name}`"))
}

/// All targets, warnings denied.
fn clippy(root: &Path) -> Result<()> {
    let mut clippy = cargo(root);
    clippy.args(["clippy", "--quiet", "--workspace", "--all-targets", "--locked"]);
    run_command(clippy.args(["--", "-D", "warnings"]))
}

/// The documentation of the workspace alone, warnings denied.
///
/// No crate is published: its documentation is for those who change it, so private items are part of
/// it, and links to them lead somewhere.
fn documentation(root: &Path) -> Result<()> {
    let mut doc = cargo(root);
    doc.args([
        "doc",
        "--quiet",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--locked",
    ]);
    run_command(doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links"))
}

/// All tests; shows failures, skips and the totals of each binary, not every name that passed.
fn tests(root: &Path, installed: &Installed) -> Result<Totals> {
    let mut test = cargo(root);
    test.args(["test", "--workspace", "--locked", "--no-fail-fast", "--", "--show-output"]);
    // Tests compare; only `cargo xtask gen` rewrites.
    installed.apply(&mut test).env_remove("UPDATE_EXPECT").stdout(Stdio::piped());
    let mut child = test.spawn().context("cannot start `cargo test`")?;
    let stdout = child.stdout.take().context("`cargo test` has no output")?;
    let lines = lines_of(stdout);
    let mut totals = Totals::default();
    let status = loop {
        match lines.recv_timeout(Duration::from_millis(500)) {
            Ok(line) if totals.read(&line) => println!("{line}"),
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => break child.wait(),
            // A process that a test left behind may hold the output open; do not wait for it.
            Err(RecvTimeoutError::Timeout) => match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => break Ok(status),
                Err(error) => break Err(error),
            },
        }
    };
    let status = status.context("cannot wait for `cargo test`")?;
    if !status.success() {
        println!("{totals}");
        bail!("`cargo test` failed ({status})");
    }
    if totals.passed == 0 {
        bail!("no test ran");
    }
    Ok(totals)
}

/// The lines that arrive, read on a thread of their own.
fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Seconds, or minutes and seconds.
fn shown(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    format!("{} min {:02} s", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}
