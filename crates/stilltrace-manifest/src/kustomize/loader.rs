//! Reads and parses each file once per build.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::problem::{Problem, ProblemKind};
use crate::tree::{Tree, join};
use crate::yaml::{Budget, Mark, Node, ParseCache, Parsed};

use super::render::LoadRestrictor;

/// The files of a build, parsed.
pub(super) struct Loader<'a> {
    tree: &'a dyn Tree,
    cache: &'a ParseCache,
    parsed: BTreeMap<String, Option<Arc<Parsed>>>,
    reported: BTreeSet<String>,
    restrictor: LoadRestrictor,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(
        tree: &'a dyn Tree,
        cache: &'a ParseCache,
        restrictor: LoadRestrictor,
    ) -> Self {
        let (parsed, reported, problems) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        Self { tree, cache, parsed, reported, restrictor, problems }
    }

    /// The path of the file that the kustomization in `dir` names with `node`.
    ///
    /// Files outside the tree are refused, and where files are restricted, as they are for
    /// `kustomize build` unless told otherwise, those that are not in or below `dir`.
    pub(super) fn file_path(&self, dir: &str, node: &Node) -> Result<String, Problem> {
        let name = node.text().unwrap_or("");
        self.file_path_of(dir, name, &node.mark)
    }

    /// Like [`Loader::file_path`] for a name that is part of a text, such as `key=name`.
    pub(super) fn file_path_of(
        &self,
        dir: &str,
        name: &str,
        mark: &Mark,
    ) -> Result<String, Problem> {
        let Some(path) = join(dir, name) else {
            let text = format!("`{name}` leads out of the repository");
            return Err(Problem::at(mark, ProblemKind::Invalid, text));
        };
        let below =
            path.strip_prefix(dir).is_some_and(|rest| dir.is_empty() || rest.starts_with('/'));
        if below || self.restrictor == LoadRestrictor::None {
            return Ok(path);
        }
        let dir = if dir.is_empty() { "." } else { dir };
        let text = format!(
            "`{name}` is not in or below `{dir}`; move it there, make its directory a base, or \
             lift the restriction with `--load-restrictor LoadRestrictionsNone`"
        );
        Err(Problem::at(mark, ProblemKind::Invalid, text))
    }

    pub(super) fn budget(&self) -> &'a Budget {
        self.cache.budget()
    }

    /// The parsed file, or `None` when there is none; what is wrong inside is reported once.
    pub(super) fn yaml(&mut self, path: &str) -> Option<Arc<Parsed>> {
        if let Some(known) = self.parsed.get(path) {
            return known.clone();
        }
        let content = self.tree.content_id(path);
        let cached = content.and_then(|content| self.cache.get(path, content));
        let parsed = cached.or_else(|| {
            let bytes = self.bytes(path)?;
            Some(self.cache.parse(path, content, &bytes))
        });
        if let Some(parsed) = &parsed
            && self.reported.insert(path.to_owned())
        {
            self.problems.extend(parsed.problems.iter().cloned());
        }
        self.parsed.insert(path.to_owned(), parsed.clone());
        parsed
    }

    /// The bytes of a file, or `None` when there is none; a failed read is reported.
    pub(super) fn bytes(&mut self, path: &str) -> Option<Vec<u8>> {
        match self.tree.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let text = error.to_string();
                self.problems.push(Problem::of_file(path, ProblemKind::Missing, text));
                None
            }
        }
    }

    /// Like [`Loader::bytes`] for a file that is no YAML, within the budget on bytes.
    pub(super) fn content(&mut self, path: &str) -> Option<Vec<u8>> {
        let bytes = self.bytes(path)?;
        let limit = self.budget().max_bytes;
        if bytes.len() <= limit {
            return Some(bytes);
        }
        let text = format!("larger than {limit} bytes; its content is left out");
        self.problems.push(Problem::of_file(path, ProblemKind::Budget, text));
        Some(Vec::new())
    }
}
