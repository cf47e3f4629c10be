//! `record-all`: every scenario with every variant, and the control of each.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use stilltrace_lab::profile::Profile;
use stilltrace_lab::record::NOISE_LIMIT_CORES;
use stilltrace_lab::run::RunOptions;
use stilltrace_lab::scenario::Scenario;

/// What to record.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RecordAllArgs {
    /// Folder of scenarios.
    #[arg(default_value = "lab/scenarios")]
    scenarios: PathBuf,
    /// Folder for the captures; what is there already is not recorded again.
    #[arg(long, default_value = "bench/captures")]
    out: PathBuf,
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

/// Records them; a run that fails is named and the others go on.
pub(crate) fn run(args: &RecordAllArgs) -> Result<()> {
    let mut folders: Vec<_> = std::fs::read_dir(&args.scenarios)
        .with_context(|| args.scenarios.display().to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("scenario.yaml").is_file())
        .collect();
    folders.sort();
    let profile = args.profile.unwrap_or_else(Profile::available);
    let mut failed = 0_u32;
    for folder in folders {
        let scenario = Scenario::read(&folder)?;
        if !scenario.runs_in(profile) {
            let profiles = scenario.profiles.join(", ");
            eprintln!("{}: only in {profiles}, not in {}", folder.display(), profile.name());
            continue;
        }
        let variants = scenario.variants.len().max(1);
        for seed in 1..=variants as u64 {
            for control in [false, true] {
                if control && args.no_controls {
                    continue;
                }
                let options = RunOptions { seed, quick: false, control };
                if let Err(error) = once(&folder, options, profile, args) {
                    eprintln!("{} {seed}: {error:#}", folder.display());
                    failed += 1;
                }
            }
        }
    }
    ensure!(failed == 0, "{failed} runs gave no capture");
    Ok(())
}

/// Records one run unless its capture exists.
fn once(folder: &Path, options: RunOptions, profile: Profile, args: &RecordAllArgs) -> Result<()> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let control = if options.control { "-control" } else { "" };
    let file = format!("{}-{}{control}.stilltrace", name.unwrap_or_default(), options.seed);
    if args.out.join(file).exists() {
        return Ok(());
    }
    super::run::record(folder, options, profile, &args.out, args.noise_limit)
}
