//! `stilltrace-lab`: runs real meshes with faults on one machine.
//!
//! The subcommands that people use are one module each below `commands`; the hidden ones are the
//! processes of a mesh ([`stilltrace_lab::roles`]).
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

mod commands;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use stilltrace_lab::host::janitor;
use stilltrace_lab::roles;

/// Runs real meshes with faults on one machine, without a cluster.
#[derive(Debug, Parser)]
#[command(version, after_help = "Example:\n  stilltrace-lab up lab/topologies/shop.yaml --load 20")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Start a mesh, send traffic, say what was seen, and end it.
    Up(commands::up::UpArgs),
    /// Run a scenario and record it as a capture.
    Run(commands::run::RunArgs),
    /// Record every scenario with every variant, and its control.
    RecordAll(commands::record_all::RecordAllArgs),
    /// Check that the faults of a folder of recordings show beyond the noise of their controls.
    Moved(commands::moved::MovedArgs),
    /// Copy a capture without its solution.
    Publish(commands::publish::PublishArgs),
    /// Ask the product about captures and compare with the truth.
    Score(commands::score::ScoreArgs),
    /// End every lab of this user and clear up after dead ones.
    Down,
    /// Take a place in the lab, then become another program.
    #[command(hide = true)]
    Exec(roles::exec::ExecArgs),
    /// The service of a pod.
    #[command(hide = true)]
    Svc(roles::svc::SvcArgs),
    /// The clients.
    #[command(hide = true)]
    Load(roles::load::LoadArgs),
    /// The sampler of CPU use.
    #[command(hide = true)]
    Sample(roles::sample::SampleArgs),
    /// The stand-in for kubelet, node exporter and trace collector.
    #[command(hide = true)]
    Exporter(roles::exporter::ExporterArgs),
    /// The Git server of a control plane.
    #[command(hide = true)]
    GitHttp(roles::git_http::GitHttpArgs),
    /// Clears up when the lab is killed.
    #[command(hide = true)]
    Janitor {
        /// The lab's folder.
        #[arg(long)]
        state: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Does what was asked.
fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(args) => commands::up::run(&args)?,
        Command::Run(args) => commands::run::run(&args)?,
        Command::RecordAll(args) => commands::record_all::run(&args)?,
        Command::Moved(args) => commands::moved::run(&args)?,
        Command::Publish(args) => commands::publish::run(&args)?,
        Command::Score(args) => commands::score::run(&args)?,
        Command::Down => commands::down::run()?,
        Command::Exec(args) => roles::exec::run(&args)?,
        Command::Svc(args) => roles::svc::run(&args)?,
        Command::Load(args) => roles::load::run(&args)?,
        Command::Sample(args) => roles::sample::run(&args)?,
        Command::Exporter(args) => roles::exporter::run(&args)?,
        Command::GitHttp(args) => roles::git_http::run(&args)?,
        Command::Janitor { state } => janitor::run(&state)?,
    }
    Ok(())
}
