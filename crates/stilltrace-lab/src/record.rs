//! Turns a run into a capture.

mod bursts;
mod calls;
mod dashboard;
pub(crate) mod drift;
mod events;
mod figures;
mod logs;
mod manifest;
mod moves;
mod name;
mod objects;
mod samples;
mod witnessed;

use std::path::Path;

use stilltrace_capture::{BundleWriter, CaptureError};
use stilltrace_model::{Question, ServiceId, Timestamp, Window};

use crate::envoy::stats::Kept;
use crate::harvest::Noise;
use crate::rendered::RenderError;
use crate::run::Run;
use crate::truth;

pub use dashboard::{Panel, Series};
pub use figures::{Figures, PhaseFigures};
pub use moves::Moved;
pub use name::RecordingName;

/// CPU that everything but the lab's containers may use while recording, in cores. Clients and
/// sampler, which are outside every container, take about a tenth of one.
pub const NOISE_LIMIT_CORES: f64 = 0.35;
/// Name of the samples that only the widened view has.
const WIDENED_SAMPLES: &str = "widened";
/// Time that the hypervisor may steal while recording, in cores.
const STEAL_LIMIT_CORES: f64 = 0.05;

/// End of the file names of captures with the widened view.
pub const WIDENED_CAPTURE: &str = ".widened.stilltrace";

/// A capture with what it shows.
#[derive(Debug)]
pub struct Recording {
    /// The capture, with the statistics that a stock installation shows.
    pub bundle: BundleWriter,
    /// The same with those of the widened view beside them; absent where proxies kept none.
    pub widened: Option<BundleWriter>,
    /// What the clients and the proxies went through.
    pub figures: Figures,
    /// What is to be found, as in the capture's `truth.json`.
    pub truth: Vec<u8>,
}

/// Why a run is no capture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Other programs used the machine.
    #[error(
        "rejected: other programs used {used:.2} cores while recording, and at most {limit:.2} are \
         allowed; stop them and record again"
    )]
    Noise {
        /// What they used, in cores.
        used: f64,
        /// What is allowed, in cores.
        limit: f64,
    },
    /// The hypervisor took the CPU away.
    #[error(
        "rejected: {used:.2} cores were stolen by the hypervisor while recording, and at most \
         {limit:.2} are allowed; record again later"
    )]
    Steal {
        /// What was stolen, in cores.
        used: f64,
        /// What is allowed, in cores.
        limit: f64,
    },
    /// The repository with an edit by hand in it cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The capture cannot be written.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The change is not in the repository, so there is no truth to tell.
    #[error("the commit of the change was not written")]
    NoChange,
}

/// Makes the capture of a run, or says why it is not fit to be one. A quick run is never rejected
/// for noise. `controls` are the panels of runs of the scenario without its change, from which follows
/// what a dashboard hides.
pub fn record(
    run: &Run,
    noise_limit: f64,
    controls: &[Vec<Panel>],
) -> Result<Recording, RecordError> {
    if !run.options.quick {
        fit(&run.records.noise, noise_limit)?;
    }
    let figures = figures::of(run, controls);
    let mut bundle = BundleWriter::new(manifest::of(run));
    bundle.repository(&run.folder.path().join("repo.git"))?;
    bundle.samples("prometheus", &samples::stock(run));
    bundle.bursts(&bursts::of(run))?;
    bundle.calls(&calls::of(run));
    let containers: Vec<_> =
        run.records.containers.iter().map(crate::pods::ContainerEntry::model_id).collect();
    bundle.containers(&containers);
    if let Some(evidence) = &run.records.cluster {
        bundle.events(&witnessed::events(evidence));
        bundle.file("objects.jsonl", witnessed::objects(evidence).into_bytes())?;
        bundle.file("audit.jsonl", witnessed::audit(evidence).into_bytes())?;
    } else {
        bundle.events(&events::of(run));
        bundle.file("objects.jsonl", objects::of(run)?.into_bytes())?;
    }
    bundle.file("logs.jsonl", logs::of(run).into_bytes())?;
    let truth = truth::of(run, &figures).ok_or(RecordError::NoChange)?;
    bundle.truth(truth.clone());
    Ok(Recording { widened: widened(run, &bundle), bundle, figures, truth })
}

/// The capture with the widened view in it.
fn widened(run: &Run, stock: &BundleWriter) -> Option<BundleWriter> {
    if run.incident.scenario.statistics == Kept::Stock {
        return None;
    }
    let mut bundle = stock.clone();
    bundle.samples(WIDENED_SAMPLES, &samples::widened(run));
    bundle.manifest_mut().sources.push(manifest::widened_source());
    Some(bundle)
}

/// Whether the machine was quiet enough for a capture.
fn fit(noise: &Noise, limit: f64) -> Result<(), RecordError> {
    if noise.other_cores > limit {
        return Err(RecordError::Noise { used: noise.other_cores, limit });
    }
    if noise.steal_cores > STEAL_LIMIT_CORES {
        let (used, limit) = (noise.steal_cores, STEAL_LIMIT_CORES);
        return Err(RecordError::Steal { used, limit });
    }
    Ok(())
}

/// Writes a recording into a folder: `NAME.stilltrace`, with `NAME.truth.json` and
/// `NAME.figures.json` beside it, and `NAME.widened.stilltrace`. Returns the path of the capture.
pub fn write(
    recording: &Recording,
    run: &Run,
    folder: &Path,
) -> anyhow::Result<std::path::PathBuf> {
    std::fs::create_dir_all(folder)?;
    let name = RecordingName::of(&run.incident.name, run.options, run.records.profile);
    let path = folder.join(format!("{name}.stilltrace"));
    recording.bundle.write_file(&path)?;
    if let Some(widened) = &recording.widened {
        widened.write_file(&folder.join(format!("{name}{WIDENED_CAPTURE}")))?;
    }
    let figures = serde_json::to_string_pretty(&recording.figures)?;
    std::fs::write(folder.join(format!("{name}.figures.json")), figures + "\n")?;
    std::fs::write(folder.join(format!("{name}.truth.json")), &recording.truth)?;
    Ok(path)
}

/// What is asked about a run.
fn question(run: &Run) -> Question {
    Question { service: victim(run), window: window(run), target_seconds: None }
}

/// The service whose callers suffer.
pub(crate) fn victim(run: &Run) -> ServiceId {
    service_id(run, &run.incident.scenario.victim)
}

/// The service of the topology with this name.
pub(crate) fn service_id(run: &Run, name: &str) -> ServiceId {
    let service = run.incident.topology.services.iter().find(|service| service.name == name);
    ServiceId::new(service.map_or("", |service| service.namespace.as_str()), name)
}

/// The recording's window.
fn window(run: &Run) -> Window {
    Window { from: Timestamp(run.start_ms), to: Timestamp(run.end_ms()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_on_a_busy_machine_is_no_capture_and_says_why() {
        let noise =
            |other_cores, steal_cores| Noise { other_cores, steal_cores, ..Noise::default() };
        assert!(fit(&noise(0.1, 0.01), 0.35).is_ok());
        let busy = fit(&noise(0.5, 0.0), 0.35).err().map(|error| error.to_string());
        assert!(busy.is_some_and(|text| text.contains("0.50") && text.contains("0.35")));
        assert!(matches!(fit(&noise(0.1, 0.2), 0.35), Err(RecordError::Steal { .. })));
    }
}
