//! `cluster`: a scenario's commits through a real control plane, without proxies.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use stilltrace_lab::cluster::Engines;
use stilltrace_lab::run::rehearsal::rehearse;

/// What to push.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ClusterArgs {
    /// Folder of the scenario.
    scenario: PathBuf,
    /// Seed of everything that is drawn; also chooses the scenario's variant.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What applies the repository.
    #[arg(long, value_enum, default_value = "flux")]
    engine: Engines,
    /// Folder for what the engines left: their objects, events and the audit log.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Does it.
pub(crate) fn run(args: &ClusterArgs) -> Result<()> {
    let lab = std::env::current_exe()?;
    let started = Instant::now();
    let mut say = |line: &str| println!("{line}");
    let seen =
        rehearse(&args.scenario, args.seed, args.engine, &lab, args.out.as_deref(), &mut say)?;
    println!(
        "{} commits, {} pods bound, {} mesh objects, {} changes seen by istiod; {:.1} s in all",
        seen.took.len(),
        seen.pods,
        seen.mesh_objects,
        seen.pushes,
        started.elapsed().as_secs_f64()
    );
    println!("no proxy was connected: profile `cluster` is not whole yet, and records no captures");
    Ok(())
}
