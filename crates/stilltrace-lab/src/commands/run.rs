//! `run`: one scenario, recorded as a capture.

use std::path::{Path, PathBuf};

use anyhow::Result;
use stilltrace_lab::mesh::MeshOptions;
use stilltrace_lab::profile::Profile;
use stilltrace_lab::record::{self, Figures, NOISE_LIMIT_CORES, PhaseFigures, RecordingName};
use stilltrace_lab::run::{self, RunOptions};

/// What to run.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RunArgs {
    /// Folder of the scenario.
    scenario: PathBuf,
    /// Seed of everything that is drawn; also chooses the scenario's variant.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the capture.
    #[arg(long)]
    out: PathBuf,
    /// Short phases and no limit on noise, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// Leave the change out: everything else stays the same.
    #[arg(long)]
    control: bool,
    /// CPU that other programs may use meanwhile, in cores.
    #[arg(long, default_value_t = NOISE_LIMIT_CORES)]
    noise_limit: f64,
    /// Who configures the proxies; `istio` if its control plane is at hand.
    #[arg(long, value_enum)]
    profile: Option<Profile>,
}

/// Runs it.
pub(crate) fn run(args: &RunArgs) -> Result<()> {
    let options = RunOptions { seed: args.seed, quick: args.quick, control: args.control };
    let profile = args.profile.unwrap_or_else(Profile::available);
    record(&args.scenario, options, profile, &args.out, args.noise_limit)
}

/// Runs one scenario and writes its capture.
pub(super) fn record(
    scenario: &Path,
    options: RunOptions,
    profile: Profile,
    out: &Path,
    noise_limit: f64,
) -> Result<()> {
    let mesh = MeshOptions::find(options.seed)?.under(profile)?;
    let run = run::run(scenario, options, mesh, &mut |line| eprintln!("{line}"))?;
    let name = RecordingName::of(&run.incident.name, options, profile);
    let controls = super::moved::control_panels(out, &name)?;
    let recording = record::record(&run, noise_limit, &controls)?;
    let path = record::write(&recording, &run, out)?;
    print(&recording.figures);
    println!("{} ({} KB)", path.display(), std::fs::metadata(&path)?.len() / 1_000);
    Ok(())
}

/// Prints the figures of a run.
fn print(figures: &Figures) {
    println!("{}, {:.2} cores used by others", figures.run, figures.noise_cores);
    println!(
        "       requests   p50 ms   p99 ms  failed %  proxies: mean   15 s  100 ms  throttled s"
    );
    for (name, phase) in [("quiet", figures.quiet), ("fault", figures.fault)] {
        let PhaseFigures { requests, p50_ms, p99_ms, failed_percent, .. } = phase;
        println!(
            "{name}  {requests:8} {p50_ms:8.1} {p99_ms:8.1} {failed_percent:9.2} {:14.3} {:6.3} {:7.3} {:12.2}",
            phase.proxy_mean_cores,
            phase.proxy_15s_cores,
            phase.proxy_100ms_cores,
            phase.throttled_s
        );
    }
}
