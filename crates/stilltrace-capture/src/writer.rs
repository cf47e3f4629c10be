//! Writes a capture, packed or as a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use stilltrace_model::{Bursts, Call, ContainerId, Event};

use crate::archive::{self, Files};
use crate::bundle::Bundle;
use crate::error::CaptureError;
use crate::manifest::Manifest;
use crate::openmetrics::{self, RawSeries};
use crate::{bursts, digest, events, folder, layout, tables};

/// Collects the parts of a capture. Equal parts give equal bytes, whatever the order of calls.
///
/// ```
/// use stilltrace_capture::{Bundle, BundleWriter, Manifest};
/// use stilltrace_model::{Question, ServiceId, Timestamp, Window};
///
/// let window = Window { from: Timestamp(0), to: Timestamp(140_000) };
/// let question =
///     Question { service: ServiceId::new("shop", "web"), window, target_seconds: Some(0.3) };
/// let packed = BundleWriter::new(Manifest::new(&question)).pack()?;
/// assert_eq!(Bundle::from_bytes(&packed)?.manifest().question(), Some(question));
/// # Ok::<(), stilltrace_capture::CaptureError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BundleWriter {
    manifest: Manifest,
    files: Files,
    truth: Option<Vec<u8>>,
}

impl BundleWriter {
    /// A capture with nothing but its manifest. `manifest.files` is filled in when it is written.
    pub fn new(manifest: Manifest) -> Self {
        Self { manifest, files: Files::new(), truth: None }
    }

    /// The manifest, to add sources, gaps and notes while recording.
    pub fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// Adds `samples/NAME.om`, series sorted by metric and labels. Replaces what was there.
    pub fn samples(&mut self, name: &str, series: &[RawSeries]) {
        let mut sorted = series.to_vec();
        sorted.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
        self.samples_text(name, openmetrics::print(&sorted));
    }

    /// Adds `samples/NAME.om` from text that already is OpenMetrics with timestamps.
    pub fn samples_text(&mut self, name: &str, text: String) {
        self.files.insert(format!("{}{name}.om", layout::SAMPLES), text.into_bytes());
    }

    /// Adds `bursts.csv`. Values are rounded to 10 µs.
    ///
    /// # Errors
    /// When the windows of a container are not a whole number of milliseconds.
    pub fn bursts(&mut self, all: &BTreeMap<ContainerId, Bursts>) -> Result<(), CaptureError> {
        for (id, one) in all {
            if one.window_us < 1_000 || !one.window_us.is_multiple_of(1_000) {
                let reason =
                    format!("windows of {id} of {} µs; must be whole milliseconds", one.window_us);
                return Err(CaptureError::Unfit { file: layout::BURSTS.to_owned(), reason });
            }
        }
        self.files.insert(layout::BURSTS.to_owned(), bursts::print(all).into_bytes());
        Ok(())
    }

    /// Adds `events.jsonl`, sorted by time.
    pub fn events(&mut self, all: &[Event]) {
        self.files.insert(layout::EVENTS.to_owned(), events::print(all).into_bytes());
    }

    /// Adds `calls.csv`, sorted by edge.
    pub fn calls(&mut self, all: &[Call]) {
        let mut sorted = all.to_vec();
        sorted.sort_by(|a, b| a.edge.cmp(&b.edge));
        self.files.insert(layout::CALLS.to_owned(), tables::print_calls(&sorted).into_bytes());
    }

    /// Adds `containers.csv`, sorted: which pods and containers belong to which workload.
    pub fn containers(&mut self, all: &[ContainerId]) {
        let mut sorted = all.to_vec();
        sorted.sort();
        sorted.dedup();
        let text = tables::print_containers(&sorted);
        self.files.insert(layout::CONTAINERS.to_owned(), text.into_bytes());
    }

    /// Adds the history of the bare repository at `path`: references and objects. Hooks, logs and
    /// the configuration are left behind.
    ///
    /// # Errors
    /// When it cannot be read, holds links, or is larger than a capture may be.
    pub fn repository(&mut self, path: &Path) -> Result<(), CaptureError> {
        let capture = path.display().to_string();
        let mut pending = vec![(path.to_path_buf(), String::new())];
        while let Some((folder, inside)) = pending.pop() {
            let unreadable = |source| CaptureError::Unreadable {
                capture: capture.clone(),
                file: folder.display().to_string(),
                source,
            };
            for entry in fs::read_dir(&folder).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let name = if inside.is_empty() { name } else { format!("{inside}/{name}") };
                let kind = entry.file_type().map_err(unreadable)?;
                if kind.is_dir() && layout::is_repository_part(&format!("{name}/")) {
                    pending.push((entry.path(), name));
                } else if kind.is_file() && layout::is_repository_part(&name) && name != "config" {
                    let bytes = fs::read(entry.path()).map_err(unreadable)?;
                    self.files.insert(format!("{}{name}", layout::REPOSITORY), bytes);
                }
            }
        }
        // The least that Git needs to take the unpacked folder for a bare repository.
        let config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
        self.files.insert(format!("{}config", layout::REPOSITORY), config.into());
        Ok(())
    }

    /// Adds one file of the bare repository, by its path inside it, such as `refs/heads/main`.
    ///
    /// # Errors
    /// When the path is not one that carries history.
    pub fn repository_file(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), CaptureError> {
        self.file(&format!("{}{path}", layout::REPOSITORY), bytes)
    }

    /// Adds a part that is carried as it is: `objects.jsonl`, `audit.jsonl`, `logs.jsonl`, `spans.jsonl`, or any
    /// other file of a capture as bytes.
    ///
    /// # Errors
    /// When the path does not belong to a capture.
    pub fn file(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), CaptureError> {
        let fit = layout::normalise(path, crate::Budget::default().depth);
        let unfit =
            |reason: &str| CaptureError::Unfit { file: path.to_owned(), reason: reason.to_owned() };
        let fit = fit.map_err(unfit)?;
        if !layout::is_known(&fit) || fit == layout::MANIFEST {
            return Err(unfit("no part of the format has this name"));
        }
        self.files.insert(fit, bytes);
        Ok(())
    }

    /// Adds `truth.json`: the known cause of a lab incident, outside the digest.
    pub fn truth(&mut self, bytes: Vec<u8>) {
        self.truth = Some(bytes);
    }

    /// The packed form.
    ///
    /// # Errors
    /// When it could not be read back: a part is larger than the budget, or cannot be understood.
    pub fn pack(&self) -> Result<Vec<u8>, CaptureError> {
        let manifest = self.manifest_bytes();
        let packed = archive::pack(&self.all(&manifest)).map_err(|source| {
            CaptureError::Unwritable { path: "the archive".to_owned(), source }
        })?;
        Bundle::from_bytes(&packed)?;
        Ok(packed)
    }

    /// Writes the packed form to a file.
    ///
    /// # Errors
    /// As [`BundleWriter::pack`], and when the file cannot be written.
    pub fn write_file(&self, path: &Path) -> Result<(), CaptureError> {
        let packed = self.pack()?;
        fs::write(path, packed)
            .map_err(|source| CaptureError::Unwritable { path: path.display().to_string(), source })
    }

    /// Writes the unpacked form into `root`, which must be new or empty.
    ///
    /// # Errors
    /// When the folder is not empty or cannot be written.
    pub fn write_folder(&self, root: &Path) -> Result<(), CaptureError> {
        folder::write(root, &self.all(&self.manifest_bytes()))
    }

    fn manifest_bytes(&self) -> Vec<u8> {
        let sums = self.files.iter().map(|(path, bytes)| (path.clone(), digest::of_file(bytes)));
        Manifest { files: sums.collect(), ..self.manifest.clone() }.print()
    }

    fn all<'a>(&'a self, manifest: &'a [u8]) -> BTreeMap<&'a str, &'a [u8]> {
        let mut all: BTreeMap<&str, &[u8]> =
            self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        all.insert(layout::MANIFEST, manifest);
        if let Some(truth) = &self.truth {
            all.insert(layout::TRUTH, truth);
        }
        all
    }
}
