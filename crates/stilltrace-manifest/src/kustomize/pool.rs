//! The objects and the configuration of a directory while it is collected.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::object::Object;
use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Node, Parsed};

use super::config::{self, Config};
use super::keys::without_merge_keys;
use super::resource::{Id, Resource, is_named};
use super::variables::Variables;

/// Objects that one build may hold.
const MAX_OBJECTS: usize = 100_000;

/// What is known of a directory while it is collected.
#[derive(Default)]
pub(super) struct Pool {
    pub(super) resources: Vec<Resource>,
    /// Identities of the objects.
    pub(super) ids: BTreeSet<Id>,
    /// The fields that changes reach, with those of the bases.
    pub(super) config: Arc<Config>,
    /// The variables, with those of the bases.
    pub(super) variables: Variables,
}

impl Pool {
    /// Adds configuration; most directories have the standard one and share it.
    pub(super) fn configure(&mut self, config: &Arc<Config>) -> Result<(), config::Conflict> {
        let is_standard = Arc::ptr_eq(config, &Config::standard());
        if is_standard && self.config.is_empty() {
            self.config = Arc::clone(config);
        }
        if Arc::ptr_eq(config, &self.config) {
            return Ok(());
        }
        Arc::make_mut(&mut self.config).merge(config)
    }

    /// Notes the identities anew after objects were changed.
    pub(super) fn index(&mut self) {
        self.ids = self.resources.iter().map(Resource::id).collect();
    }

    /// Says which object has the identity of another, as changes of names can bring about.
    pub(super) fn twice(&self) -> Option<Problem> {
        let mut ids = BTreeSet::new();
        let second = self.resources.iter().find(|resource| !ids.insert(resource.id()))?;
        Some(taken(second))
    }

    /// Adds an object, or says which identity is taken.
    pub(super) fn add(&mut self, resource: Resource) -> Result<(), Problem> {
        let mark = resource.object.mark();
        if self.resources.len() >= MAX_OBJECTS {
            let text = format!("more than {MAX_OBJECTS} objects in one build");
            return Err(Problem::at(mark, ProblemKind::Budget, text));
        }
        if !self.ids.insert(resource.id()) {
            return Err(taken(&resource));
        }
        self.resources.push(resource);
        Ok(())
    }
}

fn taken(resource: &Resource) -> Problem {
    let key = resource.object.key();
    let text =
        format!("{key} is already part of the build; take it in once, or rename one of the two");
    Problem::at(resource.object.mark(), ProblemKind::Invalid, text)
}

/// Adds the objects of a file, items of lists one by one behind all others; says what is left out.
pub(super) fn add_documents(parsed: &Parsed, pool: &mut Pool) -> Vec<Problem> {
    let mut problems = Vec::new();
    let roots = parsed.documents.iter().map(without_merge_keys);
    let mut waiting: VecDeque<Arc<Node>> = roots.filter(|root| !root.is_null()).collect();
    while let Some(root) = waiting.pop_front() {
        if let Err(problem) = is_named(&root) {
            problems.push(problem);
            continue;
        }
        let object = Object { root };
        match object.root.get("items") {
            Some(items) if object.kind().ends_with("List") => {
                let items = items.items().iter().filter(|item| !item.is_null());
                waiting.extend(items.map(|item| Arc::new(item.clone())));
            }
            _ => problems.extend(pool.add(Resource::new(object)).err()),
        }
    }
    problems
}
