//! Three services in one process: HTTP/1.1 calls gRPC, which calls plain TCP.

use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::behave::OutCall;
use crate::topology::{Behaviour, CallOrder, Spread};

/// Two addresses that were free a moment ago.
fn addresses() -> [SocketAddr; 2] {
    let free = [(); 2].map(|()| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    free.map(|listener| listener.local_addr().unwrap())
}

fn quick() -> Behaviour {
    Behaviour { sleep_us: Spread::around(200), response_bytes: Some(64), ..Behaviour::default() }
}

/// Starts a service; where it listens.
fn start(protocol: Protocol, behaviour: Behaviour, calls: Vec<OutCall>) -> SocketAddr {
    let [listen, control] = addresses();
    tokio::spawn(serve(AppConfig {
        name: protocol.name().to_owned(),
        listen,
        control,
        from: None,
        protocol,
        calls,
        call_order: CallOrder::Sequential,
        threads: 1,
        seed: 1,
        orders: Orders { behaviour, epoch_unix_ms: 0 },
    }));
    listen
}

fn call(protocol: Protocol, address: SocketAddr) -> OutCall {
    OutCall { address, host: "callee.ns:80".into(), path: "/".into(), protocol }
}

/// What a client of the first of the three sees, three times in a row.
async fn asked(store: Behaviour) -> Vec<u16> {
    let store = start(Protocol::Tcp, store, vec![]);
    let middle = start(Protocol::Grpc, quick(), vec![call(Protocol::Tcp, store)]);
    let front = start(Protocol::Http, quick(), vec![call(Protocol::Grpc, middle)]);
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        // Until all three listen, a caller sees a refused connection, which is not the question.
        let uri = format!("http://{front}/").parse().unwrap();
        match client.get(uri).await.map(|response| response.status().as_u16()) {
            Ok(502) | Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            Ok(status) => seen.push(status),
        }
    }
    seen
}

#[tokio::test]
async fn a_request_passes_through_all_protocols() {
    let asked = tokio::time::timeout(Duration::from_secs(20), asked(quick())).await;
    assert_eq!(asked.unwrap(), [200, 200, 200]);
}

#[tokio::test]
async fn a_failure_behind_grpc_is_one_of_the_front() {
    let failing = Behaviour { flaky: 1.0, ..quick() };
    let asked = tokio::time::timeout(Duration::from_secs(20), asked(failing)).await;
    assert_eq!(asked.unwrap(), [503, 503, 503]);
}

#[tokio::test]
async fn a_service_of_http_takes_both_versions() {
    let front = start(Protocol::Http, quick(), vec![]);
    let ask = |is_http2: bool| async move {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.http2_only(is_http2);
        let client = builder.build_http::<Full<Bytes>>();
        let uri: hyper::Uri = format!("http://{front}/").parse().unwrap();
        loop {
            match client.get(uri.clone()).await {
                Ok(response) => return (response.status().as_u16(), response.version()),
                Err(error) if error.is_connect() => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(_) => return (0, hyper::Version::HTTP_09),
            }
        }
    };
    let both = async { (ask(false).await, ask(true).await) };
    let (first, second) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    assert_eq!(first, (200, hyper::Version::HTTP_11));
    assert_eq!(second, (200, hyper::Version::HTTP_2));
}
