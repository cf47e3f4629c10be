//! Objects by id, from memory or from disk, behind the traits of `gix`.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use gix_hash::{Kind, ObjectId, oid};
use gix_object::{Data, FindHeader, Header};

use super::loose::{self, LooseError};
use super::{pack, wellformed};

/// Largest object that is read, in bytes. Manifests are far below; anything above is no manifest.
pub(crate) const MAX_OBJECT: u64 = 16 << 20;

/// Work that one repository may cost, as bytes read plus a fixed price per object. Reading every
/// object of a long history a few times stays far below; a history made to be expensive does not.
pub(crate) const MAX_WORK: u64 = 4 << 30;
/// The fixed price of an object.
const PRICE: u64 = 1 << 10;

/// Where objects come from.
pub(crate) enum Objects {
    /// The files of a capture.
    Memory(Memory),
    /// The object database of a repository on disk, with its packs and alternates.
    Disk(Box<gix_odb::Handle>),
}

/// Objects of a capture's repository.
#[derive(Default)]
pub(crate) struct Memory {
    /// Compressed as in the repository; unpacked when asked for.
    loose: BTreeMap<ObjectId, Vec<u8>>,
    /// Out of packs, already whole.
    packed: BTreeMap<ObjectId, (gix_object::Kind, Vec<u8>)>,
}

/// Objects, with commits at the border of a shallow clone cut off from their absent parents, as
/// `git log` shows them.
pub(crate) struct Store {
    pub(crate) objects: Objects,
    pub(crate) shallow: BTreeSet<ObjectId>,
    work_left: Cell<u64>,
}

impl Store {
    pub(crate) fn new(objects: Objects, shallow: BTreeSet<ObjectId>) -> Self {
        Self { objects, shallow, work_left: Cell::new(MAX_WORK) }
    }

    fn spend(&self, bytes: usize) -> gix_error::Result<()> {
        let left = self.work_left.get().checked_sub(PRICE + bytes as u64);
        self.work_left.set(left.unwrap_or(0));
        match left {
            Some(_) => Ok(()),
            None => Err(gix_error::Error::from_error(LooseError::Exhausted { limit: MAX_WORK })),
        }
    }

    /// Whether the repository has cost more than it may.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.work_left.get() == 0
    }
}

impl Memory {
    /// Takes the files below `objects/`. A file that is no object is left out: what refers to it
    /// then finds it missing.
    pub(crate) fn new<'a>(
        files: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, pack::PackError> {
        let mut memory = Self::default();
        let mut packs = Vec::new();
        for (path, bytes) in files {
            let Some(path) = path.strip_prefix("objects/") else { continue };
            if path.starts_with("pack/") && path.strip_suffix(".pack").is_some() {
                packs.push((path, bytes));
            } else if let Some(id) = loose_id(path) {
                memory.loose.insert(id, bytes.to_vec());
            }
        }
        for (path, bytes) in packs {
            pack::read(path, bytes, &memory.loose, &mut memory.packed)?;
        }
        Ok(memory)
    }

    /// The ids that start with the hexadecimal digits.
    pub(crate) fn with_prefix(&self, hex: &str) -> Vec<ObjectId> {
        let ids: BTreeSet<ObjectId> =
            self.loose.keys().chain(self.packed.keys()).copied().collect();
        ids.into_iter().filter(|id| id.to_hex().to_string().starts_with(hex)).collect()
    }

    fn header(&self, id: &oid) -> Result<Option<Header>, LooseError> {
        if let Some((kind, data)) = self.packed.get(id) {
            return Ok(Some(Header { kind: *kind, size: data.len() as u64 }));
        }
        let Some(compressed) = self.loose.get(id) else { return Ok(None) };
        let (kind, size) = loose::header(compressed)?;
        Ok(Some(Header { kind, size }))
    }

    fn find(&self, id: &oid, buffer: &mut Vec<u8>) -> gix_error::Result<Option<gix_object::Kind>> {
        if let Some((kind, data)) = self.packed.get(id) {
            buffer.clear();
            buffer.extend_from_slice(data);
            return Ok(Some(*kind));
        }
        let Some(compressed) = self.loose.get(id) else { return Ok(None) };
        let kind =
            loose::inflate(compressed, MAX_OBJECT, buffer).map_err(gix_error::Error::from_error)?;
        let found = gix_object::compute_hash(Kind::Sha1, kind, buffer)?;
        if found.as_ref() == id {
            Ok(Some(kind))
        } else {
            Err(gix_error::Error::from_error(LooseError::Hash { found: found.to_string() }))
        }
    }
}

/// The id of a loose object from its path below `objects/`.
fn loose_id(path: &str) -> Option<ObjectId> {
    let (folder, rest) = path.split_once('/')?;
    (folder.len() == 2 && rest.len() == 38)
        .then(|| ObjectId::from_hex(format!("{folder}{rest}").as_bytes()).ok())?
}

impl gix_object::Find for Store {
    fn try_find<'a>(
        &self,
        id: &oid,
        buffer: &'a mut Vec<u8>,
    ) -> gix_error::Result<Option<Data<'a>>> {
        let kind = match &self.objects {
            Objects::Memory(memory) => memory.find(id, buffer)?,
            Objects::Disk(handle) => {
                match handle.try_header(id)? {
                    Some(header) if header.size > MAX_OBJECT => {
                        return Err(gix_error::Error::from_error(LooseError::TooLarge {
                            limit: MAX_OBJECT,
                        }));
                    }
                    _ => {}
                }
                gix_object::Find::try_find(handle.as_ref(), id, buffer)?.map(|data| data.kind)
            }
        };
        let Some(kind) = kind else { return Ok(None) };
        self.spend(buffer.len())?;
        if kind == gix_object::Kind::Tree
            && let Some(reason) = wellformed::fault(buffer)
        {
            return Err(gix_error::Error::from_error(LooseError::Tree { reason }));
        }
        if kind == gix_object::Kind::Commit && self.shallow.contains(id) {
            drop_parents(buffer);
        }
        Ok(Some(Data { kind, object_hash: Kind::Sha1, data: buffer }))
    }
}

impl FindHeader for Store {
    fn try_header(&self, id: &oid) -> gix_error::Result<Option<Header>> {
        match &self.objects {
            Objects::Memory(memory) => memory.header(id).map_err(gix_error::Error::from_error),
            Objects::Disk(handle) => FindHeader::try_header(handle.as_ref(), id),
        }
    }
}

/// Removes the `parent` lines of a commit, which follow its first line.
fn drop_parents(commit: &mut Vec<u8>) {
    let line_end = |from: usize, data: &[u8]| {
        data.get(from..)?.iter().position(|byte| *byte == b'\n').map(|at| from + at + 1)
    };
    let Some(start) = line_end(0, commit) else { return };
    let mut end = start;
    while commit.get(end..).is_some_and(|rest| rest.starts_with(b"parent ")) {
        match line_end(end, commit) {
            Some(next) => end = next,
            None => return,
        }
    }
    commit.drain(start..end);
}
