//! Where the repository is and what belongs to it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::{cargo, command, text};

/// The root of the repository.
pub(crate) fn root() -> Result<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.parent().context("the task runner is not inside a workspace")?;
    Ok(root.to_path_buf())
}

/// Where tests' programs are kept between runs; ignored by Git.
pub(crate) fn cache(root: &Path) -> PathBuf {
    root.join(".cache")
}

/// The folder that cargo builds into.
pub(crate) fn target(root: &Path) -> PathBuf {
    let told = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root.join(told)
}

/// Every file that is, or would be, committed: path relative to the root with `/`, sorted.
pub(crate) fn files(root: &Path) -> Result<Vec<String>> {
    let mut list = command("git", root);
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut files: Vec<String> = text(&mut list)?
        .split('\0')
        // A file that was deleted but not yet committed is listed, and is not there.
        .filter(|path| !path.is_empty() && root.join(path).symlink_metadata().is_ok())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// Whether the name of `path` ends with that extension, in that spelling.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// The text of a file, or `None` where it is binary.
pub(crate) fn source(root: &Path, path: &str) -> Result<Option<String>> {
    let bytes = std::fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))?;
    Ok(String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')))
}

/// What cargo knows of the workspace, all dependencies resolved for this machine.
pub(crate) fn metadata(root: &Path) -> Result<Value> {
    let version = text(command("rustc", root).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("`rustc -vV` names no host")?;
    let mut metadata = cargo(root);
    metadata.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host]);
    serde_json::from_str(&text(&mut metadata)?).context("`cargo metadata` printed no JSON")
}
