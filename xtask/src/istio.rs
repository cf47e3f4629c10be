//! `cargo xtask lab tools`: builds istio-xds, Istio's own control plane as a program that answers
//! for a folder of manifests. Tests compare our reader with it; the laboratory's meshes run under it.
//!
//! Go and Istio's modules are not needed for anything else, so nothing builds it unasked. The
//! environment's proxy settings hold for Go too.

use std::path::Path;

use anyhow::{Result, bail};

use crate::command::{command, find, run};
use crate::workspace;

/// Builds the program into `.cache/istio-xds`: minutes the first time, seconds after a change.
pub(crate) fn build(root: &Path) -> Result<()> {
    let sources = root.join("lab").join("istio-xds");
    let folder = workspace::cache(root).join("istio-xds");
    let program = folder.join("istio-xds");
    if find("go").is_none() {
        let version = sources.join("go.mod");
        bail!("no `go` on the search path; install the Go that {} asks for", version.display());
    }
    std::fs::create_dir_all(&folder)?;
    println!("building {}; the first time this takes minutes", program.display());
    // Renamed last, so that a build that was cut short leaves the program that was there.
    let built = folder.join("built");
    let mut go = command("go", &sources);
    go.args(["build", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(&built).arg(".");
    run(&mut go)?;
    std::fs::rename(&built, &program)?;
    println!("{} is built", program.display());
    Ok(())
}
