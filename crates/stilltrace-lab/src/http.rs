//! One HTTP/1.1 exchange at a time: how the lab talks to its proxies, applications and Prometheus.
//!
//! Calls block and belong on a thread inside the lab's namespace
//! ([`Namespace::inside`](crate::host::netns::Namespace::inside)).

use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Longest answer that is read, in bytes: raw samples of a long run are tens of megabytes.
const MAX_ANSWER: usize = 256 << 20;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body as text; bytes that are not UTF-8 are replaced.
    pub body: String,
}

/// `GET path` from `address:port`.
pub fn get(address: Ipv4Addr, port: u16, path: &str, limit: Duration) -> io::Result<Answer> {
    exchange(Method::GET, SocketAddr::from((address, port)), path, None, limit)
}

/// A request with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The method.
    pub method: Method,
    /// Type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends a request with a body to `peer`, whatever the answer's status.
pub fn send(peer: SocketAddr, path: &str, sent: Sent, limit: Duration) -> io::Result<Answer> {
    let method = sent.method.clone();
    exchange(method, peer, path, Some(sent), limit)
}

/// `PUT path` with `body`, or another error than the connection's if the answer is not 200.
pub fn put(address: Ipv4Addr, port: u16, path: &str, body: Vec<u8>) -> io::Result<()> {
    let peer = SocketAddr::from((address, port));
    let sent = Sent { method: Method::PUT, content_type: "application/json", body };
    let answer = send(peer, path, sent, Duration::from_secs(5))?;
    if answer.status == 200 {
        return Ok(());
    }
    Err(io::Error::other(format!("{peer}{path} answered {}: {}", answer.status, answer.body)))
}

/// Sends one request on a connection of its own and reads the answer.
fn exchange(
    method: Method,
    peer: SocketAddr,
    path: &str,
    sent: Option<Sent>,
    limit: Duration,
) -> io::Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let talk = async {
        let stream = TcpStream::connect(peer).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let driver = tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header("host", peer.to_string());
        if let Some(sent) = &sent {
            request = request.header("content-type", sent.content_type);
        }
        let body = sent.map(|sent| Bytes::from(sent.body)).unwrap_or_default();
        let request = request.body(Full::new(body)).map_err(io::Error::other)?;
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MAX_ANSWER)
            .collect()
            .await
            .map_err(io::Error::other)?;
        driver.abort();
        Ok(Answer { status, body: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
    };
    runtime.block_on(async {
        tokio::time::timeout(limit, talk).await.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, format!("{peer}{path}: no answer in {limit:?}"))
        })?
    })
}

/// `text` as a value inside a query string (RFC 3986, section 2.3: unreserved bytes stay).
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn everything_but_unreserved_bytes_is_escaped() {
        assert_eq!(escape("a-b_c.d~1"), "a-b_c.d~1");
        assert_eq!(escape("{x=\"y\"}[1m]&"), "%7Bx%3D%22y%22%7D%5B1m%5D%26");
    }
}
