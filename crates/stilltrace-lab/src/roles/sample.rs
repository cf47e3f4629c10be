//! `sample`: CPU use and throttling of every container in short windows.
//!
//! The record is CSV: a comment with the start in microseconds of Unix time, a header with the
//! container ids, then one row per tick: end of the window in microseconds since the start, its
//! real length in microseconds, then per container microseconds on CPU and microseconds throttled.
//! Zeros are left empty. The real length is written because a late sampler would otherwise report
//! forty cores on two.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::host::cgroup::{Meter, Reading};
use crate::pods::read_containers;

/// What to sample and for how long.
#[derive(Debug, Clone, clap::Args)]
pub struct SampleArgs {
    /// File that lists the containers.
    #[arg(long)]
    containers: PathBuf,
    /// Length of a window in milliseconds.
    #[arg(long, default_value_t = 10)]
    tick_ms: u64,
    /// Length of the record in seconds.
    #[arg(long)]
    seconds: u64,
    /// File to write.
    #[arg(long)]
    out: PathBuf,
}

/// One container under observation.
struct Watched {
    /// Its open counters.
    meter: Meter,
    /// Counters at the end of the last window.
    last: Reading,
}

/// Samples until the time is over.
pub fn run(args: &SampleArgs) -> io::Result<()> {
    let containers = read_containers(&args.containers)?;
    let mut out = BufWriter::new(File::create(&args.out)?);
    let mut watched = Vec::new();
    for container in &containers {
        let meter = container.group.meter()?;
        let last = meter.read()?;
        watched.push(Watched { meter, last });
    }
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    writeln!(out, "# start_unix_us {}", wall.as_micros())?;
    write!(out, "t_us,elapsed_us")?;
    for container in &containers {
        write!(out, ",{}", container.id)?;
    }
    writeln!(out)?;
    let start = Instant::now();
    let tick = Duration::from_millis(args.tick_ms.max(1));
    let end = Duration::from_secs(args.seconds);
    let mut window_start = Duration::ZERO;
    let mut due = tick;
    let mut flushed = Duration::ZERO;
    while window_start < end {
        if let Some(rest) = due.checked_sub(start.elapsed()) {
            std::thread::sleep(rest);
        }
        let now = start.elapsed();
        write_row(&mut out, now, now.saturating_sub(window_start), &mut watched)?;
        window_start = now;
        // Missed ticks are skipped, not made up for: the next row is longer and says so.
        let passed = u32::try_from(now.as_nanos() / tick.as_nanos()).unwrap_or(u32::MAX);
        due = tick * passed.saturating_add(1);
        if now.saturating_sub(flushed) > Duration::from_secs(1) {
            out.flush()?;
            flushed = now;
        }
    }
    out.flush()
}

/// Writes one row and remembers the counters.
fn write_row(
    out: &mut impl Write,
    now: Duration,
    elapsed: Duration,
    watched: &mut [Watched],
) -> io::Result<()> {
    write!(out, "{},{}", now.as_micros(), elapsed.as_micros())?;
    for one in watched {
        let reading = one.meter.read()?;
        // Microseconds are floored on the running totals, so no fraction is lost over windows.
        let usage = reading.usage_ns / 1_000 - one.last.usage_ns / 1_000;
        let throttled = reading.throttled_ns / 1_000 - one.last.throttled_ns / 1_000;
        one.last = reading;
        match (usage, throttled) {
            (0, 0) => write!(out, ",")?,
            (usage, 0) => write!(out, ",{usage}")?,
            (usage, throttled) => write!(out, ",{usage}/{throttled}")?,
        }
    }
    writeln!(out)
}
