//! `cargo xtask tidy`: the rules of the repository that no compiler checks.
//!
//! A rule is one file below `tidy/`: it looks, and says what it found in whole sentences that begin
//! with the place. Limits that nothing checks decay, so the numbers are printed on every run.

mod crates;
mod generated;
mod links;
mod names;
mod numbers;
mod text;
mod weight;

use std::path::Path;

use anyhow::{Result, bail};

use crate::workspace;

/// What a rule has to say: numbers worth knowing, and what breaks the rule.
#[derive(Debug, Default)]
struct Findings {
    /// Lines to print in any case.
    notes: Vec<String>,
    /// Breaches, each beginning with its place.
    problems: Vec<String>,
}

impl Findings {
    /// Adds a line to print in any case.
    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Adds a breach.
    fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }
}

/// The repository as the rules see it.
struct Repository<'a> {
    /// Its root.
    root: &'a Path,
    /// Files that are, or would be, committed.
    files: Vec<String>,
}

impl Repository<'_> {
    /// Every Rust file with its text.
    fn rust(&self) -> Result<Vec<(&str, String)>> {
        let mut sources = Vec::new();
        for path in self.files.iter().filter(|path| workspace::has_extension(path, "rs")) {
            if let Some(source) = workspace::source(self.root, path)? {
                sources.push((path.as_str(), source));
            }
        }
        Ok(sources)
    }
}

/// Applies every rule; all of them speak before the run fails.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root()?;
    let repository = Repository { root: &root, files: workspace::files(&root)? };
    let mut findings = Findings::default();
    let rules = [
        numbers::check,
        crates::check,
        names::check,
        text::check,
        links::check,
        weight::check,
        generated::check,
    ];
    for rule in rules {
        if let Err(error) = rule(&repository, &mut findings) {
            findings.problem(format!("{error:#}"));
        }
    }
    for note in &findings.notes {
        println!("  {note}");
    }
    for problem in &findings.problems {
        println!("  {problem}");
    }
    match findings.problems.len() {
        0 => Ok(()),
        1 => bail!("one breach of the rules"),
        count => bail!("{count} breaches of the rules"),
    }
}
