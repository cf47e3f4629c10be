//! Branches, tags and `HEAD`: names for commits.

use std::collections::BTreeMap;

use gix_hash::ObjectId;

/// References by full name, such as `refs/heads/main`.
#[derive(Debug, Default)]
pub(crate) struct Refs {
    all: BTreeMap<String, Target>,
}

#[derive(Debug, Clone)]
enum Target {
    Object(ObjectId),
    /// Another reference.
    Symbolic(String),
}

/// References that are followed from one to the next before giving up: as many as Git follows.
const MAX_LINKS: usize = 5;

impl Refs {
    /// Takes `HEAD`, `packed-refs` and the files below `refs/`; anything else is ignored, and so is
    /// a reference that is neither an id nor the name of another.
    pub(crate) fn read<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let (mut refs, mut packed) = (Self::default(), None);
        for (path, bytes) in files {
            let Ok(text) = std::str::from_utf8(bytes) else { continue };
            if path == "packed-refs" {
                packed = Some(text);
            } else if (path == "HEAD" || path.starts_with("refs/"))
                && let Some(target) = parse(text.trim())
            {
                refs.all.insert(path.to_owned(), target);
            }
        }
        for line in packed.unwrap_or_default().lines() {
            let Some((id, name)) = line.split_once(' ') else { continue };
            if let Ok(id) = ObjectId::from_hex(id.as_bytes()) {
                // A file of the same name is newer than the packed entry.
                refs.all.entry(name.to_owned()).or_insert(Target::Object(id));
            }
        }
        refs
    }

    /// The object that a name stands for, looked up in the places and the order of
    /// `gitrevisions(7)`.
    pub(crate) fn find(&self, name: &str) -> Option<ObjectId> {
        let places = ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];
        places.iter().find_map(|place| self.follow(&format!("{place}{name}")))
    }

    fn follow(&self, name: &str) -> Option<ObjectId> {
        let mut name = name;
        for _ in 0..MAX_LINKS {
            match self.all.get(name)? {
                Target::Object(id) => return Some(*id),
                Target::Symbolic(next) => name = next,
            }
        }
        None
    }
}

fn parse(text: &str) -> Option<Target> {
    match text.strip_prefix("ref: ") {
        Some(name) => Some(Target::Symbolic(name.trim().to_owned())),
        None => ObjectId::from_hex(text.as_bytes()).ok().map(Target::Object),
    }
}
