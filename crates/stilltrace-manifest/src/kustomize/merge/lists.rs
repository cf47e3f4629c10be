//! Lists whose items are merged by keys.
//!
//! The steps and their order are Kustomize's, down to its surprises: `$patch: replace` of one item
//! has no effect, and with several keys the old items keep their order behind the new ones.

use std::rc::Rc;

use crate::problem::Problem;
use crate::yaml::{Node, Text, Value};

use super::super::openapi::{ListMerge, Place};
use super::super::replacements::path::plain;
use super::{Directive, Walker, overriding};

/// The values of the merge keys of one item; empty where it lacks a key.
type Values = Vec<String>;

/// An item on its way into the new list. Items are told apart by their place in [`Items::all`].
#[derive(Default)]
struct Items {
    all: Vec<Node>,
}

impl Items {
    fn add(&mut self, node: Node) -> usize {
        self.all.push(node);
        self.all.len() - 1
    }

    fn get(&self, item: usize) -> Option<&Node> {
        self.all.get(item)
    }

    /// Whether the item has the values at the keys; an empty value matches any, and an empty key
    /// means the item itself.
    fn matches(&self, item: usize, keys: &[String], values: &[String]) -> bool {
        let Some(node) = self.get(item) else { return false };
        let mut found = false;
        for (position, key) in keys.iter().enumerate() {
            // A key without a value repeats the answer of the key before it.
            if let Some(value) = values.get(position) {
                found = match key.as_str() {
                    "" => text(node) == *value,
                    key => {
                        node.get(key).is_some_and(|field| value.is_empty() || text(field) == *value)
                    }
                };
            }
            if !found {
                return false;
            }
        }
        found
    }

    /// Puts `new` in the place of all items that match, or at the end; nothing removes them.
    fn set(&self, list: &mut Vec<usize>, new: Option<usize>, keys: &[String], values: &[String]) {
        let mut is_there = false;
        let mut kept = Vec::with_capacity(list.len() + 1);
        for item in std::mem::take(list) {
            let Some(node) = self.get(item) else { continue };
            let is_empty = matches!(&node.value, Value::Mapping(entries) if entries.is_empty());
            if node.is_null() || is_empty {
                continue;
            }
            let by_field = keys.first().is_some_and(|key| !key.is_empty())
                && values.first().is_some_and(|value| !value.is_empty());
            if by_field && !matches!(node.value, Value::Mapping(_)) {
                kept.push(item);
            } else if self.matches(item, keys, values) {
                is_there = true;
                kept.extend(new);
            } else if !values.is_empty() {
                kept.push(item);
            }
        }
        if !is_there {
            kept.extend(new);
        }
        *list = kept;
    }
}

/// The text of a single value; empty for anything else.
fn text(node: &Node) -> &str {
    node.text().unwrap_or("")
}

impl Walker<'_> {
    /// Merges the list of a patch into the old one.
    pub(super) fn list(
        &self,
        place: Place<'_>,
        merge: &ListMerge,
        old: Option<Node>,
        patch: Option<&Node>,
    ) -> Result<Option<Node>, Problem> {
        let (old, patch) = match (old.filter(|old| !old.is_null()), patch) {
            (None, patch) => match patch.filter(|patch| !patch.is_null()) {
                None => return Ok(None),
                Some(patch) => (patch.clone(), Some(patch.clone())),
            },
            (Some(_), Some(patch)) if patch.is_null() => return Ok(None),
            (Some(old), None) => (old, None),
            (Some(old), Some(patch)) => match list_directive(patch)? {
                (Directive::Delete, _) => return Ok(None),
                (Directive::Replace, rest) => (overriding(old, rest.clone()), Some(rest)),
                (Directive::Merge, rest) => (old, Some(rest)),
            },
        };
        let keys = match merge {
            ListMerge::ByKeys(keys) => keys.clone(),
            ListMerge::Union | ListMerge::Replaced => vec![String::new()],
        };
        self.items(place.items(), &keys, old, patch.as_ref()).map(Some)
    }

    fn items(
        &self,
        place: Place<'_>,
        keys: &[String],
        mut old: Node,
        patch: Option<&Node>,
    ) -> Result<Node, Problem> {
        let Value::Sequence(old_items) = &mut old.value else { return Ok(old) };
        let mut items = Items::default();
        let mut olds: Vec<usize> =
            std::mem::take(old_items).into_iter().map(|node| items.add(node)).collect();
        let new_items = patch.map_or(&[][..], Node::items);
        let mut all = Vec::new();
        for node in new_items.iter().chain(olds.iter().filter_map(|item| items.get(*item))) {
            let values: Values = keys.iter().map(|key| key_text(node, key)).collect();
            if !all.contains(&values) {
                all.push(values);
            }
        }
        if keys.len() > 1 {
            complete(&mut all);
        }
        let mut merged: Vec<usize> = Vec::new();
        let mut valid = keys.to_vec();
        for values in &all {
            let (valid_keys, valid_values) = with_values(&all, values, keys);
            let found =
                self.item(place, &mut items, &olds, new_items, (&valid_keys, &valid_values))?;
            match found {
                Some(found) => items.set(&mut merged, Some(found), &valid_keys, &valid_values),
                None => items.set(&mut olds, None, &valid_keys, &valid_values),
            }
            valid = valid_keys;
        }
        if !all.is_empty() {
            append(&items, &mut merged, &olds, &valid);
            olds = merged;
        }
        let mut slots: Vec<Option<Node>> = items.all.into_iter().map(Some).collect();
        // An item can stand twice; the second one is a copy.
        let mut taken: Vec<(usize, Rc<Node>)> = Vec::new();
        for item in olds {
            if let Some(node) = slots.get_mut(item).and_then(Option::take) {
                taken.push((item, Rc::new(node)));
            } else if let Some((_, node)) = taken.iter().find(|(known, _)| *known == item).cloned()
            {
                taken.push((item, node));
            }
        }
        *old_items = taken.into_iter().map(|(_, node)| Rc::unwrap_or_clone(node)).collect();
        Ok(old)
    }

    /// Merges the old and the new item with these values; `None` when nothing is left of them.
    fn item(
        &self,
        place: Place<'_>,
        items: &mut Items,
        olds: &[usize],
        news: &[Node],
        (keys, values): (&[String], &[String]),
    ) -> Result<Option<usize>, Problem> {
        let (own_keys, own_values) = with_values(&[values.to_vec()], values, keys);
        let has = |node: &Node| is_item(node, &own_keys, &own_values);
        let old = olds.iter().copied().find(|item| items.get(*item).is_some_and(has));
        let new = news.iter().find(|node| has(node));
        let replaces = new.is_some_and(|new| super::directive(new) == Ok(Directive::Replace));
        let old_node = old.and_then(|old| items.get(old)).cloned();
        let named: Vec<Node> = old_node.iter().flat_map(|old| named(old, keys)).collect();
        let result = self.walk(place, old_node, new)?;
        let is_empty = |node: &Node| {
            node.is_null() || matches!(&node.value, Value::Mapping(entries) if entries.is_empty())
        };
        let Some(mut result) = result.filter(|result| !is_empty(result)) else { return Ok(None) };
        for (key, value) in keys.iter().zip(values) {
            if !key.is_empty() && result.get(key).is_none() && !value.is_empty() {
                let mark = result.mark.clone();
                result.set(key, &mark, Node::new(plain(value), mark.clone()));
            }
            // The patch only names the item by its keys; it does not set them.
            let kept = result.get_mut(key).and_then(|field| {
                let old = named.iter().find(|old| old.text() == field.text())?;
                Some((field, old))
            });
            if let Some((field, old)) = kept {
                *field = old.clone();
            }
        }
        match old.filter(|_| !replaces) {
            Some(old) => {
                if let Some(slot) = items.all.get_mut(old) {
                    *slot = result;
                }
                Ok(Some(old))
            }
            None => Ok(Some(items.add(result))),
        }
    }
}

fn named(old: &Node, keys: &[String]) -> Vec<Node> {
    keys.iter().filter_map(|key| old.get(key).cloned()).collect()
}

fn key_text(node: &Node, key: &str) -> String {
    match key {
        "" => text(node).to_owned(),
        key => node.get(key).map_or("", text).to_owned(),
    }
}

/// Whether a list's item has exactly these values.
fn is_item(node: &Node, keys: &[String], values: &[String]) -> bool {
    keys.iter().zip(values).all(|(key, value)| match key.as_str() {
        "" => text(node) == value,
        key => node.get(key).is_some_and(|field| text(field) == value),
    })
}

/// What the list says of itself by an item that holds nothing but a directive, and the rest of it.
fn list_directive(patch: &Node) -> Result<(Directive, Node), Problem> {
    let first = patch.items().iter().find(|item| item.get("$patch").is_some());
    let Some(first) = first.filter(|first| first.entries().len() == 1) else {
        return Ok((Directive::Merge, patch.clone()));
    };
    let directive = super::directive(first)?;
    let word = first.get("$patch").and_then(Node::text).map(Text::new);
    let says = |item: &Node| item.get("$patch").and_then(Node::text).map(Text::new) == word;
    let rest = patch.items().iter().filter(|item| !says(item)).cloned().collect();
    Ok((directive, patch.with_value(Value::Sequence(rest))))
}

/// Keys and values without the keys that no item has.
fn with_values(all: &[Values], values: &[String], keys: &[String]) -> (Vec<String>, Values) {
    let used: Vec<bool> = (0..keys.len())
        .map(|at| all.iter().any(|values| values.get(at).is_some_and(|value| !value.is_empty())))
        .collect();
    if !used.contains(&true) {
        return (keys.to_vec(), values.to_vec());
    }
    let is_used = |at: usize| used.get(at).copied().unwrap_or(false);
    let keys = keys.iter().enumerate().filter(|(at, _)| is_used(*at));
    let values = values.iter().enumerate().filter(|(at, value)| is_used(*at) || !value.is_empty());
    (keys.map(|(_, key)| key.clone()).collect(), values.map(|(_, value)| value.clone()).collect())
}

/// Lets items that do not contradict each other share the values that one of them lacks.
fn complete(all: &mut [Values]) {
    for first in 0..all.len() {
        let Some(own) = all.get(first).cloned() else { continue };
        for second in 0..all.len() {
            let Some(shared) = all.get(second).and_then(|other| shared(&own, other)) else {
                continue;
            };
            for place in [first, second] {
                if let Some(values) = all.get_mut(place) {
                    values.clone_from(&shared);
                }
            }
        }
    }
}

fn shared(a: &[String], b: &[String]) -> Option<Values> {
    let mut common = false;
    let mut found = Vec::with_capacity(a.len());
    for (a, b) in a.iter().zip(b) {
        common |= a == b;
        if a != b && !a.is_empty() && !b.is_empty() {
            return None;
        }
        found.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    common.then_some(found)
}

/// Puts the old items behind the merged ones; those that are merged stay where they are, unless
/// there are several keys.
fn append(items: &Items, merged: &mut Vec<usize>, olds: &[usize], keys: &[String]) {
    for item in olds {
        let Some(node) = items.get(*item) else { continue };
        if keys.first().is_some_and(String::is_empty) {
            let values = [text(node).to_owned()];
            items.set(merged, Some(*item), keys, &values);
            continue;
        }
        let mut values = Vec::new();
        for key in keys {
            match node.get(key).filter(|field| !field.is_null()) {
                Some(field) => values.push(text(field).to_owned()),
                None => merged.push(*item),
            }
        }
        if keys.len() > 1 {
            items.set(merged, None, keys, &values);
        }
        items.set(merged, Some(*item), keys, &values);
    }
}
