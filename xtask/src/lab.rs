//! `cargo xtask lab ARGS…`: the laboratory, built in release mode, with the programs it starts.

use anyhow::Result;

use crate::command::{cargo, command, run as run_command};
use crate::{control_plane, install, istio, workspace};

/// Hands `args` to `stilltrace-lab` unchanged, in the folder of the caller; `tools` and
/// `tools cluster` are ours.
///
/// The product is built beside it: `score` asks it.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let root = workspace::root()?;
    if args == ["tools"] {
        return istio::build(&root);
    }
    if args == ["tools", "cluster"] {
        return control_plane::install(&root);
    }
    let installed = install::run(&root);
    let mut build = cargo(&root);
    build.args(["build", "--release", "--quiet", "--locked", "--bins"]);
    run_command(build.args(["--package", "stilltrace", "--package", "stilltrace-lab"]))?;
    let lab = workspace::target(&root).join("release").join("stilltrace-lab");
    let mut lab = command(lab, &std::env::current_dir()?);
    run_command(installed.apply(lab.args(args)))
}
