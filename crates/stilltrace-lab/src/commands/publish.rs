//! `publish`: a copy of a capture without its solution, as the command line embeds one.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use stilltrace_capture::{Bundle, BundleWriter};

/// What to copy.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PublishArgs {
    /// The packed capture.
    capture: PathBuf,
    /// File of the copy.
    out: PathBuf,
}

/// Writes the copy: every file that belongs to the evidence, nothing else.
pub(crate) fn run(args: &PublishArgs) -> Result<()> {
    let packed = std::fs::read(&args.capture)
        .with_context(|| format!("{} cannot be read", args.capture.display()))?;
    let mut manifest = Bundle::from_bytes(&packed)?.manifest().clone();
    let folder = tempfile::tempdir()?;
    let unpacked = folder.path().join("capture");
    Bundle::unpack(&packed, &unpacked)?;
    let files: Vec<String> = std::mem::take(&mut manifest.files).into_keys().collect();
    let mut writer = BundleWriter::new(manifest);
    for name in &files {
        let bytes = std::fs::read(unpacked.join(name)).with_context(|| name.clone())?;
        writer.file(name, bytes)?;
    }
    writer.write_file(&args.out)?;
    Ok(())
}
