//! `up`: one mesh with Istio's defaults under traffic, for a look and for checking a machine.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use stilltrace_lab::defaults;
use stilltrace_lab::harvest::Records;
use stilltrace_lab::mesh::{Mesh, MeshOptions};
use stilltrace_lab::pods;
use stilltrace_lab::profile::Profile;
use stilltrace_lab::run::Target;
use stilltrace_lab::run::revisions::at_rest;
use stilltrace_lab::topology::Topology;

/// Longest load of this command, in seconds.
const MAX_SECONDS: u64 = 600;

/// What to run.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct UpArgs {
    /// Topology file.
    topology: PathBuf,
    /// Length of the load in seconds.
    #[arg(long, default_value_t = 20)]
    load: u64,
    /// Seed of names, arrivals and draws.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Who configures the proxies; `istio` if its control plane is at hand.
    #[arg(long, value_enum)]
    profile: Option<Profile>,
}

/// Runs it.
pub(crate) fn run(args: &UpArgs) -> Result<()> {
    ensure!(args.load <= MAX_SECONDS, "--load: at most {MAX_SECONDS} seconds");
    let topology = Topology::read(&args.topology)?;
    let profile = args.profile.unwrap_or_else(Profile::available);
    let target = match profile {
        Profile::Static => Target::of(defaults::platform(&pods::plan(&topology, args.seed))),
        Profile::Cluster => bail!("`up` has no commits to apply; take `run --profile cluster`"),
        Profile::Istio => at_rest(&topology, args.seed)?.target(0, profile)?,
    };
    let options = MeshOptions::find(args.seed)?.under(profile)?;
    let started = Instant::now();
    let mut mesh = Mesh::boot(options, topology.clone(), target.desired())?;
    let (pods, took) = (mesh.pods().len(), started.elapsed().as_secs_f64());
    println!("{pods} pods up in {took:.2} s, profile {}", profile.name());
    mesh.load(&topology.traffic, args.load)?;
    mesh.wait_for_load()?;
    // One more scrape, so that Prometheus has seen the end.
    std::thread::sleep(Duration::from_secs(stilltrace_lab::prometheus::SCRAPE_SECONDS));
    let records = mesh.records(args.load + 60)?;
    summarise(&records);
    mesh.shutdown()?;
    Ok(())
}

/// Prints what was seen, one line per kind of evidence.
fn summarise(records: &Records) {
    if let Some(clients) = &records.clients {
        let mut latencies: Vec<u64> = clients.rows.iter().map(|row| row.latency_us).collect();
        latencies.sort_unstable();
        let at = |share: f64| {
            let index = (latencies.len() as f64 * share) as usize;
            latencies.get(index.min(latencies.len().saturating_sub(1))).copied().unwrap_or(0) as f64
                / 1e3
        };
        let failed = clients.rows.iter().filter(|row| row.status != 200).count();
        println!(
            "{} requests, {failed} failed, p50 {:.1} ms, p99 {:.1} ms",
            latencies.len(),
            at(0.5),
            at(0.99)
        );
    }
    if let Some(cpu) = &records.cpu {
        let throttled: u64 =
            cpu.rows.iter().flat_map(|row| &row.cells).map(|cell| u64::from(cell.1)).sum();
        println!(
            "{} windows of {} containers, {:.2} s throttled",
            cpu.rows.len(),
            cpu.containers.len(),
            throttled as f64 / 1e6
        );
    }
    let noise = &records.noise;
    println!(
        "{} series, {} kinds of log lines; lab {:.2} cores, everything else {:.2}, stolen {:.2}",
        records.series.len(),
        records.logs.len(),
        noise.lab_cores,
        noise.other_cores,
        noise.steal_cores
    );
}
