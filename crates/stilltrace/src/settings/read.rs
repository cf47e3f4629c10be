//! From the arguments to what is in effect.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use stilltrace_manifest::{Tree, Value, helm::HelmRenderer, yaml};
use stilltrace_model::{Gap, Platform};
use stilltrace_platform::{Cluster, MeshFile, Options, ParseCache, read_all, read_once};
use stilltrace_sources::{
    HelmProgram,
    files::{Asked, Beside, Opened, with_files},
};

use super::Arguments;
use crate::suggest;

/// Largest file that is read beside the repository, in bytes.
const MAX_FILE: u64 = 8 << 20;

/// Reads what is in effect in the cluster that is asked about.
pub(super) fn platform(arguments: &Arguments) -> anyhow::Result<Platform> {
    let (platform, opened) = asked(arguments, of_tree)?;
    let mut platform = platform?;
    platform.revision.clone_from(&opened.revision);
    platform.gaps.extend(opened.unreadable.iter().map(|error| Gap {
        what: error.to_string(),
        why: "what it holds is not part of the answer".to_owned(),
        remedy: "let it be read, or name a folder without it".to_owned(),
        ..Gap::default()
    }));
    if let Some(file) = &arguments.mesh_networks {
        platform.gaps.push(networks(file)?);
    }
    platform.gaps.sort();
    Ok(platform)
}

/// Reads what is in effect in every cluster.
pub(super) fn clusters(arguments: &Arguments) -> anyhow::Result<Vec<Cluster>> {
    let (clusters, _) = asked(arguments, |tree, options| {
        read_all(tree, &mut ParseCache::new(), &Options { cluster: None, ..options.clone() })
    })?;
    Ok(clusters)
}

/// Opens what the arguments name and reads it.
fn asked<T>(
    arguments: &Arguments,
    read: impl Fn(&dyn Tree, &Options<'_>) -> T,
) -> anyhow::Result<(T, Opened)> {
    let mesh = arguments.mesh_config.as_deref().map(Mesh::read).transpose()?;
    // Charts are rendered where there is a program for it; without one each of them is a gap.
    let helm = HelmProgram::find().ok();
    let options = Options {
        cluster: arguments.cluster.clone(),
        root_namespace: arguments.istio_namespace.clone(),
        helm: helm.as_ref().map(|helm| helm as &dyn HelmRenderer),
        vendored: arguments.vendored.clone(),
        mesh_config: mesh.as_ref().map(Mesh::file),
        injected: arguments.inject.clone(),
        ..Options::default()
    };
    let files = Asked { path: arguments.repo.as_deref(), revision: arguments.rev.as_deref() };
    Ok(with_files(files, |tree: &dyn Tree| match &mesh {
        Some(mesh) => read(&Beside::new(tree, &mesh.path, mesh.text.as_bytes()), &options),
        None => read(tree, &options),
    })?)
}

/// Reads a tree. A cluster that the repository does not have is an error.
fn of_tree(tree: &dyn Tree, options: &Options<'_>) -> anyhow::Result<Platform> {
    let platform = read_once(tree, options);
    let Some(name) = &options.cluster else { return Ok(platform) };
    if !platform.workloads.is_empty() || !platform.services.is_empty() {
        return Ok(platform);
    }
    let all = Options { cluster: None, ..options.clone() };
    let names: Vec<String> = read_all(tree, &mut ParseCache::new(), &all)
        .into_iter()
        .map(|cluster| cluster.name)
        .collect();
    if names.contains(name) {
        return Ok(platform);
    }
    let mut holding = names.iter().filter(|known| known.contains(name.as_str()));
    let only = holding.next().filter(|_| holding.next().is_none()).map(String::as_str);
    match only.or_else(|| suggest::closest(name, names.iter().map(String::as_str))) {
        Some(near) => bail!("there is no cluster `{name}`; did you mean `{near}`?"),
        None => bail!("there is no cluster `{name}`; known are {}", names.join(", ")),
    }
}

/// A mesh configuration from outside of the repository.
struct Mesh {
    path: String,
    text: String,
}

impl Mesh {
    /// Reads a file that must hold one mapping.
    fn read(file: &Path) -> anyhow::Result<Self> {
        let (path, text) = (file.display().to_string(), text(file)?);
        let parsed = yaml::parse(&path, text.as_bytes(), &yaml::Budget::default());
        if let Some(problem) = parsed.problems.iter().find(|one| !one.kind.is_read()) {
            bail!("{problem}");
        }
        let is_mapping =
            |document: &yaml::Document| matches!(document.root.value, Value::Mapping(_));
        match parsed.documents.as_slice() {
            [one] if is_mapping(one) => Ok(Self { path, text }),
            [_] => bail!("{path}: holds no mapping; write the fields of MeshConfig there"),
            several => bail!("{path}: holds {} documents instead of one", several.len()),
        }
    }

    fn file(&self) -> MeshFile<'_> {
        MeshFile { path: &self.path, text: &self.text }
    }
}

fn text(file: &Path) -> anyhow::Result<String> {
    let unreadable = || format!("{}: cannot be read", file.display());
    let mut text = String::new();
    let mut opened = fs::File::open(file).with_context(unreadable)?.take(MAX_FILE + 1);
    opened.read_to_string(&mut text).with_context(unreadable)?;
    if text.len() as u64 > MAX_FILE {
        bail!("{}: larger than {MAX_FILE} bytes", file.display());
    }
    Ok(text)
}

/// Networks decide through which gateway an endpoint is reached, which is not computed.
fn networks(file: &Path) -> anyhow::Result<Gap> {
    text(file)?;
    Ok(Gap {
        what: format!("{}: networks are not evaluated", file.display()),
        why: "endpoints of other networks count like those of the caller's own".to_owned(),
        remedy: "compare with `istioctl proxy-config endpoints` where it matters".to_owned(),
        ..Gap::default()
    })
}
