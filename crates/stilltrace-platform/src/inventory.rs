//! The objects of the cluster by kind, and the facts that every other module asks for.

use std::collections::BTreeMap;

use crate::age::Guess;
use crate::discovery::Discovery;
use crate::labels::Labels;
use crate::revision;
use crate::source::Source;

/// Sorted access to the objects of the cluster.
pub(crate) struct Inventory<'a> {
    by_kind: BTreeMap<(&'a str, &'a str), Vec<&'a Source>>,
    namespaces: BTreeMap<&'a str, Labels>,
    /// How objects of unknown age are ordered.
    pub(crate) guess: Guess,
}

impl<'a> Inventory<'a> {
    /// Sorts the objects by kind, oldest first.
    pub(crate) fn new(applied: &'a [Source], guess: Guess) -> Self {
        Self::of_sources(applied.iter(), guess)
    }

    /// Like [`Inventory::new`], with what the istiod of one revision reads only.
    pub(crate) fn of_revision(applied: &'a [Source], revision: &str, guess: Guess) -> Self {
        Self::of_sources(applied.iter().filter(|source| revision::reads(revision, source)), guess)
    }

    /// The same without what istiod does not read.
    pub(crate) fn limited_to(mut self, discovery: &Discovery<'_>) -> Self {
        for sources in self.by_kind.values_mut() {
            sources.retain(|source| discovery.reads(source));
        }
        self
    }

    fn of_sources(applied: impl Iterator<Item = &'a Source>, guess: Guess) -> Self {
        let mut by_kind: BTreeMap<(&str, &str), Vec<&Source>> = BTreeMap::new();
        for source in applied {
            by_kind.entry((source.group(), &source.id.kind)).or_default().push(source);
        }
        for sources in by_kind.values_mut() {
            sources.sort_by(|a, b| guess.oldest_first(a, b));
        }
        let listed = by_kind.get(&("", "Namespace")).map(Vec::as_slice).unwrap_or_default();
        let namespaces = listed.iter().map(|source| (source.name(), source.labels())).collect();
        Self { by_kind, namespaces, guess }
    }

    /// All objects of a kind, oldest first.
    pub(crate) fn of(&self, group: &'a str, kind: &'a str) -> &[&'a Source] {
        self.by_kind.get(&(group, kind)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The namespace's own object, when the repository holds it.
    pub(crate) fn namespace(&self, name: &str) -> Option<&'a Source> {
        self.of("", "Namespace").iter().find(|source| source.name() == name).copied()
    }

    /// Labels of a namespace; empty when the repository does not hold the namespace.
    pub(crate) fn namespace_labels(&self, namespace: &str) -> Labels {
        self.namespaces.get(namespace).cloned().unwrap_or_default()
    }
}
