//! The calls that a request makes, each through the pod's own proxy and in the callee's protocol.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, TE};
use hyper::{Method, Request, StatusCode};

use super::channel::Channel;
use super::{App, MAX_BODY, tcp};
use crate::behave::OutCall;
use crate::topology::{CallOrder, Protocol};

/// Headers that tie the spans and log lines of one request together.
const TRACE_HEADERS: [&str; 5] =
    ["x-request-id", "traceparent", "tracestate", "x-b3-traceid", "x-b3-spanid"];

/// Connections towards one callee that does not speak HTTP/1.1.
#[derive(Debug, Default)]
pub(super) struct Connections {
    channel: Channel,
    idle: tcp::Idle,
}

/// Calls every upstream; the status of the first that failed, or 200.
pub(super) async fn call_all(app: &Arc<App>, headers: &HeaderMap) -> StatusCode {
    let calls = app.config.calls.iter().cloned().zip(0..);
    match app.config.call_order {
        CallOrder::Sequential => {
            for (call, index) in calls {
                let status = call_one(app, index, &call, headers).await;
                if status.is_server_error() {
                    return status;
                }
            }
            StatusCode::OK
        }
        CallOrder::Parallel => {
            let mut open = tokio::task::JoinSet::new();
            for (call, index) in calls {
                let (app, headers) = (Arc::clone(app), headers.clone());
                open.spawn(async move { call_one(&app, index, &call, &headers).await });
            }
            let all = open.join_all().await;
            all.into_iter().find(StatusCode::is_server_error).unwrap_or(StatusCode::OK)
        }
    }
}

/// One call; what prevents it is told as the status that a proxy would make of it.
async fn call_one(app: &App, index: usize, call: &OutCall, headers: &HeaderMap) -> StatusCode {
    let Some(connections) = app.connections.get(index) else { return StatusCode::BAD_GATEWAY };
    if call.protocol == Protocol::Tcp {
        return connections.idle.ask(app.config.from, call.address).await;
    }
    let Some(request) = request(call, headers) else { return StatusCode::BAD_GATEWAY };
    if call.protocol == Protocol::Http {
        return ask_http1(app, request).await;
    }
    connections.channel.ask(app.config.from, call.address, request).await
}

/// The request of a call, with the caller's trace. Over HTTP/2 the host is part of the address that
/// is asked for; over HTTP/1.1 it is a header, and the address is where the connection goes.
fn request(call: &OutCall, headers: &HeaderMap) -> Option<Request<Full<Bytes>>> {
    let mut request = if call.protocol == Protocol::Http {
        let uri = format!("http://{}{}", call.address, call.path);
        Request::builder().uri(uri).header(HOST, &call.host)
    } else {
        Request::builder().uri(format!("http://{}{}", call.host, call.path))
    };
    if call.protocol == Protocol::Grpc {
        let post = request.method(Method::POST);
        request = post.header(CONTENT_TYPE, "application/grpc").header(TE, "trailers");
    }
    for name in TRACE_HEADERS {
        if let Some(value) = headers.get(HeaderName::from_static(name)) {
            request = request.header(name, value);
        }
    }
    request.body(Full::new(Bytes::new())).ok()
}

async fn ask_http1(app: &App, request: Request<Full<Bytes>>) -> StatusCode {
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
