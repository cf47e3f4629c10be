//! The plain TCP side of the service: one line asked, one line answered, as a database or a cache.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::StatusCode;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use super::App;

/// Longest line that is read, in bytes.
const MAX_LINE: u64 = 2 << 20;
/// Most idle connections that a caller keeps to one service.
const MAX_IDLE: usize = 64;

/// Answers every line of a connection until the caller closes it.
pub(super) async fn serve(app: Arc<App>, stream: TcpStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        if (&mut read).take(MAX_LINE).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let (failed, bytes) = super::work(&app).await;
        if failed.is_some() {
            // A database that fails closes the connection.
            return Ok(());
        }
        let mut answer = vec![b'.'; bytes];
        answer.push(b'\n');
        write.write_all(&answer).await?;
    }
}

/// Idle connections to one service.
#[derive(Debug, Default)]
pub(super) struct Idle(Mutex<Vec<BufReader<TcpStream>>>);

impl Idle {
    fn take(&self) -> Option<BufReader<TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, stream: BufReader<TcpStream>) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(stream);
        }
    }

    /// Asks one line; the outcome as the status that a proxy would make of it.
    pub(super) async fn ask(&self, from: Option<IpAddr>, to: SocketAddr) -> StatusCode {
        let asked = async {
            let mut stream = match self.take() {
                Some(stream) => stream,
                None => BufReader::new(connect(from, to).await?),
            };
            stream.write_all(b"get\n").await?;
            let mut line = String::new();
            let read = (&mut stream).take(MAX_LINE).read_line(&mut line).await?;
            if read > 0 {
                self.put(stream);
            }
            io::Result::Ok(read > 0)
        };
        match asked.await {
            Ok(true) => StatusCode::OK,
            Ok(false) | Err(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

/// Opens a connection from `from`, or from the address that the system chooses.
pub(super) async fn connect(from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(from) = from {
        socket.bind(SocketAddr::from((from, 0)))?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
