//! The real Kustomize: its command, and a program of ours that calls its Go API.
//!
//! Both are built from the Go module proxy by name and version, once, below `.cache`. Without Go
//! they are not there, and the benchmark measures the product alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::{command, find, run};
use crate::workspace;

/// The version that the product equals byte for byte.
pub(super) const VERSION: &str = "v5.8.2";
/// The command's package.
const PACKAGE: &str = "sigs.k8s.io/kustomize/kustomize/v5";
/// The sources of the program that calls the API, and which of them Go needs.
const DRIVER: (&str, [&str; 3]) = ("bench/kustomize-api", ["go.mod", "go.sum", "main.go"]);

/// Where the two programs are.
#[derive(Debug)]
pub(super) struct Peers {
    /// `kustomize`.
    pub(super) kustomize: PathBuf,
    /// The program that calls the API.
    pub(super) driver: PathBuf,
}

/// Builds what is missing.
pub(super) fn build(root: &Path) -> Result<Peers> {
    let folder =
        workspace::cache(root).join(format!("kustomize-{}", VERSION.trim_start_matches('v')));
    std::fs::create_dir_all(&folder)?;
    let peers = Peers { kustomize: folder.join("kustomize"), driver: folder.join("kustomize-api") };
    if peers.kustomize.is_file() && peers.driver.is_file() {
        return Ok(peers);
    }
    if find("go").is_none() {
        bail!("no `go` on the search path; install it to measure the real kustomize as well");
    }
    println!("building kustomize {VERSION}; this takes minutes");
    let mut install = command("go", &folder);
    run(install.args(["install", &format!("{PACKAGE}@{VERSION}")]).env("GOBIN", &folder))?;
    let (sources, names) = DRIVER;
    // Copied, so that Go writes nothing beside the sources.
    let copy = folder.join("sources");
    std::fs::create_dir_all(&copy)?;
    for name in names {
        std::fs::copy(root.join(sources).join(name), copy.join(name))
            .with_context(|| format!("cannot copy {sources}/{name}"))?;
    }
    let mut driver = command("go", &copy);
    run(driver.args(["build", "-o"]).arg(&peers.driver).arg("."))?;
    std::fs::remove_dir_all(&copy)?;
    Ok(peers)
}
