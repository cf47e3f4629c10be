//! The same program as a plugin of kubectl, `kubectl stilltrace`.

/// See [`stilltrace::run`]: the name it was started by decides what the help says.
fn main() -> std::process::ExitCode {
    stilltrace::run()
}
