//! `load`: open-loop traffic with latency counted from the scheduled arrival.
//!
//! Arrivals are Poisson with a fixed seed and do not wait for answers, so a stall is seen by every
//! request that would have arrived in it (no coordinated omission). The record is CSV: a comment
//! with the start in microseconds of Unix time, then one row per request in order of arrival:
//! scheduled arrival in microseconds since the start, latency in microseconds, status. Statuses
//! below 100 are the client's own: 1 not sent because too many were open, 2 connection failed, 3
//! timed out.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::topology::Traffic;

/// Most requests in flight; beyond it arrivals are recorded as not sent.
const MAX_OPEN: usize = 4_000;
/// Status of an arrival that was not sent.
pub const NOT_SENT: u16 = 1;
/// Status of a request whose connection failed.
pub const NO_ANSWER: u16 = 2;
/// Status of a request that took longer than the client waits.
pub const TIMED_OUT: u16 = 3;

/// Where the plan is.
#[derive(Debug, Clone, clap::Args)]
pub struct LoadArgs {
    /// Plan file.
    #[arg(long)]
    plan: PathBuf,
    /// File to write.
    #[arg(long)]
    out: PathBuf,
}

/// What to send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan {
    /// Where to.
    pub target: SocketAddr,
    /// Address to send from.
    pub from: IpAddr,
    /// Rate, peaks, ramp.
    pub traffic: Traffic,
    /// Seed of the arrivals.
    pub seed: u64,
    /// Length in seconds.
    pub seconds: u64,
}

/// One request: scheduled arrival and latency in microseconds, status.
type Row = (u64, u64, u16);
/// Client of the generator.
type HttpClient = Client<HttpConnector, Empty<Bytes>>;

/// Sends the traffic and writes the record.
pub fn run(args: &LoadArgs) -> io::Result<()> {
    let plan: LoadPlan = serde_json::from_slice(&std::fs::read(&args.plan)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (start_unix_us, mut rows) = runtime.block_on(send_all(&plan))?;
    rows.sort_unstable();
    let mut out = BufWriter::new(File::create(&args.out)?);
    writeln!(out, "# start_unix_us {start_unix_us}")?;
    for (due, latency, status) in rows {
        writeln!(out, "{due},{latency},{status}")?;
    }
    out.flush()
}

/// Scheduled arrivals in seconds: a Poisson process whose rate is the one at the last arrival.
pub fn arrivals(traffic: &Traffic, seed: u64, seconds: f64) -> impl Iterator<Item = f64> {
    let mut draws = ChaCha8Rng::seed_from_u64(seed);
    let mut at = 0.0;
    std::iter::from_fn(move || {
        let rate = traffic.rate_at(at).max(0.001);
        at += -(1.0 - draws.random::<f64>()).ln() / rate;
        (at < seconds).then_some(at)
    })
}

/// Sends every request at its time and waits for the last answers.
async fn send_all(plan: &LoadPlan) -> io::Result<(u128, Vec<Row>)> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_local_address(Some(plan.from));
    let client: HttpClient =
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(MAX_OPEN).build(connector);
    let open = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = unbounded_channel();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let start = Instant::now();
    let uri = format!("http://{}{}", plan.target, plan.traffic.path);
    let limit = Duration::from_millis(plan.traffic.timeout_ms);
    for at in arrivals(&plan.traffic, plan.seed, plan.seconds as f64) {
        let due_us = (at * 1e6) as u64;
        let due = start + Duration::from_micros(due_us);
        tokio::time::sleep_until(due).await;
        if open.load(Ordering::Relaxed) >= MAX_OPEN {
            let _ = sender.send((due_us, 0, NOT_SENT));
            continue;
        }
        let request = Request::builder()
            .uri(&uri)
            .header(HOST, &plan.traffic.host)
            .body(Empty::new())
            .map_err(io::Error::other)?;
        open.fetch_add(1, Ordering::Relaxed);
        let (client, open, sender) = (client.clone(), Arc::clone(&open), sender.clone());
        let retries = plan.traffic.retries.filter(|r| (r.from_s..r.to_s).contains(&at));
        let tries = match retries {
            Some(retries) => (retries.attempts + 1, Duration::from_millis(retries.timeout_ms)),
            None => (1, limit),
        };
        tokio::spawn(send_one(client, request, due, due_us, tries, sender, open));
    }
    drop(sender);
    Ok((wall.as_micros(), collect(receiver).await))
}

/// Sends one request and reports it.
async fn send_one(
    client: HttpClient,
    request: Request<Empty<Bytes>>,
    due: Instant,
    due_us: u64,
    (tries, limit): (u32, Duration),
    rows: UnboundedSender<Row>,
    open: Arc<AtomicUsize>,
) {
    let exchange = || {
        let request = client.request(request.clone());
        async {
            let response = request.await.map_err(|_| ())?;
            let status = response.status().as_u16();
            response.into_body().collect().await.map_err(|_| ())?;
            Ok::<u16, ()>(status)
        }
    };
    let mut status = TIMED_OUT;
    for _ in 0..tries {
        status = match tokio::time::timeout(limit, exchange()).await {
            Ok(Ok(status)) => status,
            Ok(Err(())) => NO_ANSWER,
            Err(_) => TIMED_OUT,
        };
        if status != TIMED_OUT {
            break;
        }
    }
    let latency = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
    open.fetch_sub(1, Ordering::Relaxed);
    let _ = rows.send((due_us, latency, status));
}

/// All rows; ends when the last request has, which its own timeout bounds.
async fn collect(mut receiver: UnboundedReceiver<Row>) -> Vec<Row> {
    let mut rows = Vec::new();
    while let Some(row) = receiver.recv().await {
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Peaks;

    #[test]
    fn the_same_seed_gives_the_same_arrivals_at_the_wanted_rate() {
        let traffic = Traffic { rate: 100.0, ..Traffic::default() };
        let first: Vec<_> = arrivals(&traffic, 7, 50.0).collect();
        let second: Vec<_> = arrivals(&traffic, 7, 50.0).collect();
        assert_eq!(first, second);
        assert!((4_700..5_300).contains(&first.len()), "{} arrivals", first.len());
        assert!(first.is_sorted());
    }

    #[test]
    fn peaks_raise_the_rate_while_they_last() {
        let peaks = Some(Peaks { every_s: 10.0, for_s: 1.0, factor: 5.0 });
        let traffic = Traffic { rate: 100.0, peaks, ..Traffic::default() };
        let inside = arrivals(&traffic, 1, 100.0).filter(|at| at % 10.0 < 1.0).count();
        let outside = arrivals(&traffic, 1, 100.0).filter(|at| at % 10.0 >= 1.0).count();
        assert!((4_500..5_500).contains(&inside), "{inside} inside");
        assert!((8_400..9_600).contains(&outside), "{outside} outside");
    }
}
