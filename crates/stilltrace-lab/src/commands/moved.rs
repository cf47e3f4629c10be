//! `moved`: whether every fault of a folder of recordings shows beyond the noise of its controls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use stilltrace_lab::hidden;
use stilltrace_lab::record::{Moved, Panel, RecordingName};
use stilltrace_lab::shown::{Fate, fate, noise};

/// Controls that a fault should be held against.
pub(super) const CONTROLS: usize = 3;

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
    #[serde(default)]
    panels: Vec<Panel>,
}

/// Recordings of one scenario in one profile: faults by name, and the signals of each control.
#[derive(Debug, Default)]
struct Recordings {
    faults: BTreeMap<String, Recorded>,
    controls: Vec<Recorded>,
}

/// A scenario, and whether it was recorded in profile `cluster`.
type Group = (String, bool);

fn group(name: &RecordingName) -> Group {
    (name.scenario.clone(), name.in_cluster)
}

/// Prints how each signal fared; fails if one did not do what it must.
pub(crate) fn run(args: &MovedArgs) -> Result<()> {
    let failed = check(&args.folder)?;
    ensure!(failed.is_empty(), "not what their scenarios say: {}", failed.join(", "));
    Ok(())
}

/// Prints how each signal of the recordings in a folder fared. Returns the recordings of which one
/// did not do what it must: they do not belong in a set.
pub(super) fn check(folder: &Path) -> Result<Vec<String>> {
    println!(
        "{:32} {:16} {:14} {:>10} {:>10} {:>10} {:>10}",
        "recording", "signal", "of", "quiet", "fault", "recovered", "noise"
    );
    let mut failed = Vec::new();
    for ((scenario, _), recordings) in read(folder)? {
        let controls = recordings.controls.len();
        if controls < CONTROLS {
            println!("{scenario}: {controls} controls, {CONTROLS} would tell more");
        }
        for (name, recorded) in &recordings.faults {
            let fates = recorded.moves.iter().enumerate().map(|(place, moved)| {
                let noise = noise(&likewise(place, moved, &recordings.controls));
                let fate = fate(moved, noise);
                println!("{}", line(name, moved, noise, fate));
                fate
            });
            // Each is printed before any of them decides.
            if fates.collect::<Vec<_>>().iter().any(|fate| *fate != Fate::Shown) {
                failed.push(name.clone());
            }
            println!("{name:32} {}", dashboard(&recorded.panels, &recordings.controls));
        }
    }
    Ok(failed)
}

/// The signal at a place of the scenario's list as the controls have it. Names are no guide: seeds
/// have names of their own.
fn likewise(place: usize, moved: &Moved, controls: &[Recorded]) -> Vec<Moved> {
    let same = |control: &&Moved| {
        control.wanted.signal == moved.wanted.signal && control.wanted.flag == moved.wanted.flag
    };
    controls.iter().filter_map(|one| one.moves.get(place).filter(same).cloned()).collect()
}

/// What a dashboard with one sample in 15 s shows of a recording.
fn dashboard(panels: &[Panel], controls: &[Recorded]) -> String {
    let controls: Vec<Vec<Panel>> = controls.iter().map(|one| one.panels.clone()).collect();
    match hidden::seen(panels, &controls).as_deref() {
        None => "hidden in 15 s: no control to tell".to_owned(),
        Some([]) => "hidden in 15 s".to_owned(),
        Some([first, rest @ ..]) => {
            let ((_, quiet), (_, fault)) = (first.quiet, first.fault);
            format!(
                "seen in 15 s: {:?} of {} {quiet} -> {fault}, and {} more",
                first.series,
                first.of,
                rest.len()
            )
        }
    }
}

/// The panels of all controls of a recording in a folder, which may not exist yet.
pub(super) fn control_panels(folder: &Path, name: &RecordingName) -> Result<Vec<Vec<Panel>>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let recordings = read(folder)?.remove(&group(name)).unwrap_or_default();
    Ok(recordings.controls.into_iter().map(|one| one.panels).collect())
}

fn line(name: &str, moved: &Moved, noise: f64, fate: Fate) -> String {
    let signal = serde_json::to_value(moved.wanted.signal).unwrap_or_default();
    let recovered = moved.recovered.map_or_else(|| "-".to_owned(), |after| format!("{after:.3}"));
    format!(
        "{name:32} {:16} {:14} {:10.3} {:10.3} {recovered:>10} {noise:10.3}  {fate}",
        signal.as_str().unwrap_or_default(),
        moved.wanted.of.as_deref().unwrap_or("-"),
        moved.quiet,
        moved.fault,
    )
}

/// The figures of all recordings, by scenario and profile; files of other names are passed over.
fn read(folder: &Path) -> Result<BTreeMap<Group, Recordings>> {
    let mut all: BTreeMap<Group, Recordings> = BTreeMap::new();
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let stem = file.as_deref().and_then(|name| name.strip_suffix(".figures.json"));
        let Some(name) = stem.and_then(RecordingName::parse) else { continue };
        let recorded: Recorded = serde_json::from_slice(&std::fs::read(&path)?)
            .with_context(|| path.display().to_string())?;
        let recordings = all.entry(group(&name)).or_default();
        if name.control {
            recordings.controls.push(recorded);
        } else {
            recordings.faults.insert(name.to_string(), recorded);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(quiet: f64, fault: f64, recovered: f64) -> String {
        format!(
            r#"{{"moves": [{{"wanted": {{"signal": "client-p99", "direction": "rises"}},
                "quiet": {quiet}, "fault": {fault}, "recovered": {recovered}}}]}}"#
        )
    }

    #[test]
    fn recordings_that_do_not_leave_the_noise_of_their_controls_are_named() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(format!("{name}.figures.json")), text)
        };
        write("slow-1", figures(30.0, 300.0, 31.0))?;
        write("slow-2", figures(30.0, 42.0, 31.0))?;
        write("stuck-1", figures(30.0, 300.0, 290.0))?;
        // Controls of another profile say nothing about this one.
        write("slow-1-cluster", figures(30.0, 42.0, 31.0))?;
        for seed in 1..=3 {
            write(&format!("slow-{seed}-control"), figures(30.0, 38.0 + f64::from(seed), 30.0))?;
        }
        assert_eq!(check(folder.path())?, ["slow-2", "stuck-1"]);
        Ok(())
    }
}
