//! `svc`: a small HTTP/1.1, HTTP/2, gRPC or TCP service whose cost and phases are data.
//!
//! A request burns CPU on the service's own thread, waits (in its pool, if it has one), calls its
//! upstreams through the outbound listener of the pod's own proxy, and answers. A wait in a pool
//! goes on when the caller has given up: that is what turns retries into a storm.

mod background;
mod calls;
mod channel;
mod tcp;

use std::convert::Infallible;
use std::future::Ready;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::combinators::WithTrailers;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use nix::time::{ClockId, clock_gettime};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::behave::{AppConfig, Orders};
use crate::topology::{Behaviour, Protocol};

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

/// What an answer carries: its bytes, with trailers if it is one of gRPC.
type Body =
    Either<Full<Bytes>, WithTrailers<Full<Bytes>, Ready<Option<Result<HeaderMap, Infallible>>>>>;

/// Orders with the pools of the usual and of the later behaviour.
type Told = (Arc<Orders>, [Pool; 2]);

/// The places where requests wait for something outside, and for a place.
#[derive(Clone)]
struct Pool {
    /// Where they wait for something outside.
    places: Arc<Semaphore>,
    /// These places and those where they wait for one of them.
    entries: Arc<Semaphore>,
}

impl Pool {
    /// The pool of a behaviour; unbounded where it says nothing.
    fn of(behaviour: &Behaviour) -> Self {
        let bounded = |size: u32| (size as usize).min(UNBOUNDED);
        let places = behaviour.pool.map_or(UNBOUNDED, |pool| bounded(pool.max(1)));
        let entries = behaviour.queue.map_or(UNBOUNDED, |queue| bounded(queue) + places);
        Self {
            places: Arc::new(Semaphore::new(places)),
            entries: Arc::new(Semaphore::new(entries.min(UNBOUNDED))),
        }
    }
}

/// A running application.
struct App {
    /// What does not change.
    config: AppConfig,
    /// What the lab may change, with the pool that belongs to it.
    orders: RwLock<Told>,
    /// Client of HTTP/1.1 towards its own proxy.
    client: Client<HttpConnector, Full<Bytes>>,
    /// Connections of the calls that are not HTTP/1.1, by the call's index.
    connections: Vec<calls::Connections>,
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
        connections: config.calls.iter().map(|_| calls::Connections::default()).collect(),
        config,
    });
    background::start(&app);
    let orders = tokio::spawn(accept_orders(control, Arc::clone(&app)));
    loop {
        let (stream, _) = requests.accept().await?;
        if orders.is_finished() {
            return Err(io::Error::other("the control listener ended"));
        }
        stream.set_nodelay(true)?;
        let app = Arc::clone(&app);
        tokio::spawn(serve_connection(app, stream));
    }
}

/// Serves one connection in the service's protocol, where `http` is whatever version of HTTP the
/// caller begins with. A caller that closes in the middle is part of
/// the experiment.
async fn serve_connection(app: Arc<App>, stream: TcpStream) {
    if app.config.protocol == Protocol::Tcp {
        let _ = tcp::serve(app, stream).await;
        return;
    }
    let keep_alive = app.orders().0.behaviour.keep_alive_ms.map(Duration::from_millis);
    let protocol = app.config.protocol;
    let service = service_fn(move |request| answer(Arc::clone(&app), request));
    if protocol == Protocol::Http {
        // A proxy that upgrades its pool speaks HTTP/2 to a port of HTTP/1.1 too.
        let mut server = auto::Builder::new(TokioExecutor::new());
        if let Some(idle) = keep_alive {
            server.http1().timer(TokioTimer::new()).header_read_timeout(idle);
        }
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    } else {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }
}

impl App {
    /// The orders of the moment, with their pools.
    fn orders(&self) -> Told {
        self.orders.read().unwrap_or_else(PoisonError::into_inner).clone()
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

/// Orders with pools of the sizes they name.
fn with_pool(orders: Orders) -> Told {
    let later = orders.behaviour.later.as_ref().map(|later| Pool::of(&later.behaviour));
    let usual = Pool::of(&orders.behaviour);
    let pools = [usual.clone(), later.unwrap_or(usual)];
    (Arc::new(orders), pools)
}

/// Serves one request.
async fn answer(app: Arc<App>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (failed, bytes) = work(&app).await;
    let status = match failed {
        Some(status) => status,
        None => calls::call_all(&app, request.headers()).await,
    };
    let mut body = format!("{{\"service\":\"{}\"}}", app.config.name).into_bytes();
    body.resize(body.len().max(bytes), b' ');
    let body = Full::new(Bytes::from(body));
    if app.config.protocol == Protocol::Grpc {
        return Ok(grpc_answer(status, body));
    }
    let mut response = Response::new(Either::Left(body));
    *response.status_mut() = status;
    Ok(response)
}

/// An answer of gRPC: the outcome is in the trailers, the HTTP status is 200 whatever happened.
fn grpc_answer(status: StatusCode, body: Full<Bytes>) -> Response<Body> {
    let unavailable = !status.is_success();
    let mut trailers = HeaderMap::new();
    let code = HeaderValue::from_static(if unavailable { "14" } else { "0" });
    trailers.insert(HeaderName::from_static(channel::GRPC_STATUS), code);
    let body = body.with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(Either::Right(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// What a request costs: CPU, then the wait, in the pool if there is one. The status with which it
/// fails, if it does, and the size of its answer.
async fn work(app: &App) -> (Option<StatusCode>, usize) {
    let (orders, [pool, later_pool]) = app.orders();
    // Draws follow from the seed and the request's number, whatever the threads do.
    let number = app.requests.fetch_add(1, Ordering::Relaxed);
    let mut draws = ChaCha8Rng::seed_from_u64(app.config.seed.wrapping_add(number));
    let mut draw = || draws.random::<f64>();
    let (behaviour, pool) = match orders.later(now_unix_ms()) {
        Some(later) => (later, later_pool),
        None => (&orders.behaviour, pool),
    };
    burn(behaviour.cpu_us.draw(draw(), draw()));
    let wait = behaviour.sleep_us.draw(draw(), draw());
    let failure_draw = draw();
    let bytes = behaviour.response_bytes.map_or(ANSWER_BYTES, |bytes| bytes as usize);
    let bytes = bytes.min(MAX_BODY);
    let Ok(entry) = pool.entries.try_acquire_owned() else {
        return (Some(StatusCode::SERVICE_UNAVAILABLE), bytes);
    };
    let waiting = {
        let orders = Arc::clone(&orders);
        async move {
            let _entry = entry;
            let _place = pool.places.acquire_owned().await;
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
    let failed = orders.failure(now_unix_ms(), failure_draw);
    let failed = failed
        .map(|status| StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE));
    (failed, bytes)
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests;
