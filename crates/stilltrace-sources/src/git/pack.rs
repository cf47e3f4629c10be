//! Pack files in memory.
//!
//! The format is that of `gitformat-pack(5)`, version 2: a header, one entry after another, and a
//! checksum. An entry is an object or a delta against one. The index beside a pack is not needed:
//! a pack of a capture is small, and is read from front to back.

use std::collections::BTreeMap;

use flate2::{Decompress, FlushDecompress, Status};
use gix_hash::{Kind as HashKind, ObjectId};
use gix_object::Kind;

use super::{loose, store::MAX_OBJECT};

/// Objects of one pack, at most.
const MAX_ENTRIES: u32 = 200_000;
/// Size of all objects of a pack together, in bytes, deltas as they are and again as applied.
const MAX_TOTAL: u64 = 256 << 20;
/// Times that deltas are gone through. Git makes chains of 50 deltas at most by default, and in the
/// worst order each pass resolves one link.
const MAX_PASSES: usize = 64;

/// Why a pack cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: at byte {at}: {reason}")]
pub(crate) struct PackError {
    /// Path below `objects/`.
    pub(crate) path: String,
    /// Byte at which the damaged entry starts.
    pub(crate) at: usize,
    /// What is wrong.
    pub(crate) reason: &'static str,
}

/// What an entry is made of, before deltas are applied.
enum Base {
    Whole(Kind),
    /// Delta against the entry that starts at this byte.
    Offset(usize),
    /// Delta against the object with this id.
    Id(ObjectId),
}

struct Entry {
    base: Base,
    data: Vec<u8>,
}

type Objects = BTreeMap<ObjectId, (Kind, Vec<u8>)>;

/// Reads one pack and adds its objects.
pub(crate) fn read(
    path: &str,
    bytes: &[u8],
    loose: &BTreeMap<ObjectId, Vec<u8>>,
    objects: &mut Objects,
) -> Result<(), PackError> {
    let fail = |at: usize, reason| PackError { path: path.to_owned(), at, reason };
    let header = bytes.get(..12).ok_or_else(|| fail(0, "shorter than a header"))?;
    if !header.starts_with(b"PACK") || be32(header, 4) != Some(2) {
        return Err(fail(0, "not a pack of version 2"));
    }
    let count = be32(header, 8).unwrap_or(0);
    if count > MAX_ENTRIES {
        return Err(fail(8, "more objects than are read from one pack"));
    }
    let mut left = MAX_TOTAL;
    let (mut entries, mut at) = (BTreeMap::new(), 12);
    for _ in 0..count {
        let (entry, next) = read_entry(bytes, at).map_err(|reason| fail(at, reason))?;
        left = left
            .checked_sub(entry.data.len() as u64)
            .ok_or_else(|| fail(at, "more bytes than are read from packs"))?;
        entries.insert(at, entry);
        at = next;
    }
    resolve(entries, loose, objects, left).map_err(|(at, reason)| fail(at, reason))
}

/// Applies deltas. Most bases lie before their deltas; a base that is known only by its id may
/// come later, so what could not be resolved waits for the next pass.
fn resolve(
    entries: BTreeMap<usize, Entry>,
    loose: &BTreeMap<ObjectId, Vec<u8>>,
    objects: &mut Objects,
    mut left: u64,
) -> Result<(), (usize, &'static str)> {
    let mut ids: BTreeMap<usize, ObjectId> = BTreeMap::new();
    let mut waiting: Vec<(usize, Entry)> = entries.into_iter().collect();
    for _ in 0..MAX_PASSES {
        let mut still = Vec::new();
        for (at, entry) in waiting {
            let base = match entry.base {
                Base::Whole(_) => None,
                Base::Offset(offset) => ids.get(&offset).copied(),
                Base::Id(id) => Some(id),
            };
            let base = base.and_then(|id| find(&id, loose, objects));
            let (kind, data) = match (&entry.base, base) {
                (Base::Whole(kind), _) => (*kind, entry.data),
                (_, Some((kind, base))) => {
                    let data = apply(&base, &entry.data);
                    (kind, data.ok_or((at, "a delta that does not fit its base"))?)
                }
                (_, None) => {
                    still.push((at, entry));
                    continue;
                }
            };
            let size = data.len() as u64;
            left = left.checked_sub(size).ok_or((at, "more bytes than are read from packs"))?;
            let id = gix_object::compute_hash(HashKind::Sha1, kind, &data)
                .map_err(|_| (at, "an object that cannot be hashed"))?;
            ids.insert(at, id);
            objects.insert(id, (kind, data));
        }
        if still.is_empty() {
            return Ok(());
        }
        waiting = still;
    }
    let at = waiting.first().map_or(0, |(at, _)| *at);
    Err((at, "a delta whose base is not in the repository, or too many deltas on each other"))
}

fn find(
    id: &ObjectId,
    loose: &BTreeMap<ObjectId, Vec<u8>>,
    objects: &Objects,
) -> Option<(Kind, Vec<u8>)> {
    if let Some(found) = objects.get(id) {
        return Some(found.clone());
    }
    let mut buffer = Vec::new();
    let kind = loose::inflate(loose.get(id)?, MAX_OBJECT, &mut buffer).ok()?;
    Some((kind, buffer))
}

/// The entry that starts at a byte, and where the next one starts.
fn read_entry(bytes: &[u8], start: usize) -> Result<(Entry, usize), &'static str> {
    let ends = "the pack ends inside an entry";
    let mut at = start;
    let mut next = || {
        let byte = bytes.get(at).copied();
        at += 1;
        byte
    };
    let first = next().ok_or(ends)?;
    let (mut size, mut shift, mut byte) = (u64::from(first & 0x0f), 4_u32, first);
    while byte & 0x80 != 0 {
        byte = next().ok_or(ends)?;
        if shift > 50 {
            return Err("an entry with an absurd size");
        }
        size |= u64::from(byte & 0x7f) << shift;
        shift += 7;
    }
    if size > MAX_OBJECT {
        return Err("an object larger than is read");
    }
    let base = match (first >> 4) & 7 {
        1 => Base::Whole(Kind::Commit),
        2 => Base::Whole(Kind::Tree),
        3 => Base::Whole(Kind::Blob),
        4 => Base::Whole(Kind::Tag),
        6 => {
            // Each further byte also stands for the numbers that fewer bytes could have said.
            let mut byte = next().ok_or(ends)?;
            let mut distance = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next().ok_or(ends)?;
                if distance > 1 << 50 {
                    return Err("a delta with an absurd distance");
                }
                distance = ((distance + 1) << 7) | u64::from(byte & 0x7f);
            }
            let distance =
                usize::try_from(distance).map_err(|_| "a delta with an absurd distance")?;
            let base = start.checked_sub(distance).filter(|base| *base < start);
            Base::Offset(base.ok_or("a delta whose base is not before it")?)
        }
        7 => {
            let id = bytes.get(at..at + 20).ok_or(ends)?;
            at += 20;
            Base::Id(ObjectId::try_from(id).map_err(|_| ends)?)
        }
        _ => return Err("an entry of unknown kind"),
    };
    let (data, used) = inflate(bytes.get(at..).ok_or(ends)?, size as usize)?;
    Ok((Entry { base, data }, at + used))
}

/// Unpacks exactly `size` bytes and tells how many compressed bytes they took.
fn inflate(compressed: &[u8], size: usize) -> Result<(Vec<u8>, usize), &'static str> {
    let damaged = "an entry whose compressed data is damaged";
    let mut inflater = Decompress::new(true);
    // One byte more than expected shows data that is longer than its entry says.
    let mut data = Vec::with_capacity(size + 1);
    let status = inflater
        .decompress_vec(compressed, &mut data, FlushDecompress::Finish)
        .map_err(|_| damaged)?;
    if status != Status::StreamEnd || data.len() != size {
        return Err(damaged);
    }
    Ok((data, usize::try_from(inflater.total_in()).map_err(|_| damaged)?))
}

/// The object that a delta makes of its base; `None` when it does not fit.
fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let (base_size, rest) = delta_size(delta)?;
    let (size, mut rest) = delta_size(rest)?;
    if base_size != base.len() || size as u64 > MAX_OBJECT {
        return None;
    }
    let mut out = Vec::with_capacity(size);
    while let Some((command, after)) = rest.split_first() {
        rest = after;
        if command & 0x80 == 0 {
            // Insert the next bytes; zero is reserved.
            let (text, after) = rest.split_at_checked(usize::from(*command))?;
            if text.is_empty() {
                return None;
            }
            out.extend_from_slice(text);
            rest = after;
        } else {
            let mut numbers = [0_usize; 7];
            for (bit, number) in numbers.iter_mut().enumerate() {
                if command & (1 << bit) != 0 {
                    let (byte, after) = rest.split_first()?;
                    *number = usize::from(*byte);
                    rest = after;
                }
            }
            let [o0, o1, o2, o3, s0, s1, s2] = numbers;
            let from = o0 | o1 << 8 | o2 << 16 | o3 << 24;
            let length = match s0 | s1 << 8 | s2 << 16 {
                0 => 0x10000,
                length => length,
            };
            out.extend_from_slice(base.get(from..from.checked_add(length)?)?);
        }
        if out.len() > size {
            return None;
        }
    }
    (out.len() == size).then_some(out)
}

fn delta_size(delta: &[u8]) -> Option<(usize, &[u8])> {
    let (mut size, mut shift, mut rest) = (0_usize, 0, delta);
    loop {
        let (byte, after) = rest.split_first()?;
        size |= usize::from(byte & 0x7f).checked_shl(shift)?;
        rest = after;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some((size, rest));
        }
        if shift > 28 {
            return None;
        }
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(word.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}
