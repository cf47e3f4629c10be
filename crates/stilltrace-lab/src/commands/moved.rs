//! `moved`: whether every fault of a folder of recordings shows beyond the noise of its controls.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use stilltrace_lab::record::Moved;
use stilltrace_lab::shown::{Fate, fate, noise};

/// Controls that a fault should be held against.
const CONTROLS: usize = 3;

/// What to check.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MovedArgs {
    /// Folder of recordings with their `NAME.figures.json`.
    folder: PathBuf,
}

/// What is read of a recording's figures.
#[derive(Debug, Deserialize)]
struct Recorded {
    #[serde(default)]
    moves: Vec<Moved>,
}

/// Recordings of one scenario: by name, faults and controls.
#[derive(Debug, Default)]
struct Recordings {
    faults: BTreeMap<String, Vec<Moved>>,
    controls: Vec<Moved>,
    runs: usize,
}

/// Prints how each signal fared; fails if one did not do what it must.
pub(crate) fn run(args: &MovedArgs) -> Result<()> {
    let mut failed = 0;
    for (scenario, recordings) in read(args)? {
        if recordings.runs < CONTROLS {
            println!("{scenario}: {} controls, {CONTROLS} would tell more", recordings.runs);
        }
        for (name, moves) in &recordings.faults {
            for moved in moves {
                let same = |control: &&Moved| {
                    control.wanted.signal == moved.wanted.signal
                        && control.wanted.flag == moved.wanted.flag
                        && control.wanted.metric == moved.wanted.metric
                        && control.wanted.of == moved.wanted.of
                };
                let controls: Vec<_> = recordings.controls.iter().filter(same).cloned().collect();
                let noise = noise(&controls);
                let fate = fate(moved, noise);
                failed += u32::from(fate != Fate::Shown);
                let signal = serde_json::to_value(moved.wanted.signal)?;
                println!(
                    "{name:32} {:16} {:14} {:10.3} {:10.3} {:>10} noise {noise:.3}  {fate:?}",
                    signal.as_str().unwrap_or_default(),
                    moved.wanted.of.as_deref().unwrap_or("-"),
                    moved.quiet,
                    moved.fault,
                    moved.recovered.map_or_else(|| "-".to_owned(), |after| format!("{after:.3}")),
                );
            }
        }
    }
    ensure!(failed == 0, "{failed} signals did not do what their scenarios say");
    Ok(())
}

/// The figures of all recordings, by scenario.
fn read(args: &MovedArgs) -> Result<BTreeMap<String, Recordings>> {
    let mut all: BTreeMap<String, Recordings> = BTreeMap::new();
    let folder =
        std::fs::read_dir(&args.folder).with_context(|| args.folder.display().to_string())?;
    for path in folder.filter_map(|entry| Some(entry.ok()?.path())) {
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(name) = file.as_deref().and_then(|name| name.strip_suffix(".figures.json")) else {
            continue;
        };
        let recorded: Recorded = serde_json::from_slice(&std::fs::read(&path)?)
            .with_context(|| path.display().to_string())?;
        let (run, control) = match name.strip_suffix("-control") {
            Some(run) => (run, true),
            None => (name, false),
        };
        let scenario = run.rsplit_once('-').map_or(run, |(scenario, _)| scenario);
        let recordings = all.entry(scenario.to_owned()).or_default();
        if control {
            recordings.runs += 1;
            recordings.controls.extend(recorded.moves);
        } else {
            recordings.faults.insert(name.to_owned(), recorded.moves);
        }
    }
    Ok(all)
}
