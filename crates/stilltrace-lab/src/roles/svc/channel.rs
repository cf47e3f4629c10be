//! HTTP/2 calls as a gRPC client makes them: one connection to a service, opened when it is needed,
//! that carries all requests at once.

use std::io;
use std::net::{IpAddr, SocketAddr};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::Mutex;

use super::MAX_BODY;

/// Name of the header or trailer with a call's outcome; "0" is success.
pub(super) const GRPC_STATUS: &str = "grpc-status";

/// The connection to one service.
#[derive(Debug, Default)]
pub(super) struct Channel(Mutex<Option<SendRequest<Full<Bytes>>>>);

impl Channel {
    /// A handle on the connection, which is opened anew if there is none or it ended.
    async fn sender(
        &self,
        from: Option<IpAddr>,
        to: SocketAddr,
    ) -> io::Result<SendRequest<Full<Bytes>>> {
        let mut open = self.0.lock().await;
        if let Some(sender) = open.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let stream = super::tcp::connect(from, to).await?;
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection);
        *open = Some(sender.clone());
        Ok(sender)
    }

    /// Sends a request to `to`; the outcome as one HTTP status, also where gRPC tells it otherwise.
    pub(super) async fn ask(
        &self,
        from: Option<IpAddr>,
        to: SocketAddr,
        request: Request<Full<Bytes>>,
    ) -> StatusCode {
        let Ok(mut sender) = self.sender(from, to).await else { return StatusCode::BAD_GATEWAY };
        match sender.send_request(request).await {
            Ok(response) => outcome(response).await,
            Err(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

async fn outcome(response: Response<Incoming>) -> StatusCode {
    let (head, body) = response.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return StatusCode::BAD_GATEWAY;
    };
    let failed = |headers: &HeaderMap| headers.get(GRPC_STATUS).is_some_and(|code| code != "0");
    if failed(&head.headers) || body.trailers().is_some_and(failed) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    head.status
}
