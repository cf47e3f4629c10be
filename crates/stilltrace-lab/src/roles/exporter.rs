//! `exporter`: what a kubelet's cAdvisor and a node exporter would tell Prometheus.
//!
//! `GET /metrics/cadvisor` has the CPU metrics of every container with cAdvisor's names and labels
//! (google/cadvisor `metrics/prometheus.go`, labels as the kubelet sets them), `GET /metrics/node`
//! has `node_cpu_seconds_total` and the load average. It also stands in for a trace collector, so that
//! tracing has its cost: it takes spans over OTLP, both `POST /v1/traces` and gRPC, and drops them.

use std::convert::Infallible;
use std::fmt::Write;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::host::cgroup::{Meter, PERIOD_US, Reading};
use crate::pods::{ContainerEntry, read_containers};

/// Largest batch of spans that is read, in bytes.
const MAX_SPANS: usize = 8 << 20;
/// Path of OTLP's call over gRPC.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// Clock ticks a second in `/proc/stat`: `USER_HZ`, 100 on every Linux that runs Envoy.
const TICKS: f64 = 100.0;

/// What to export and where.
#[derive(Debug, Clone, clap::Args)]
pub struct ExporterArgs {
    /// File that lists the containers.
    #[arg(long)]
    containers: PathBuf,
    /// Address to listen on.
    #[arg(long)]
    listen: SocketAddr,
    /// Name of the node in labels.
    #[arg(long, default_value = "lab-node")]
    node: String,
}

/// A running exporter.
struct Exporter {
    /// Containers with their open counters.
    containers: Vec<(ContainerEntry, Meter)>,
    /// Name of the node.
    node: String,
}

/// Serves until it is ended.
pub fn run(args: &ExporterArgs) -> io::Result<()> {
    let mut containers = Vec::new();
    for entry in read_containers(&args.containers)? {
        let meter = entry.group.meter()?;
        containers.push((entry, meter));
    }
    let exporter = Arc::new(Exporter { containers, node: args.node.clone() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let exporter = Arc::clone(&exporter);
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(Arc::clone(&exporter), request));
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

/// Serves one request.
async fn answer(
    exporter: Arc<Exporter>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let page = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics/cadvisor") => exporter.containers_page(),
        (&Method::GET, "/metrics/node") => {
            let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
            let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
            node_page(&stat, &load)
        }
        (&Method::POST, "/v1/traces") => {
            let _ = Limited::new(request.into_body(), MAX_SPANS).collect().await;
            String::new()
        }
        (&Method::POST, EXPORT) => {
            let _ = Limited::new(request.into_body(), MAX_SPANS).collect().await;
            return Ok(taken());
        }
        _ => {
            let mut response = Response::new(Full::new(Bytes::new()));
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(page)));
    let text = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Ok(response)
}

/// The answer of gRPC to spans that were taken: its status stands in the headers, as gRPC allows
/// where there is no message.
fn taken() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
    response
}

impl Exporter {
    /// The containers' metrics.
    fn containers_page(&self) -> String {
        let mut readings = Vec::new();
        for (entry, meter) in &self.containers {
            // A container that cannot be read is absent, as in cAdvisor.
            if let Ok(reading) = meter.read() {
                readings.push((entry, reading, entry.group.quota_us().unwrap_or(None)));
            }
        }
        containers_text(&self.node, &readings)
    }
}

/// Prometheus text of `(container, counters, quota in microseconds)`.
fn containers_text(node: &str, readings: &[(&ContainerEntry, Reading, Option<u64>)]) -> String {
    let mut text = String::new();
    let mut family = |name: &str,
                      kind: &str,
                      value: &dyn Fn(&Reading, Option<u64>) -> Option<f64>| {
        let _ = writeln!(text, "# TYPE {name} {kind}");
        for (entry, reading, quota) in readings {
            let Some(value) = value(reading, *quota) else { continue };
            let cpu =
                if name == "container_cpu_usage_seconds_total" { "cpu=\"total\"," } else { "" };
            let _ = writeln!(
                text,
                "{name}{{{cpu}container=\"{}\",id=\"{}\",name=\"{}\",namespace=\"{}\",node=\"{node}\",pod=\"{}\"}} {value}",
                entry.container, entry.group.name, entry.id, entry.namespace, entry.pod
            );
        }
    };
    let limited = |quota: Option<u64>, value: f64| quota.map(|_| value);
    family("container_cpu_usage_seconds_total", "counter", &|r, _| Some(r.usage_ns as f64 / 1e9));
    family("container_cpu_cfs_periods_total", "counter", &|r, q| limited(q, r.periods as f64));
    family("container_cpu_cfs_throttled_periods_total", "counter", &|r, q| {
        limited(q, r.throttled_periods as f64)
    });
    family("container_cpu_cfs_throttled_seconds_total", "counter", &|r, q| {
        limited(q, r.throttled_ns as f64 / 1e9)
    });
    family("container_spec_cpu_period", "gauge", &|_, _| Some(PERIOD_US as f64));
    family("container_spec_cpu_quota", "gauge", &|_, q| q.map(|quota| quota as f64));
    text
}

/// Prometheus text of `/proc/stat` and `/proc/loadavg`.
fn node_page(stat: &str, load: &str) -> String {
    const MODES: [&str; 8] =
        ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
    let mut text = String::from("# TYPE node_cpu_seconds_total counter\n");
    for line in stat.lines() {
        let mut fields = line.split_ascii_whitespace();
        let Some(cpu) = fields.next().and_then(|name| name.strip_prefix("cpu")) else { continue };
        if cpu.is_empty() {
            continue; // the sum over CPUs
        }
        for (mode, ticks) in MODES.iter().zip(fields) {
            let seconds = ticks.parse::<f64>().unwrap_or(0.0) / TICKS;
            let _ =
                writeln!(text, "node_cpu_seconds_total{{cpu=\"{cpu}\",mode=\"{mode}\"}} {seconds}");
        }
    }
    if let Some(load) = load.split(' ').next().filter(|load| !load.is_empty()) {
        let _ = writeln!(text, "# TYPE node_load1 gauge\nnode_load1 {load}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_page_has_each_cpu_and_not_their_sum() {
        let page =
            node_page("cpu  300 0 0 0 0 0 0 0\ncpu0 100 0 50 0 0 0 0 7 0 0\nintr 5\n", "0.5 1 2");
        assert!(page.contains("node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 1\n"));
        assert!(page.contains("mode=\"steal\"} 0.07\n"));
        assert!(!page.contains("cpu=\"\""));
        assert!(page.ends_with("node_load1 0.5\n"));
    }
}
