//! Runs an untrusting user's program with bounds on time, output and memory.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// What one run may use.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    /// Time on the wall.
    pub(super) time: Duration,
    /// Bytes on standard output.
    pub(super) output: usize,
    /// Address space in KiB, where the system can bound it.
    pub(super) memory: u64,
}

impl Default for Bounds {
    /// The largest chart of the public repositories prints 32 kB in 70 ms.
    fn default() -> Self {
        Self { time: Duration::from_secs(20), output: 32 << 20, memory: 4 << 20 }
    }
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself.
    Done {
        /// Whether its exit code was 0.
        success: bool,
        /// What it printed.
        stdout: Vec<u8>,
        /// The beginning of what it complained about.
        stderr: Vec<u8>,
    },
    /// It was stopped for its time.
    TooSlow,
    /// It was stopped for its output.
    TooMuch,
}

/// A command that runs `program`, with its memory bounded where there is a shell that can do so.
///
/// The shell only sets the limit and becomes the program; nothing of the arguments is parsed.
pub(super) fn command(program: &Path, bounds: &Bounds) -> Command {
    let shell = Path::new("/bin/sh");
    if !cfg!(unix) || !shell.is_file() {
        return Command::new(program);
    }
    let script = format!("ulimit -v {} 2>/dev/null; exec \"$0\" \"$@\"", bounds.memory);
    let mut command = Command::new(shell);
    command.args([OsStr::new("-c"), OsStr::new(&script), program.as_os_str()]);
    command
}

/// One end of the program's output, read to its end or its bound.
struct Stream {
    bytes: Vec<u8>,
    full: bool,
    is_stdout: bool,
}

/// Runs `command` within `bounds`.
pub(super) fn run(mut command: Command, bounds: &Bounds) -> io::Result<Ended> {
    const COMPLAINTS: usize = 64 << 10;
    let deadline = Instant::now() + bounds.time;
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn()?;
    let (sender, streams) = channel();
    if let Some(stdout) = child.stdout.take() {
        read(stdout, bounds.output, true, sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        read(stderr, COMPLAINTS, false, sender);
    }
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    loop {
        match streams.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(stream) if stream.is_stdout && stream.full => {
                stop(&mut child);
                return Ok(Ended::TooMuch);
            }
            Ok(stream) if stream.is_stdout => stdout = stream.bytes,
            Ok(stream) => stderr = stream.bytes,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                stop(&mut child);
                return Ok(Ended::TooSlow);
            }
        }
    }
    let success = child.wait()?.success();
    Ok(Ended::Done { success, stdout, stderr })
}

/// Reads `from` on a thread of its own; what is beyond the bound of complaints is read and dropped.
fn read(from: impl Read + Send + 'static, limit: usize, is_stdout: bool, to: Sender<Stream>) {
    std::thread::spawn(move || {
        let mut from = from;
        let mut bytes = Vec::new();
        let bound = u64::try_from(limit).unwrap_or(u64::MAX);
        // A stream that breaks ends; what was read until then counts.
        let _ = from.by_ref().take(bound).read_to_end(&mut bytes);
        let rest = if is_stdout { 1 } else { u64::MAX };
        let beyond = io::copy(&mut from.take(rest), &mut io::sink()).unwrap_or(0);
        // The receiver is gone when the run was stopped for another reason.
        let _ = to.send(Stream { bytes, full: beyond > 0, is_stdout });
    });
}

/// Stops a child and lets the system forget it.
fn stop(child: &mut Child) {
    // A child that ended by itself in the meantime cannot be stopped; nothing is lost.
    let _ = child.kill();
    let _ = child.wait();
}
