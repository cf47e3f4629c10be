//! The program `stilltrace`.

/// See [`stilltrace::run`].
fn main() -> std::process::ExitCode {
    stilltrace::run()
}
