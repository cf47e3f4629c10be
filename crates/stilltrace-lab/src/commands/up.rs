//! `up`: one mesh with Istio's defaults under traffic, for a look and for checking a machine.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use stilltrace_lab::defaults;
use stilltrace_lab::harvest::Records;
use stilltrace_lab::mesh::{Mesh, MeshOptions};
use stilltrace_lab::pods;
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
}

/// Runs it.
pub(crate) fn run(args: &UpArgs) -> Result<()> {
    ensure!(args.load <= MAX_SECONDS, "--load: at most {MAX_SECONDS} seconds");
    let topology = Topology::read(&args.topology)?;
    let platform = defaults::platform(&pods::plan(&topology, args.seed));
    let started = Instant::now();
    let mut mesh = Mesh::boot(MeshOptions::find(args.seed)?, topology.clone(), &platform)?;
    println!("{} pods up in {:.2} s", mesh.pods().len(), started.elapsed().as_secs_f64());
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
