//! `svc`: a small HTTP/1.1 service whose cost and phases are data.
//!
//! A request burns CPU on the service's own thread, waits (in its pool, if it has one), calls its
//! upstreams through the outbound listener of the pod's own proxy, and answers. A wait in a pool
//! goes on when the caller has given up: that is what turns retries into a storm.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HOST, HeaderMap, HeaderName};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use nix::time::{ClockId, clock_gettime};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::behave::{AppConfig, Orders, OutCall};
use crate::topology::CallOrder;

/// Headers that tie the spans and log lines of one request together.
const TRACE_HEADERS: [&str; 5] =
    ["x-request-id", "traceparent", "tracestate", "x-b3-traceid", "x-b3-spanid"];
/// Largest answer of an upstream or order of the lab that is read, in bytes.
const MAX_BODY: usize = 1 << 20;
/// Size of an answer in bytes unless the behaviour says otherwise.
const ANSWER_BYTES: usize = 512;
/// Most requests that wait at once where no pool is set.
const UNBOUNDED: usize = Semaphore::MAX_PERMITS;

/// Where the configuration is.
#[derive(Debug, Clone, clap::Args)]
pub struct SvcArgs {
    /// Configuration file.
    #[arg(long)]
    config: PathBuf,
}

/// A running application.
struct App {
    /// What does not change.
    config: AppConfig,
    /// What the lab may change, with the pool that belongs to it.
    orders: RwLock<(Arc<Orders>, Arc<Semaphore>)>,
    /// Client towards its own proxy.
    client: Client<HttpConnector, Full<Bytes>>,
    /// Number of requests so far: the position in the stream of draws.
    requests: AtomicU64,
}

/// Runs the service until it is ended.
pub fn run(args: &SvcArgs) -> io::Result<()> {
    let config: AppConfig = serde_json::from_slice(&std::fs::read(&args.config)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads.clamp(1, 16) as usize)
        .enable_all()
        .build()?;
    runtime.block_on(serve(config))
}

/// Listens for requests and for orders.
async fn serve(config: AppConfig) -> io::Result<()> {
    let requests = TcpListener::bind(config.listen).await?;
    let control = TcpListener::bind(config.control).await?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_local_address(config.from);
    let app = Arc::new(App {
        orders: RwLock::new(with_pool(config.orders.clone())),
        client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(256).build(connector),
        requests: AtomicU64::new(0),
        config,
    });
    let orders = tokio::spawn(accept_orders(control, Arc::clone(&app)));
    loop {
        let (stream, _) = requests.accept().await?;
        if orders.is_finished() {
            return Err(io::Error::other("the control listener ended"));
        }
        stream.set_nodelay(true)?;
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&app), request));
            // A caller that closes in the middle is part of the experiment.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Takes orders from the lab.
async fn accept_orders(listener: TcpListener, app: Arc<App>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let app = Arc::clone(&app);
        let service = service_fn(move |request| obey(Arc::clone(&app), request));
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }
}

/// Replaces the orders; what waits in the old pool finishes there.
async fn obey(
    app: Arc<App>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let orders = body.map_err(|error| error.to_string()).and_then(|body| {
        serde_json::from_slice(&body.to_bytes()).map_err(|error| error.to_string())
    });
    Ok(match orders {
        Ok(orders) => {
            *app.orders.write().unwrap_or_else(PoisonError::into_inner) = with_pool(orders);
            Response::new(Full::new(Bytes::from_static(b"ok")))
        }
        Err(error) => plain(StatusCode::BAD_REQUEST, error),
    })
}

/// Orders with a pool of the size they name.
fn with_pool(orders: Orders) -> (Arc<Orders>, Arc<Semaphore>) {
    let size = orders.behaviour.pool.map_or(UNBOUNDED, |size| (size as usize).clamp(1, UNBOUNDED));
    (Arc::new(orders), Arc::new(Semaphore::new(size)))
}

/// Serves one request.
async fn answer(
    app: Arc<App>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (orders, pool) = app.orders.read().unwrap_or_else(PoisonError::into_inner).clone();
    // Draws follow from the seed and the request's number, whatever the threads do.
    let number = app.requests.fetch_add(1, Ordering::Relaxed);
    let mut draws = ChaCha8Rng::seed_from_u64(app.config.seed.wrapping_add(number));
    let mut draw = || draws.random::<f64>();
    let behaviour = &orders.behaviour;
    burn(behaviour.cpu_us.draw(draw(), draw()));
    let wait = behaviour.sleep_us.draw(draw(), draw());
    let failure_draw = draw();
    let answer_bytes = behaviour.response_bytes.map_or(ANSWER_BYTES, |bytes| bytes as usize);
    let waiting = {
        let orders = Arc::clone(&orders);
        async move {
            let _place = pool.acquire_owned().await;
            let wait = wait.saturating_add(orders.extra_us(now_unix_ms()));
            if wait > 0 {
                tokio::time::sleep(Duration::from_micros(wait)).await;
            }
        }
    };
    if behaviour.pool.is_some() {
        // A task of its own, so that it does not end with the caller's connection.
        let _ = tokio::spawn(waiting).await;
    } else {
        waiting.await;
    }
    if let Some(status) = orders.failure(now_unix_ms(), failure_draw) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        return Ok(plain(status, "failing".into()));
    }
    let status = call_upstreams(&app, request.headers()).await;
    let mut body = format!("{{\"service\":\"{}\"}}", app.config.name).into_bytes();
    body.resize(body.len().max(answer_bytes.min(MAX_BODY)), b' ');
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    Ok(response)
}

/// Calls every upstream; the status of the first that failed, or 200.
async fn call_upstreams(app: &Arc<App>, headers: &HeaderMap) -> StatusCode {
    match app.config.call_order {
        CallOrder::Sequential => {
            for call in &app.config.calls {
                let status = call_upstream(app, call, headers).await;
                if status.is_server_error() {
                    return status;
                }
            }
            StatusCode::OK
        }
        CallOrder::Parallel => {
            let mut calls = tokio::task::JoinSet::new();
            for call in app.config.calls.clone() {
                let (app, headers) = (Arc::clone(app), headers.clone());
                calls.spawn(async move { call_upstream(&app, &call, &headers).await });
            }
            let all = calls.join_all().await;
            all.into_iter().find(StatusCode::is_server_error).unwrap_or(StatusCode::OK)
        }
    }
}

/// One call through the pod's own proxy.
async fn call_upstream(app: &App, call: &OutCall, headers: &HeaderMap) -> StatusCode {
    let mut request = Request::builder()
        .uri(format!("http://{}{}", call.address, call.path))
        .header(HOST, &call.host);
    for name in TRACE_HEADERS {
        if let Some(value) = headers.get(HeaderName::from_static(name)) {
            request = request.header(name, value);
        }
    }
    let Ok(request) = request.body(Full::new(Bytes::new())) else { return StatusCode::BAD_GATEWAY };
    match app.client.request(request).await {
        Ok(response) => {
            let status = response.status();
            // The body is read so that the connection can be used again.
            let _ = Limited::new(response.into_body(), MAX_BODY).collect().await;
            status
        }
        Err(_) => StatusCode::BAD_GATEWAY,
    }
}

/// Uses CPU for `us` microseconds of this thread's own time, so throttling makes it take longer.
fn burn(us: u64) {
    let used =
        || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::MAX, Duration::from);
    let Some(end) = used().checked_add(Duration::from_micros(us)) else { return };
    let mut mixed = 1u64;
    while used() < end {
        for step in 0..500 {
            mixed = mixed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step);
        }
        std::hint::black_box(mixed);
    }
}

/// A short answer in plain text.
fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}

/// Unix time in milliseconds.
fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
