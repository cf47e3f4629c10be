//! Holds every scalar of every rendered object against the line that its mark names.
//!
//! Nothing is guessed: the node says by which step its value was made from the text at its mark
//! ([`Derivation`]), and each step is a relation that must hold exactly.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that reads a corpus and prints what it counted"
)]

mod places;
mod relation;

use std::collections::BTreeMap;
use std::path::Path;

use super::accumulate::assemble;
use super::policy::{Means, Policy};
use crate::corpus::{bytes, corpus, entries, tree};
use crate::tree::{MemoryTree, Tree};
use crate::yaml::{Budget, Derivation, Node, ParseCache, parse};
use places::Places;
use relation::holds;

/// How many values came by each step, and those that are not where they say.
#[derive(Default)]
struct Count {
    by_step: BTreeMap<Derivation, usize>,
    wrong: Vec<String>,
}

impl Count {
    /// Checks every scalar of what a root renders to.
    fn add(
        &mut self,
        name: &str,
        tree: &dyn Tree,
        root: &str,
        cache: &ParseCache,
        places: &Places,
    ) {
        let built = assemble(tree, root, cache, Policy::Report(Means::default()));
        for object in built.resources.iter().map(|resource| &resource.object) {
            for (path, leaf) in object.root.leaves() {
                *self.by_step.entry(leaf.derivation()).or_default() += 1;
                if let Err(what) = holds(leaf, places) {
                    let (key, step) = (object.key(), leaf.derivation());
                    let text: String = leaf.text().unwrap_or("null").chars().take(60).collect();
                    let overrode = leaf.overrode().iter().map(ToString::to_string);
                    let overrode = overrode.collect::<Vec<_>>().join(" < ");
                    self.wrong.push(format!(
                        "{step:?}: {what}: {name} {key} {path}={text:?} {} < {overrode}",
                        leaf.mark
                    ));
                }
            }
        }
    }

    fn verdict(mut self) {
        let all: usize = self.by_step.values().sum();
        eprintln!("{all} values, {} not where they say; {:?}", self.wrong.len(), self.by_step);
        self.wrong.sort();
        let shown: Vec<&String> = self.wrong.iter().take(20).collect();
        assert!(shown.is_empty(), "{shown:#?}");
        assert!(self.by_step.len() > 5, "too few steps to mean anything");
    }
}

fn text_of(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::text).map(str::to_owned)
}

fn document(path: &Path) -> std::sync::Arc<Node> {
    parse("case.json", &bytes(path), &Budget::default()).documents[0].root.clone()
}

#[test]
fn every_value_of_a_krusty_case_is_where_it_says() {
    let Some(folder) = corpus("kustomize-krusty") else { return };
    let mut count = Count::default();
    for case in entries(&folder).iter().filter(|case| case.join("case.json").is_file()) {
        let root = text_of(&document(&case.join("case.json")), "root").unwrap_or(".".to_owned());
        let tree: MemoryTree = tree(&case.join("input"));
        let name = case.file_name().unwrap().to_str().unwrap();
        count.add(name, &tree, &root, &ParseCache::new(), &Places::new(&tree));
    }
    count.verdict();
}

#[test]
fn every_value_of_a_real_root_is_where_it_says() {
    let Some(folder) = corpus("gitops-repos") else { return };
    let mut count = Count::default();
    for repository in entries(&folder).iter().filter(|path| path.join("builds.json").is_file()) {
        let about = document(&repository.join("builds.json"));
        let (tree, cache) = (tree(&repository.join("tree")), ParseCache::new());
        let places = Places::new(&tree);
        let name = repository.file_name().unwrap().to_str().unwrap();
        for case in about.get("roots").unwrap().items() {
            let root = text_of(case, "root").unwrap();
            count.add(&format!("{name}/{root}"), &tree, &root, &cache, &places);
        }
    }
    count.verdict();
}
