//! Which file a new file was before, as Git finds it (`diffcore-rename.c`).
//!
//! A file that appears in a commit was renamed from one that disappears in it: first those with
//! equal content, then those with a name of their own that kept three quarters of it, then the
//! most similar pairs of which at least half stayed. Each file that disappears is used once.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use gix_hash::ObjectId;
use gix_object::Kind;

use super::tree::Changed;
use super::{GitError, Repository};

/// Pairs of files whose content is compared in one commit; Git's own default is the square of
/// 1,000, here a commit that moves more than that keeps only its exact renames.
const MAX_PAIRS: usize = 250_000;
/// Share of a file that must have stayed, as Git's default for renames.
const SIMILAR: f64 = 0.5;
/// Share that must have stayed where the name alone suggests the pair.
const SIMILAR_BY_NAME: f64 = 0.75;
/// Longest piece that is compared as one; a longer line is several.
const PIECE: usize = 64;

/// Renames of one commit: new path to old path and content.
pub(super) type Renames = BTreeMap<String, (String, ObjectId)>;

/// Files that appeared and disappeared and are not paired yet, sorted by path.
struct Open<'a> {
    gone: Vec<&'a Changed>,
    new: Vec<&'a Changed>,
}

impl Repository {
    /// The path and content that a file had in an earlier tree, where it was renamed since.
    pub(super) fn renamed_from(
        &self,
        before: ObjectId,
        after: ObjectId,
        path: &str,
    ) -> Result<Option<(String, ObjectId)>, GitError> {
        if let Some(known) = self.renames.borrow().get(&(before, after)) {
            return Ok(known.get(path).cloned());
        }
        let renames = Rc::new(self.find_renames(before, after)?);
        self.renames.borrow_mut().insert((before, after), Rc::clone(&renames));
        Ok(renames.get(path).cloned())
    }

    fn find_renames(&self, before: ObjectId, after: ObjectId) -> Result<Renames, GitError> {
        let changed = self.differing(Some(before), Some(after))?;
        let mut open = Open {
            gone: changed.iter().filter(|file| file.after.is_none()).collect(),
            new: changed.iter().filter(|file| file.before.is_none()).collect(),
        };
        let mut renames = Renames::new();
        pair_equal(&mut open, &mut renames);
        if open.gone.len().saturating_mul(open.new.len()) <= MAX_PAIRS {
            let mut pieces = BTreeMap::new();
            for file in open.gone.iter().chain(&open.new) {
                let Some(id) = file.before.or(file.after) else { continue };
                let content = self.expect(&id, Kind::Blob, &file.path)?;
                pieces.insert(file.path.as_str(), Pieces::of(&content));
            }
            pair_by_name(&mut open, &pieces, &mut renames);
            pair_similar(&mut open, &pieces, &mut renames);
        }
        Ok(renames)
    }
}

fn record(gone: &Changed, new: &Changed, renames: &mut Renames) {
    if let Some(id) = gone.before {
        renames.insert(new.path.clone(), (gone.path.clone(), id));
    }
}

/// Pairs files of equal content, those that keep their name first.
fn pair_equal(open: &mut Open<'_>, renames: &mut Renames) {
    let gone = &mut open.gone;
    open.new.retain(|new| {
        let equal = |old: &&Changed| old.before == new.after;
        let same_name = |old: &&Changed| equal(old) && name(&old.path) == name(&new.path);
        let at = gone.iter().position(same_name).or_else(|| gone.iter().position(equal));
        let Some(at) = at else { return true };
        record(gone.remove(at), new, renames);
        false
    });
}

/// Pairs files whose name appears once on each side.
fn pair_by_name(open: &mut Open<'_>, pieces: &BTreeMap<&str, Pieces>, renames: &mut Renames) {
    let unique = |files: &[&Changed]| -> BTreeSet<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for file in files {
            *counts.entry(name(&file.path)).or_default() += 1;
        }
        let once = counts.into_iter().filter(|(_, count)| *count == 1);
        once.map(|(name, _)| name.to_owned()).collect()
    };
    let (unique_gone, unique_new) = (unique(&open.gone), unique(&open.new));
    let gone = &mut open.gone;
    open.new.retain(|new| {
        let own = name(&new.path);
        if !unique_gone.contains(own) || !unique_new.contains(own) {
            return true;
        }
        let Some(at) = gone.iter().position(|old| name(&old.path) == own) else { return true };
        let Some(old) = gone.get(at) else { return true };
        if similarity(pieces, old, new) < SIMILAR_BY_NAME {
            return true;
        }
        record(gone.remove(at), new, renames);
        false
    });
}

/// Pairs the most similar files first; ties go to those that keep their name, then by path.
fn pair_similar(open: &mut Open<'_>, pieces: &BTreeMap<&str, Pieces>, renames: &mut Renames) {
    let mut pairs = Vec::new();
    for new in &open.new {
        for gone in &open.gone {
            let share = similarity(pieces, gone, new);
            if share >= SIMILAR {
                pairs.push((share, name(&gone.path) == name(&new.path), *gone, *new));
            }
        }
    }
    // Stable, so pairs that are alike stay in the order of paths.
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    let mut used = BTreeSet::new();
    for (_, _, gone, new) in pairs {
        if !renames.contains_key(&new.path) && used.insert(&gone.path) {
            record(gone, new, renames);
        }
    }
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn similarity(pieces: &BTreeMap<&str, Pieces>, gone: &Changed, new: &Changed) -> f64 {
    let both = pieces.get(gone.path.as_str()).zip(pieces.get(new.path.as_str()));
    both.map_or(0.0, |(old, new)| old.share_kept_in(new))
}

/// The lines of a file, in pieces, with the bytes that each piece takes in all.
struct Pieces {
    size: usize,
    bytes: BTreeMap<Vec<u8>, usize>,
}

impl Pieces {
    fn of(content: &[u8]) -> Self {
        let mut bytes = BTreeMap::new();
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            for piece in line.chunks(PIECE) {
                *bytes.entry(piece.to_vec()).or_default() += piece.len();
            }
        }
        Self { size: content.len(), bytes }
    }

    /// Bytes that stayed, as a share of the larger file.
    fn share_kept_in(&self, new: &Self) -> f64 {
        let larger = self.size.max(new.size);
        if self.size.min(new.size) == 0
            || ((larger - self.size.min(new.size)) as f64) > larger as f64 * SIMILAR
        {
            return 0.0;
        }
        let kept =
            |(piece, old): (&Vec<u8>, &usize)| new.bytes.get(piece).map_or(0, |new| *old.min(new));
        self.bytes.iter().map(kept).sum::<usize>() as f64 / larger as f64
    }
}
