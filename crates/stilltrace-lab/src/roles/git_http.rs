//! `git-http`: a Git server that speaks smart HTTP, around `git http-backend`.
//!
//! Argo CD and Flux take repositories over HTTP only. Whoever reaches the address may push: it
//! listens inside a lab's namespace, which nothing outside can reach.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Largest request that is read, in bytes: a push of a generated repository is far below 1 MB.
const MAX_REQUEST: usize = 64 << 20;

/// What to serve and where.
#[derive(Debug, Clone, clap::Args)]
pub struct GitHttpArgs {
    /// Folder with the bare repositories.
    #[arg(long)]
    root: PathBuf,
    /// Address to listen on.
    #[arg(long)]
    listen: SocketAddr,
}

/// Serves until it is ended.
pub fn run(args: &GitHttpArgs) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { serve(TcpListener::bind(args.listen).await?, &args.root).await })
}

/// Answers every connection of a listener.
async fn serve(listener: TcpListener, root: &Path) -> io::Result<()> {
    let root = Arc::new(root.to_path_buf());
    loop {
        let (stream, _) = listener.accept().await?;
        let root = Arc::clone(&root);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&root), request));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Serves one request; what Git cannot answer is a bad gateway with its words.
async fn answer(
    root: Arc<PathBuf>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_REQUEST).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "request too large"));
    };
    let body = body.to_bytes();
    let path = head.uri.path().to_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let work = tokio::task::spawn_blocking(move || {
        backend(&root, head.method.as_str(), &path, &query, &head.headers, &body)
    });
    let done = work.await.map_err(io::Error::other).and_then(|done| done);
    Ok(done.unwrap_or_else(|error| plain(StatusCode::BAD_GATEWAY, &error.to_string())))
}

/// Runs `git http-backend` for one request, as a web server's CGI would (RFC 3875).
fn backend(
    root: &Path,
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> io::Result<Response<Full<Bytes>>> {
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let protocol = HeaderName::from_static("git-protocol");
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([("GIT_CONFIG_COUNT", "2"), ("GIT_CONFIG_KEY_0", "http.receivepack")])
        .envs([("GIT_CONFIG_VALUE_0", "true"), ("GIT_CONFIG_KEY_1", "safe.directory")])
        .env("GIT_CONFIG_VALUE_1", "*")
        .envs([("REQUEST_METHOD", method), ("PATH_INFO", path), ("QUERY_STRING", query)])
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("CONTENT_TYPE", header(CONTENT_TYPE).unwrap_or_default())
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header(CONTENT_ENCODING).unwrap_or_default())
        .env("GIT_PROTOCOL", header(protocol).unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // Git may answer before it has read everything; a closed pipe is no failure then.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(body)));
        child.wait_with_output()
    })?;
    response(&output.stdout)
}

/// The response that a CGI program wrote.
fn response(output: &[u8]) -> io::Result<Response<Full<Bytes>>> {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = end
        .and_then(|end| Some((output.get(..end)?, output.get(end + 4..)?)))
        .ok_or_else(|| io::Error::other("git http-backend wrote no head"))?;
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(head).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        response = if name.eq_ignore_ascii_case("status") {
            response.status(value.get(..3).unwrap_or("500"))
        } else {
            response.header(name, value)
        };
    }
    response.body(Full::new(Bytes::copy_from_slice(body))).map_err(io::Error::other)
}

/// A response with a line of text.
fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use super::*;

    /// Runs Git in a folder and gives what it printed.
    fn git(folder: &Path, args: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(["-c", "user.name=A", "-c", "user.email=a@example.com"])
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    #[test]
    fn what_was_pushed_is_cloned() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (ours, served) = (at("ours"), at("served/platform.git"));
        git(folder.path(), &["init", "-q", "--bare", "-b", "main", "served/platform.git"]);
        git(folder.path(), &["init", "-q", "-b", "main", "ours"]);
        // Larger than a pipe holds, so that writing and reading must go on side by side.
        let lines: Vec<_> = (0..60_000).map(|line| (line * 7_919).to_string()).collect();
        std::fs::write(ours.join("file.yaml"), lines.join("\n")).unwrap();
        git(&ours, &["add", "."]);
        git(&ours, &["commit", "-q", "-m", "first"]);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/platform.git", listener.local_addr().unwrap());
        let root = at("served");
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                listener.set_nonblocking(true)?;
                serve(TcpListener::from_std(listener)?, &root).await
            })
        });
        git(&ours, &["push", "-q", &url, "HEAD:refs/heads/main"]);
        assert_eq!(git(&served, &["rev-parse", "main"]), git(&ours, &["rev-parse", "HEAD"]));
        git(folder.path(), &["clone", "-q", &url, "theirs"]);
        assert_eq!(git(&at("theirs"), &["rev-parse", "HEAD"]), git(&ours, &["rev-parse", "HEAD"]));
    }

    #[test]
    fn a_status_that_git_gives_is_handed_on() {
        let made =
            response(b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno").unwrap();
        assert_eq!(made.status(), StatusCode::NOT_FOUND);
        assert_eq!(made.headers()[CONTENT_TYPE], "text/plain");
        assert!(response(b"nothing").is_err());
    }
}
