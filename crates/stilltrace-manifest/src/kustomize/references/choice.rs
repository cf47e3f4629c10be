//! The choice of the object that one field refers to.

use std::collections::{BTreeMap, BTreeSet};

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Node, Value};

use super::super::fields::Gvk;
use super::super::names::replace;
use super::{Referrer, Renamed};

/// One field that refers to an object of one kind.
pub(super) struct Choice<'a> {
    pub(super) renamed: &'a [Renamed],
    pub(super) by_name: &'a BTreeMap<String, Vec<usize>>,
    /// Present and original namespace of all objects that have one.
    pub(super) namespaces: &'a BTreeSet<(String, String)>,
    pub(super) target: &'a Gvk,
    pub(super) referrer: &'a Referrer,
    /// Whether the field is the name of a `roleRef`, which says itself what kind it means.
    pub(super) to_role: bool,
}

/// Whether a reference may be to an object that had one of these names, or is one that is refused.
pub(super) fn concerns(node: &Node, by_name: &BTreeMap<String, Vec<usize>>) -> bool {
    let known = |name: Option<&str>| by_name.contains_key(name.unwrap_or(""));
    match &node.value {
        Value::Sequence(items) => items.iter().any(|item| match &item.value {
            Value::Sequence(_) => true,
            _ => concerns(item, by_name),
        }),
        Value::Mapping(_) => node.get("name").is_none_or(|name| known(name.text())),
        Value::Scalar(_) => known(node.text()),
        Value::Null => false,
    }
}

impl<'a> Choice<'a> {
    /// Makes the names at a field follow: of a scalar, of a mapping with `name`, or of a list.
    pub(super) fn update(&mut self, node: &mut Node) -> Result<(), Problem> {
        match &mut node.value {
            Value::Sequence(items) => items.iter_mut().try_for_each(|item| match item.value {
                Value::Sequence(_) => {
                    let text = "a reference must be a name or a mapping with `name`";
                    Err(Problem::at(&item.mark, ProblemKind::Invalid, text))
                }
                _ => self.update_one(item),
            }),
            _ => self.update_one(node),
        }
    }

    fn update_one(&self, node: &mut Node) -> Result<(), Problem> {
        match node.value {
            Value::Scalar(_) => self.update_name(node),
            Value::Mapping(_) => self.update_mapping(node),
            _ => Ok(()),
        }
    }

    fn update_name(&self, node: &mut Node) -> Result<(), Problem> {
        let same_name = |a: &Renamed, b: &Renamed| a.name.text() == b.name.text();
        if let Some(found) = self.select(node, node.text().unwrap_or(""), None, same_name)? {
            follow(node, found);
        }
        Ok(())
    }

    /// A reference by name and namespace, such as a subject of a role binding.
    fn update_mapping(&self, node: &mut Node) -> Result<(), Problem> {
        let Some(name) = node.get("name") else {
            let text = "a reference needs a `name`";
            return Err(Problem::at(&node.mark, ProblemKind::Invalid, text));
        };
        let namespace = node.get("namespace").map(|namespace| namespace.text().unwrap_or(""));
        let same =
            |a: &Renamed, b: &Renamed| a.name.text() == b.name.text() && written(a) == written(b);
        let Some(found) = self.select(node, name.text().unwrap_or(""), namespace, same)? else {
            return Ok(());
        };
        if let Some(name) = node.get_mut("name") {
            follow(name, found);
        }
        if let Some((namespace, mark)) = &found.written_namespace {
            match node.get_mut("namespace") {
                Some(node) => replace(node, Node::string(namespace, mark.clone())),
                None => node.set("namespace", mark, Node::string(namespace, mark.clone())),
            }
        }
        Ok(())
    }

    /// The one candidate that had the name; several are told apart by their prefixes.
    fn select(
        &self,
        place: &Node,
        name: &str,
        namespace: Option<&str>,
        same: impl Fn(&Renamed, &Renamed) -> bool,
    ) -> Result<Option<&'a Renamed>, Problem> {
        let named = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let candidates = named.iter().filter_map(|position| self.renamed.get(*position));
        let mut found: Vec<&'a Renamed> = candidates.filter(|r| self.is_meant(r)).collect();
        if let Some(namespace) = namespace {
            self.keep_namespace(&mut found, namespace);
        }
        if found.len() > 1 {
            found.retain(|r| self.same_context(r, true));
        }
        if found.len() > 1 {
            found.retain(|r| self.same_context(r, false));
        }
        let Some(first) = found.first().copied() else { return Ok(None) };
        if found.iter().all(|other| same(first, other)) {
            return Ok(Some(first));
        }
        let other = first.name.text().unwrap_or("");
        let text = format!("`{name}` could mean several objects, such as `{other}`");
        Err(Problem::at(&place.mark, ProblemKind::Invalid, text))
    }

    /// Objects whose original namespace is the one of the reference; if no object of the build
    /// began there, those that are there now.
    fn keep_namespace(&self, found: &mut Vec<&'a Renamed>, namespace: &str) {
        let original = |r: &Renamed| {
            r.previous.first().and_then(|id| id.namespace.as_deref()) == Some(namespace)
        };
        let began = self
            .namespaces
            .iter()
            .any(|(current, began)| began == namespace && self.can_see(current));
        let is_there = |r: &Renamed| r.current.namespace.as_deref() == Some(namespace);
        found.retain(|r| if began { original(r) } else { is_there(r) });
    }

    fn is_meant(&self, candidate: &Renamed) -> bool {
        let was = |gvk: &Gvk| candidate.previous.iter().any(|id| gvk.accepts_id(id));
        let role = self.referrer.role.as_ref().filter(|_| self.to_role);
        was(self.target) && role.is_none_or(was) && self.is_reachable(candidate)
    }

    /// Whether the two objects can know each other: in one namespace, in none, or bound by name.
    fn is_reachable(&self, candidate: &Renamed) -> bool {
        let Some(namespace) = &candidate.current.namespace else { return true };
        if self.referrer.cluster_scoped || self.referrer.namespace.as_ref() == Some(namespace) {
            return true;
        }
        let written = candidate.written_namespace.as_ref().map_or("", |(namespace, _)| namespace);
        candidate.current.kind == "ServiceAccount"
            && self.referrer.binding_namespaces.contains(written)
    }

    fn can_see(&self, namespace: &str) -> bool {
        self.referrer.cluster_scoped
            || self.referrer.namespace.as_deref() == Some(namespace)
            || self.referrer.binding_namespaces.contains(namespace)
    }

    fn same_context(&self, candidate: &Renamed, lenient: bool) -> bool {
        same_ending(&candidate.prefixes, &self.referrer.prefixes, lenient)
            && same_ending(&candidate.suffixes, &self.referrer.suffixes, lenient)
    }
}

fn written(renamed: &Renamed) -> Option<&str> {
    renamed.written_namespace.as_ref().map(|(namespace, _)| namespace.as_str())
}

/// Whether the shorter list is the end of the longer one.
fn same_ending(a: &[String], b: &[String], lenient: bool) -> bool {
    if a.is_empty() || b.is_empty() {
        return lenient || a.len() == b.len();
    }
    a.iter().rev().zip(b.iter().rev()).all(|(a, b)| a == b)
}

/// Puts the name of an object into a reference to it, whose own text mostly is a part of it.
fn follow(reference: &mut Node, found: &Renamed) {
    let mut name = found.name.clone();
    if !name.pieces().is_empty() {
        let whole = name.text().unwrap_or("");
        let written = reference.as_pieces().into_iter();
        let kept = written.filter(|piece| whole.contains(piece.text.as_str()));
        let pieces = name.pieces().iter().cloned().chain(kept).collect();
        name.set_pieces(pieces);
    }
    replace(reference, name);
}
