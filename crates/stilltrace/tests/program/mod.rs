//! Runs the built program with an environment of its own.

#![allow(clippy::unwrap_used, dead_code, reason = "test support: a failure is the test's failure")]

use std::{
    ffi::OsStr,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// The program, with a home folder that only this test knows.
pub(crate) struct Program {
    file: &'static str,
    home: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// What a run left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// `stilltrace`.
    pub(crate) fn new() -> Self {
        Self::of(env!("CARGO_BIN_EXE_stilltrace"))
    }

    /// `kubectl-stilltrace`.
    pub(crate) fn plugin() -> Self {
        Self::of(env!("CARGO_BIN_EXE_kubectl-stilltrace"))
    }

    fn of(file: &'static str) -> Self {
        Self { file, home: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// What its help calls it.
    pub(crate) fn name(&self) -> &'static str {
        if self.file.contains("kubectl-") { "kubectl stilltrace" } else { "stilltrace" }
    }

    /// The folder in which it keeps its state.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Sets a variable for the following runs.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Runs it to the end.
    pub(crate) fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Run {
        Run::of(&self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs it with bytes on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[impl AsRef<OsStr>], input: &[u8]) -> Run {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may stop reading when it has seen enough.
        let _ = child.stdin.take().unwrap().write_all(input);
        Run::of(&child.wait_with_output().unwrap())
    }

    /// Runs it with a standard output that nobody reads; gives exit code and standard error.
    pub(crate) fn run_into_closed_pipe(&self, arguments: &[impl AsRef<OsStr>]) -> (i32, String) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        self.run_into(arguments, writer.into())
    }

    /// Runs it with a standard output; gives exit code and standard error.
    pub(crate) fn run_into(&self, arguments: &[impl AsRef<OsStr>], output: Stdio) -> (i32, String) {
        let mut command = self.command(arguments);
        let child =
            command.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped()).spawn().unwrap();
        let run = Run::of(&child.wait_with_output().unwrap());
        (run.code, run.stderr)
    }

    fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(self.file);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("XDG_STATE_HOME", self.home.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Run {
    fn of(output: &Output) -> Self {
        Self {
            // A run ended by a signal has no code.
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }
}
