//! Reads and parses each file once per build.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::problem::{Problem, ProblemKind};
use crate::tree::{Tree, join};
use crate::yaml::{Budget, Mark, Node, ParseCache, Parsed};

use crate::helm::{self, HelmBuild, HelmRequest};

use super::keys::{ForeignKeys, escaped_slash};
use super::openapi::Schemas;
use super::policy::Policy;
use super::remote::{Remote, is_remote_file, remote};
use super::render::LoadRestrictor;

/// The files of a build, parsed.
pub(super) struct Loader<'a> {
    tree: &'a dyn Tree,
    cache: &'a ParseCache,
    parsed: BTreeMap<String, Option<Arc<Parsed>>>,
    reported: BTreeSet<String>,
    policy: Policy<'a>,
    pub(super) problems: Vec<Problem>,
    /// The entries that ask for a chart.
    pub(super) charts: Vec<Mark>,
    /// Keys that are no texts, of all that was read.
    pub(super) foreign_keys: ForeignKeys,
    /// How lists are merged from here on.
    pub(super) schemas: Schemas,
}

impl<'a> Loader<'a> {
    pub(super) fn new(tree: &'a dyn Tree, cache: &'a ParseCache, policy: Policy<'a>) -> Self {
        let (parsed, reported) = (BTreeMap::new(), BTreeSet::new());
        let (problems, charts) = (Vec::new(), Vec::new());
        let (foreign_keys, schemas) = (ForeignKeys::default(), Schemas::default());
        Self { tree, cache, parsed, reported, policy, problems, charts, foreign_keys, schemas }
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
        if is_remote_file(name) {
            let file = Remote::File { address: name };
            return file
                .vendored(self.policy.vendored())
                .ok_or_else(|| file.problem(name, dir, mark));
        }
        let Some(path) = join(dir, name) else {
            let text = format!("`{name}` leads out of the repository");
            return Err(Problem::at(mark, ProblemKind::Invalid, text));
        };
        self.allowed(dir, path, name, mark)
    }

    /// `path` if a kustomization in `dir` may use that file, which it calls `name`.
    pub(super) fn allowed(
        &self,
        dir: &str,
        path: String,
        name: &str,
        mark: &Mark,
    ) -> Result<String, Problem> {
        let below =
            path.strip_prefix(dir).is_some_and(|rest| dir.is_empty() || rest.starts_with('/'));
        if below || self.policy.load_restrictor() == LoadRestrictor::None {
            return Ok(path);
        }
        let dir = if dir.is_empty() { "." } else { dir };
        let text = format!(
            "`{name}` is not in or below `{dir}`; move it there, make its directory a base, or \
             lift the restriction with `--load-restrictor LoadRestrictionsNone`"
        );
        Err(Problem::at(mark, ProblemKind::Invalid, text))
    }

    /// The path of the file or directory that an entry of `resources` or `components` names.
    ///
    /// Files are restricted as for [`Loader::file_path`], directories are not.
    pub(super) fn resource_path(&self, dir: &str, entry: &Node) -> Result<String, Problem> {
        let refuse = |text: String| Err(Problem::at(&entry.mark, ProblemKind::Invalid, text));
        let Some(name) = entry.text().filter(|name| !name.is_empty()) else {
            return refuse("must be the path of a file or directory".to_owned());
        };
        if let Some(remote) = remote(name) {
            let copy = remote.vendored(self.policy.vendored());
            return copy.ok_or_else(|| remote.problem(name, dir, &entry.mark));
        }
        let Some(path) = join(dir, name) else {
            return refuse(format!("`{name}` leads out of the repository"));
        };
        Ok(path)
    }

    pub(super) fn policy(&self) -> Policy<'a> {
        self.policy
    }

    /// What Helm makes of a chart of the tree; `None` where charts are only reported.
    pub(super) fn chart(&self, request: &HelmRequest) -> Option<HelmBuild> {
        let helm = self.policy.helm()?;
        Some(helm::render(helm, self.tree, request, self.cache))
    }

    /// Whether there is a file below `folder`.
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        let below = format!("{folder}/");
        let files = self.tree.files().unwrap_or_default();
        let first = files.partition_point(|file| file.as_str() < below.as_str());
        files.get(first).is_some_and(|file| file.starts_with(&below))
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
            self.foreign_keys.note(parsed);
            self.report(parsed, false);
            self.problems.extend(escaped_slash(parsed));
        }
        self.parsed.insert(path.to_owned(), parsed.clone());
        parsed
    }

    /// Like [`Loader::yaml`] for a kustomization, in which Kustomize lets a key be set twice.
    pub(super) fn kustomization(&mut self, path: &str) -> Option<Arc<Parsed>> {
        let is_new = self.reported.insert(path.to_owned());
        let parsed = self.yaml(path)?;
        if is_new {
            self.report(&parsed, true);
        }
        Some(parsed)
    }

    /// Reports what is wrong in a file; to refuse a build for, only what Kustomize minds.
    fn report(&mut self, parsed: &Parsed, repeated_keys_allowed: bool) {
        let refuses = matches!(self.policy, Policy::Refuse(..));
        let minded = |problem: &&Problem| !refuses || is_minded(problem, repeated_keys_allowed);
        self.problems.extend(parsed.problems.iter().filter(minded).cloned());
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

/// Whether Kustomize minds what is wrong in a file.
pub(super) fn is_minded(problem: &Problem, repeated_keys_allowed: bool) -> bool {
    match problem.kind {
        ProblemKind::Tolerated => false,
        ProblemKind::Repeated => !repeated_keys_allowed,
        _ => true,
    }
}
