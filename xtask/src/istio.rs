//! `cargo xtask lab tools`: builds istio-xds, Istio's own control plane as a program that answers
//! for a folder of manifests. A test of the laboratory compares our reader with it.
//!
//! Its sources are not part of this repository, and Go and its modules are not needed for anything
//! else, so nothing builds it unasked. The environment's proxy settings hold for Go too.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::{command, find, run};
use crate::workspace;

/// Variable that names the folder above `control-plane/istio-xds`.
const SOURCES: &str = "STILLTRACE_PROTOTYPES";

/// Builds the program into `.cache/istio-xds`, unless it is there.
pub(crate) fn build(root: &Path) -> Result<()> {
    let folder = workspace::cache(root).join("istio-xds");
    let program = folder.join("istio-xds");
    if program.is_file() {
        println!("{} is there", program.display());
        return Ok(());
    }
    let sources = sources(root)?;
    if find("go").is_none() {
        let version = sources.join("go.mod");
        bail!("no `go` on the search path; install the Go that {} asks for", version.display());
    }
    // Copied, because the folder of the sources may be read-only.
    let copy = folder.join("sources");
    std::fs::create_dir_all(&copy)?;
    for name in ["go.mod", "go.sum", "main.go"] {
        let text = std::fs::read(sources.join(name))
            .with_context(|| format!("cannot read {name} of istio-xds"))?;
        std::fs::write(copy.join(name), text)?;
    }
    println!("building {}; this takes minutes", program.display());
    let mut go = command("go", &copy);
    run(go.args(["build", "-o", "built", "."]))?;
    // Renamed last, so that a build that was cut short starts anew.
    std::fs::rename(copy.join("built"), &program)?;
    std::fs::remove_dir_all(&copy)?;
    println!("{} is built", program.display());
    Ok(())
}

/// The folder of the program's sources: as told, or beside the repository.
fn sources(root: &Path) -> Result<PathBuf> {
    let told = std::env::var_os(SOURCES).map(PathBuf::from);
    let beside = root.parent().map(|parent| parent.join("shared").join("prototypes"));
    let sources = told.or(beside).unwrap_or_default().join("control-plane").join("istio-xds");
    if !sources.join("go.mod").is_file() {
        bail!("no sources of istio-xds; set {SOURCES} to the folder above control-plane/istio-xds");
    }
    Ok(sources)
}
