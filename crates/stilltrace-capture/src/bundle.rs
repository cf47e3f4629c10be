//! A capture in memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use stilltrace_model::{Bursts, Call, ContainerId, Event, Gap};

use crate::archive::{self, Files};
use crate::budget::Budget;
use crate::error::CaptureError;
use crate::manifest::{self, Manifest, SCHEMA};
use crate::openmetrics::{Collector, RawSeries};
use crate::{bursts, digest, events, folder, layout, tables};

/// A capture in memory: every file that belongs to it, the small tables read, nothing evaluated.
#[derive(Debug)]
pub struct Bundle {
    form: Form,
    manifest: Manifest,
    digest: String,
    samples: Vec<RawSeries>,
    bursts: BTreeMap<ContainerId, Bursts>,
    events: Vec<Event>,
    calls: Vec<Call>,
    containers: Vec<ContainerId>,
    notes: Vec<String>,
    missing: Vec<Gap>,
    files: Files,
}

/// How the capture was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A compressed archive. A file that does not match its digest is an error.
    Packed,
    /// A folder. A file that does not match its digest was edited, which is a note.
    Folder,
}

impl Bundle {
    /// Reads the folder or the packed file at `path` with the default budget.
    ///
    /// # Errors
    /// When it is not a capture, is damaged, too large, newer than this program, or a file in it
    /// cannot be understood. A missing part is no error but a gap, see [`Bundle::gaps`].
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::open_within(path, &Budget::default())
    }

    /// Reads the folder or the packed file at `path`.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn open_within(path: &Path, budget: &Budget) -> Result<Self, CaptureError> {
        let capture = path.display().to_string();
        let unreadable = |source: std::io::Error| {
            if source.kind() == ErrorKind::NotFound {
                CaptureError::Missing { capture: capture.clone() }
            } else {
                CaptureError::Unreadable { capture: capture.clone(), file: "it".to_owned(), source }
            }
        };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            let files = folder::read(&capture, path, budget)?;
            return Self::from_files(&capture, Form::Folder, files, budget);
        }
        if !metadata.is_file() {
            let reason = "it is a device, pipe or socket, not a file or folder".to_owned();
            return Err(CaptureError::Foreign { capture, reason });
        }
        // The length in the metadata is not trusted: a file can grow, and some have no length.
        let limit = budget.packed_bytes;
        let file = fs::File::open(path).map_err(unreadable)?;
        let mut packed = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut packed).map_err(unreadable)?;
        if packed.len() as u64 > limit {
            let file = "the packed file".to_owned();
            return Err(CaptureError::OverBudget { capture, file, what: "bytes", limit });
        }
        Self::from_files(
            &capture,
            Form::Packed,
            archive::unpack(&capture, &packed, budget)?,
            budget,
        )
    }

    /// Reads a packed capture that is already in memory, with the default budget.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn from_bytes(packed: &[u8]) -> Result<Self, CaptureError> {
        Self::from_bytes_within(packed, &Budget::default())
    }

    /// Reads a packed capture that is already in memory.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn from_bytes_within(packed: &[u8], budget: &Budget) -> Result<Self, CaptureError> {
        let files = archive::unpack("capture", packed, budget)?;
        Self::from_files("capture", Form::Packed, files, budget)
    }

    /// Unpacks a packed capture into the folder `root`, which must be new or empty. Only what
    /// belongs to a capture is written.
    ///
    /// # Errors
    /// As [`Bundle::open`], and when the folder is not empty or cannot be written.
    pub fn unpack(packed: &[u8], root: &Path) -> Result<(), CaptureError> {
        let files = archive::unpack("capture", packed, &Budget::default())?;
        let all = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        folder::write(root, &all)
    }

    fn from_files(
        capture: &str,
        form: Form,
        files: Files,
        budget: &Budget,
    ) -> Result<Self, CaptureError> {
        let manifest = read_manifest(capture, &files)?;
        let sums = digest::of_files(&files);
        let notes = check_digests(capture, form, &manifest, &sums)?;
        let events = parse(capture, &files, layout::EVENTS, events::parse)?;
        let calls = parse(capture, &files, layout::CALLS, tables::parse_calls)?;
        let bursts =
            parse(capture, &files, layout::BURSTS, |text| bursts::parse(text, budget.windows))?;
        let mut containers = parse(capture, &files, layout::CONTAINERS, tables::parse_containers)?;
        containers.extend(bursts.keys().cloned());
        containers.sort();
        containers.dedup();
        let mut collector = Collector::default();
        for (path, bytes) in files.iter().filter(|(path, _)| layout::is_samples(path)) {
            let text = text_of(capture, path, bytes)?;
            collector.read(text, budget.samples).map_err(|fault| fault.in_file(capture, path))?;
        }
        let digest = digest::of_capture(&manifest, &sums);
        let missing = missing_parts(&files);
        let samples = collector.finish();
        let mut files = files;
        // What has been read into tables is not kept twice.
        files.retain(|path, _| !layout::is_samples(path) && path != layout::BURSTS);
        Ok(Self {
            form,
            manifest,
            digest,
            samples,
            bursts,
            events,
            calls,
            containers,
            notes,
            missing,
            files,
        })
    }

    /// How it was stored.
    pub fn form(&self) -> Form {
        self.form
    }

    /// `manifest.json`.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 over everything that belongs to the capture, 64 hexadecimal digits. The packed and
    /// the unpacked form have the same; `truth.json` and unknown files do not count.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Raw series of all files of samples, sorted by metric and labels.
    pub fn samples(&self) -> &[RawSeries] {
        &self.samples
    }

    /// Short windows of CPU use.
    pub fn bursts(&self) -> &BTreeMap<ContainerId, Bursts> {
        &self.bursts
    }

    /// What happened, sorted by time.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Observed edges, sorted.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Containers known to belong to a workload, sorted.
    pub fn containers(&self) -> &[ContainerId] {
        &self.containers
    }

    /// Files of the bare repository by path inside it, such as `refs/heads/main`.
    pub fn repository(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        self.files.iter().filter_map(|(path, bytes)| {
            Some((path.strip_prefix(layout::REPOSITORY)?, bytes.as_slice()))
        })
    }

    /// A part that is carried as it is, such as `objects.jsonl` or `logs.jsonl`.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// What a reader should know: the manifest's notes, and files edited since the recording.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.manifest.notes.iter().chain(&self.notes).map(String::as_str)
    }

    /// What could not be had while recording, and parts that the capture lacks.
    pub fn gaps(&self) -> Vec<Gap> {
        self.manifest.gaps.iter().map(Gap::from).chain(self.missing.iter().cloned()).collect()
    }
}

fn read_manifest(capture: &str, files: &Files) -> Result<Manifest, CaptureError> {
    let Some(bytes) = files.get(layout::MANIFEST) else {
        let reason = "there is no manifest.json in it".to_owned();
        return Err(CaptureError::Foreign { capture: capture.to_owned(), reason });
    };
    let in_manifest = |fault: crate::error::Fault| fault.in_file(capture, layout::MANIFEST);
    let schema = manifest::schema_of(bytes).map_err(in_manifest)?;
    let newest = manifest::major(SCHEMA).unwrap_or(1);
    match manifest::major(&schema) {
        Some(version) if version > newest => {
            Err(CaptureError::Newer { capture: capture.to_owned(), found: schema, known: SCHEMA })
        }
        Some(_) => Manifest::parse(bytes).map_err(in_manifest),
        None => {
            let reason = format!("manifest.json names the schema {schema:?}, expected {SCHEMA:?}");
            Err(CaptureError::Foreign { capture: capture.to_owned(), reason })
        }
    }
}

/// Compares files with the digests of the manifest. In a folder a difference is a note.
fn check_digests(
    capture: &str,
    form: Form,
    manifest: &Manifest,
    sums: &BTreeMap<String, String>,
) -> Result<Vec<String>, CaptureError> {
    let mut edited = Vec::new();
    for (path, recorded) in &manifest.files {
        if !layout::is_known(path) || path == layout::MANIFEST {
            continue;
        }
        let what = match sums.get(path) {
            Some(sum) if sum == recorded => continue,
            Some(_) => "was changed since recording",
            None => "was removed since recording",
        };
        if form == Form::Packed {
            let (capture, file) = (capture.to_owned(), path.clone());
            return Err(CaptureError::Digest { capture, file, what });
        }
        edited.push(format!("{path} {what}"));
    }
    if !manifest.files.is_empty() {
        let added = sums.keys().filter(|path| !manifest.files.contains_key(*path));
        edited.extend(added.map(|path| format!("{path} was added since recording")));
    }
    Ok(summarise(edited))
}

/// A changed repository touches many files; one sentence about it is enough.
fn summarise(edited: Vec<String>) -> Vec<String> {
    let is_repository = |note: &String| note.starts_with(layout::REPOSITORY);
    let count = edited.iter().filter(|note| is_repository(note)).count();
    let mut notes: Vec<String> = edited.into_iter().filter(|note| !is_repository(note)).collect();
    if count > 0 {
        notes.push(format!("repo.git was changed since recording ({count} files)"));
    }
    notes
}

/// Reads a table; a missing file is an empty table.
fn parse<T: Default>(
    capture: &str,
    files: &Files,
    path: &str,
    read: impl FnOnce(&str) -> Result<T, crate::error::Fault>,
) -> Result<T, CaptureError> {
    let Some(bytes) = files.get(path) else { return Ok(T::default()) };
    read(text_of(capture, path, bytes)?).map_err(|fault| fault.in_file(capture, path))
}

fn text_of<'a>(capture: &str, path: &str, bytes: &'a [u8]) -> Result<&'a str, CaptureError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        CaptureError::Malformed {
            capture: capture.to_owned(),
            file: path.to_owned(),
            line,
            reason: "not UTF-8".to_owned(),
        }
    })
}

/// A gap for each part that a diagnosis would use and that is not there.
fn missing_parts(files: &Files) -> Vec<Gap> {
    let parts: [(&str, &str, &str, bool); 4] = [
        (
            "repo.git",
            "settings in effect and the commits behind them cannot be read",
            "name the GitOps repository with `--repo PATH`",
            files.keys().any(|path| path.starts_with(layout::REPOSITORY)),
        ),
        (
            "samples",
            "nothing that was measured can be compared",
            "record with a Prometheus that scrapes the proxies and the kubelet",
            files.keys().any(|path| layout::is_samples(path)),
        ),
        (
            layout::EVENTS,
            "when a commit reached the cluster is not known; the time of the commit is used",
            "record the events of Flux, Argo CD and Kubernetes",
            files.contains_key(layout::EVENTS),
        ),
        (
            layout::CALLS,
            "who really calls whom is not known; only the calls that settings allow are",
            "record the observed calls (istio_requests_total by workload and service)",
            files.contains_key(layout::CALLS),
        ),
    ];
    let missing = parts.into_iter().filter(|(_, _, _, present)| !present);
    missing
        .map(|(part, why, remedy, _)| Gap {
            what: format!("the capture has no {part}"),
            why: why.to_owned(),
            remedy: remedy.to_owned(),
            ..Gap::default()
        })
        .collect()
}
