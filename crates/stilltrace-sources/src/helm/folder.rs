//! Charts as folders that Helm can read.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use stilltrace_manifest::helm::ChartFiles;
use stilltrace_manifest::tree::join;
use tempfile::TempDir;

/// Charts that lie in a folder: rendering one with other values needs no second copy.
#[derive(Debug, Default)]
pub(super) struct Charts {
    kept: Vec<(Arc<ChartFiles>, Arc<TempDir>)>,
}

/// Charts kept: a chart and its marked copies are asked for in turn.
const KEPT: usize = 6;

impl Charts {
    /// The folder that holds `files`; it lives as long as the result.
    pub(super) fn folder_of(&mut self, files: &Arc<ChartFiles>) -> io::Result<Arc<TempDir>> {
        let known = self.kept.iter().find(|(kept, _)| Arc::ptr_eq(kept, files));
        if let Some((_, folder)) = known {
            return Ok(Arc::clone(folder));
        }
        let folder = tempfile::Builder::new().prefix("stilltrace-chart-").tempdir()?;
        write(files, folder.path())?;
        let folder = Arc::new(folder);
        if self.kept.len() >= KEPT {
            self.kept.remove(0);
        }
        self.kept.push((Arc::clone(files), Arc::clone(&folder)));
        Ok(folder)
    }
}

/// Writes all files below `folder`, and none beside it.
fn write(files: &ChartFiles, folder: &Path) -> io::Result<()> {
    let mut made = None;
    for (name, content) in files {
        let inside = join("", name).filter(|clean| clean == name && !name.contains(['\\', '\0']));
        let Some(inside) = inside else {
            return Err(io::Error::other(format!("{name}: leads out of the chart")));
        };
        let path = folder.join(inside);
        let parent = path.parent().unwrap_or(folder);
        if made.as_deref() != Some(parent) {
            fs::create_dir_all(parent)?;
            made = Some(parent.to_owned());
        }
        fs::write(&path, content)?;
    }
    Ok(())
}
