//! The packed form: a zstd-compressed tar.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::rc::Rc;

use crate::budget::Budget;
use crate::error::CaptureError;
use crate::layout;

/// First bytes of a zstd frame (RFC 8878, 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// First bytes of other things that people pass by mistake.
const STRANGERS: &[(&[u8], &str)] = &[
    (&[0x1f, 0x8b], "it is a gzip file"),
    (b"PK\x03\x04", "it is a zip file"),
    (b"\xfd7zXZ", "it is an xz file"),
    (b"{", "it is a JSON file; pass the folder it lies in"),
];
/// Largest window that is decoded, as a power of two: 32 MiB. Level 19 uses 8 MiB.
const WINDOW_LOG: u32 = 25;
/// Compression level: the best below the levels that need more memory to unpack.
const LEVEL: i32 = 19;

/// Files of the archive by path, ignored ones left out.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Unpacks in memory.
pub(crate) fn unpack(capture: &str, packed: &[u8], budget: &Budget) -> Result<Files, CaptureError> {
    check_magic(capture, packed)?;
    let size = packed.len() as u64;
    if size > budget.packed_bytes {
        return Err(over(capture, "the packed file", "bytes", budget.packed_bytes));
    }
    let decoder = zstd::Decoder::with_buffer(packed)
        .and_then(|mut decoder| decoder.window_log_max(WINDOW_LOG).map(|()| decoder))
        .map_err(|error| damaged(capture, "the first bytes", &error))?;
    let by_ratio = size.saturating_mul(budget.ratio).max(Budget::RATIO_FROM);
    let limit = budget.unpacked_bytes.min(by_ratio);
    let state = Rc::new(Cell::new(State::Fine));
    let meter = Meter { inner: decoder, left: limit, state: Rc::clone(&state) };
    let place = FIRST.to_owned();
    Unpacking { capture, budget, limit, state, place }.run(tar::Archive::new(meter))
}

/// One run over an archive; remembers how far it came, for messages.
struct Unpacking<'a> {
    capture: &'a str,
    budget: &'a Budget,
    limit: u64,
    state: Rc<Cell<State>>,
    place: String,
}

/// The place before any entry was seen.
const FIRST: &str = "the first entry";

/// What became of the bytes below the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// They were handed out; what is wrong lies in them.
    Fine,
    /// They could not be decompressed.
    Damaged,
    /// There were more than the budget allows.
    Over,
}

impl Unpacking<'_> {
    fn run<R: Read>(&mut self, mut archive: tar::Archive<Meter<R>>) -> Result<Files, CaptureError> {
        let mut files = Files::new();
        let mut count = 0;
        let entries = archive.entries().map_err(|error| self.failed(&error))?;
        for entry in entries {
            let mut entry = entry.map_err(|error| self.failed(&error))?;
            count += 1;
            if count > self.budget.entries {
                let limit = self.budget.entries as u64;
                return Err(over(self.capture, &self.place, "files", limit));
            }
            let raw = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            self.place.clone_from(&raw);
            let refused = |reason| CaptureError::Unsafe {
                capture: self.capture.to_owned(),
                entry: raw.clone(),
                reason,
            };
            let path = layout::normalise(&raw, self.budget.depth).map_err(refused)?;
            match entry.header().entry_type() {
                tar::EntryType::Directory | tar::EntryType::XGlobalHeader => continue,
                tar::EntryType::Regular => {}
                tar::EntryType::Symlink | tar::EntryType::Link => return Err(refused("a link")),
                _ => return Err(refused("neither a file nor a folder")),
            }
            if !layout::is_known(&path) {
                if path.ends_with(&format!("/{}", layout::MANIFEST)) {
                    self.note_nested(&files, &path)?;
                }
                continue;
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|error| self.failed(&error))?;
            if files.insert(path, bytes).is_some() {
                return Err(refused("an entry that was there before"));
            }
        }
        // The rest holds only padding and the checksum, which is verified by reading it.
        "the end".clone_into(&mut self.place);
        io::copy(&mut archive.into_inner(), &mut io::sink())
            .map_err(|error| self.failed(&error))?;
        Ok(files)
    }

    /// A manifest one folder down means that the folder was packed instead of its content.
    fn note_nested(&self, files: &Files, path: &str) -> Result<(), CaptureError> {
        if files.contains_key(layout::MANIFEST) {
            return Ok(());
        }
        let reason = format!(
            "the manifest is at {path}, not at the top; pack the content of the folder, not the folder"
        );
        Err(CaptureError::Foreign { capture: self.capture.to_owned(), reason })
    }

    fn failed(&self, error: &io::Error) -> CaptureError {
        match self.state.get() {
            State::Over => over(self.capture, &self.place, "bytes unpacked", self.limit),
            State::Fine if self.place == FIRST => CaptureError::Foreign {
                capture: self.capture.to_owned(),
                reason: "it is compressed with zstd, but there is no tar in it".to_owned(),
            },
            State::Fine | State::Damaged => damaged(self.capture, &self.place, error),
        }
    }
}

/// Counts what is unpacked, stops at the budget, and remembers what went wrong.
struct Meter<R> {
    inner: R,
    left: u64,
    state: Rc<Cell<State>>,
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buffer) {
            Ok(read) => read,
            Err(error) => {
                self.state.set(State::Damaged);
                return Err(error);
            }
        };
        if let Some(left) = self.left.checked_sub(read as u64) {
            self.left = left;
            Ok(read)
        } else {
            self.left = 0;
            self.state.set(State::Over);
            Err(io::Error::other("more bytes than the budget allows"))
        }
    }
}

fn check_magic(capture: &str, packed: &[u8]) -> Result<(), CaptureError> {
    if packed.starts_with(&MAGIC) {
        return Ok(());
    }
    if packed.len() < MAGIC.len() && MAGIC.starts_with(packed) {
        let place = "the first bytes".to_owned();
        return Err(CaptureError::Truncated { capture: capture.to_owned(), place });
    }
    let is_tar = packed.get(257..262) == Some(b"ustar");
    let reason = if is_tar {
        "it is a tar that is not compressed; compress it with zstd, or unpack it into a folder"
    } else {
        STRANGERS
            .iter()
            .find(|(magic, _)| packed.starts_with(magic))
            .map_or("it is neither a folder nor compressed with zstd", |(_, what)| what)
    };
    Err(CaptureError::Foreign { capture: capture.to_owned(), reason: reason.to_owned() })
}

fn over(capture: &str, file: &str, what: &'static str, limit: u64) -> CaptureError {
    CaptureError::OverBudget { capture: capture.to_owned(), file: file.to_owned(), what, limit }
}

fn damaged(capture: &str, place: &str, error: &io::Error) -> CaptureError {
    let (capture, place) = (capture.to_owned(), place.to_owned());
    let reason = error.to_string();
    // Both libraries say so in words only when the data ends inside a frame or an entry.
    let ends = error.kind() == io::ErrorKind::UnexpectedEof
        || ["incomplete frame", "unexpected EOF", "failed to fill whole buffer"]
            .iter()
            .any(|words| reason.contains(words));
    if ends {
        CaptureError::Truncated { capture, place }
    } else {
        CaptureError::Corrupt { capture, place, reason }
    }
}

/// Packs files, sorted by path, with nothing of the machine in the headers: equal files give
/// equal bytes.
pub(crate) fn pack(files: &BTreeMap<&str, &[u8]>) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    if files.keys().any(|path| path.starts_with(layout::REPOSITORY)) {
        // Git takes a folder for a repository only if these are there.
        for folder in ["repo.git/", "repo.git/objects/", "repo.git/refs/"] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            builder.append_data(&mut header, folder, io::empty())?;
        }
    }
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, path, *bytes)?;
    }
    let tar = builder.into_inner()?;
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(tar.len() as u64))?;
    io::copy(&mut tar.as_slice(), &mut encoder)?;
    encoder.finish()
}
