//! `record-all`: every scenario with every variant, controls of each, and whether the faults show.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use stilltrace_lab::profile::Profile;
use stilltrace_lab::record::{NOISE_LIMIT_CORES, RecordingName};
use stilltrace_lab::run::RunOptions;
use stilltrace_lab::scenario::Scenario;

use super::moved::CONTROLS;

/// What to record.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RecordAllArgs {
    /// Folder of scenarios.
    #[arg(default_value = "lab/scenarios")]
    scenarios: PathBuf,
    /// Folder for the captures; what is there already is not recorded again.
    #[arg(long, default_value = "bench/captures")]
    out: PathBuf,
    /// Only every so-manyth scenario: `1/3`, `2/3` and `3/3` together are all.
    #[arg(long, value_parser = shard, default_value = "1/1")]
    shard: (usize, usize),
    /// Leave the controls out.
    #[arg(long)]
    no_controls: bool,
    /// CPU that other programs may use meanwhile, in cores.
    #[arg(long, default_value_t = NOISE_LIMIT_CORES)]
    noise_limit: f64,
    /// Who configures the proxies; `istio` if its control plane is at hand.
    #[arg(long, value_enum)]
    profile: Option<Profile>,
}

/// Reads `PART/PARTS`.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let (part, parts) = text.split_once('/').unwrap_or_default();
    match (part.parse(), parts.parse()) {
        (Ok(part), Ok(parts)) if (1..=parts).contains(&part) => Ok((part, parts)),
        _ => Err("allowed: PART/PARTS, such as 1/3".to_owned()),
    }
}

/// Records them; a run that fails is named and the others go on. Then says whether the faults show:
/// one that does not is no part of a set.
pub(crate) fn run(args: &RecordAllArgs) -> Result<()> {
    let profile = args.profile.unwrap_or_else(Profile::available);
    let mut failed = 0_u32;
    for folder in folders(args)? {
        let scenario = Scenario::read(&folder)?;
        if !scenario.runs_in(profile) {
            let profiles = scenario.profiles.join(", ");
            eprintln!("{}: only in {profiles}, not in {}", folder.display(), profile.name());
            continue;
        }
        for options in runs(&scenario, args.no_controls) {
            if let Err(error) = once(&folder, options, profile, args) {
                eprintln!("{} {}: {error:#}", folder.display(), options.seed);
                failed += 1;
            }
        }
    }
    let unshown = super::moved::check(&args.out)?;
    ensure!(failed == 0, "{failed} runs gave no capture; the same command records them again");
    ensure!(unshown.is_empty(), "not in the set, for they do not show: {}", unshown.join(", "));
    Ok(())
}

/// The folders of this shard's scenarios.
fn folders(args: &RecordAllArgs) -> Result<Vec<PathBuf>> {
    let mut all: Vec<_> = std::fs::read_dir(&args.scenarios)
        .with_context(|| args.scenarios.display().to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("scenario.yaml").is_file())
        .collect();
    all.sort();
    let (part, parts) = args.shard;
    Ok(all.into_iter().skip(part - 1).step_by(parts).collect())
}

/// The controls, of which there are enough to know the noise, and one run of each variant: what a
/// dashboard hides is told by the controls that are there.
fn runs(scenario: &Scenario, no_controls: bool) -> Vec<RunOptions> {
    let variants = scenario.variants.len().max(1);
    let controls = if no_controls { 0 } else { variants.max(CONTROLS) };
    let run = |control| move |seed: usize| RunOptions { seed: seed as u64, quick: false, control };
    let without = (1..=controls).map(run(true));
    without.chain((1..=variants).map(run(false))).collect()
}

/// Records one run unless its capture exists.
fn once(folder: &Path, options: RunOptions, profile: Profile, args: &RecordAllArgs) -> Result<()> {
    let scenario = folder.file_name().unwrap_or_default().to_string_lossy();
    let name = RecordingName::of(&scenario, options, profile);
    if args.out.join(format!("{name}.stilltrace")).exists() {
        return Ok(());
    }
    super::run::record(folder, options, profile, &args.out, args.noise_limit)
}
