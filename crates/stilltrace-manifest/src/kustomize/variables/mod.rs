//! `vars`: names for fields of objects, and their values where `$(NAME)` stands.
//!
//! A variable is bound to its object in the directory that declares it, by the name the object has
//! or had there. Its value is the field as it is in the end, after all names have changed.

mod expand;

use std::collections::BTreeMap;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Mark, Node, Scalar, Style, Text, Value};

use super::config::{Config, List};
use super::fields::visit;
use super::output::core_tag;
use super::replacements::path::{lookup, split};
use super::replacements::quote_untyped;
use super::resource::{Id, Resource};

use expand::{Expansion, expand};

/// A variable that a directory declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    /// The field of the object, as the parts of its path.
    path: Vec<String>,
    /// Where it is declared.
    mark: Mark,
}

/// The variables of a directory and those below it, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Variables(BTreeMap<String, Variable>);

impl Variables {
    /// Declares the entries of `vars` and notes them in the objects they mean.
    ///
    /// # Errors
    /// When a name is declared already, or could mean several objects.
    pub(super) fn declare(
        &mut self,
        entries: &[Node],
        resources: &mut [Resource],
    ) -> Result<(), Problem> {
        for entry in entries {
            bind(entry, resources)?;
        }
        for entry in entries {
            let path = text(entry, &["fieldref", "fieldPath"]);
            let path = if path.is_empty() { "metadata.name" } else { path };
            let variable = Variable { path: with_indexes(split(path)), mark: entry.mark.clone() };
            self.add(text(entry, &["name"]), variable)?;
        }
        Ok(())
    }

    /// Takes over the variables of a base.
    ///
    /// # Errors
    /// When a name is declared already.
    pub(super) fn merge(&mut self, other: Self) -> Result<(), Problem> {
        other.0.into_iter().try_for_each(|(name, variable)| self.add(&name, variable))
    }

    fn add(&mut self, name: &str, variable: Variable) -> Result<(), Problem> {
        if let Some(earlier) = self.0.get(name) {
            let text = format!("the variable `{name}` is declared at {} too", earlier.mark);
            return Err(Problem::at(&variable.mark, ProblemKind::Invalid, text));
        }
        self.0.insert(name.to_owned(), variable);
        Ok(())
    }

    /// Replaces `$(NAME)` in the fields of the configuration by the values.
    ///
    /// # Errors
    /// When a variable has no value, or a field holds something other than texts.
    pub(super) fn replace(
        &self,
        resources: &mut [Resource],
        config: &Config,
    ) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut values = BTreeMap::new();
        for (name, variable) in &self.0 {
            values.insert(name.as_str(), variable.value(name, resources)?);
        }
        for resource in resources {
            for spec in config.fields(List::VarReference) {
                let first = spec.path.split('/').next().unwrap_or("");
                if !spec.matches(&resource.object) || resource.object.root.get(first).is_none() {
                    continue;
                }
                visit(resource.object.root_mut(), &spec.path, None, &mut |node| {
                    set(node, &values)
                })?;
            }
        }
        Ok(())
    }
}

fn text<'a>(node: &'a Node, path: &[&str]) -> &'a str {
    node.at(path).and_then(Node::text).unwrap_or("")
}

/// `ports[0]` as the two parts `ports` and `0`.
fn with_indexes(parts: Vec<String>) -> Vec<String> {
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
            Some((key, index)) if index.parse::<usize>().is_ok() => {
                found.extend([key.to_owned(), index.to_owned()]);
            }
            _ => found.push(part),
        }
    }
    found
}

/// Notes a variable in the object it means; none is no error yet.
fn bind(entry: &Node, resources: &mut [Resource]) -> Result<(), Problem> {
    let part = |key: &str| text(entry, &["objref", key]);
    let (group, version) = match part("apiVersion") {
        "" => (part("group"), part("version")),
        api_version => match api_version.split_once('/') {
            Some(parts) => parts,
            None => (part("group"), api_version),
        },
    };
    let (kind, name, namespace) = (part("kind"), part("name"), part("namespace"));
    let is_meant = |id: &Id| {
        id.group == group
            && id.version == version
            && id.kind == kind
            && id.name == name
            && (namespace.is_empty() || id.namespace.as_deref() == Some(namespace))
    };
    let mut found = resources.iter_mut().filter(|resource| resource.ids().any(|id| is_meant(&id)));
    let (first, second) = (found.next(), found.next());
    if second.is_some() {
        let text = format!("{kind} {name} could mean several objects; add its namespace");
        return Err(Problem::at(&entry.mark, ProblemKind::Invalid, text));
    }
    if let Some(resource) = first {
        resource.variables.push(text(entry, &["name"]).to_owned());
    }
    Ok(())
}

impl Variable {
    fn value(&self, name: &str, resources: &[Resource]) -> Result<Node, Problem> {
        let declared = |resource: &&Resource| resource.variables.iter().any(|own| own == name);
        let Some(resource) = resources.iter().find(declared) else {
            let text = format!("the variable `{name}` means no object of the build");
            return Err(Problem::at(&self.mark, ProblemKind::Missing, text));
        };
        let found = lookup(&resource.object.root, &self.path).ok().flatten();
        let Some(found) = found else {
            let key = resource.object.key();
            let text = format!("the variable `{name}` means a field that {key} does not have");
            return Err(Problem::at(&self.mark, ProblemKind::Missing, text));
        };
        Ok(found.clone())
    }
}

type Values<'a> = BTreeMap<&'a str, Node>;

/// Replaces variables in a text, in the texts of a list or in the values of a mapping.
fn set(node: &mut Node, values: &Values<'_>) -> Result<(), Problem> {
    match &mut node.value {
        Value::Null => {}
        Value::Scalar(_) => set_text(node, values),
        Value::Sequence(items) => {
            for item in items {
                quote_untyped(item);
                if core_tag(item) != Some("!!str") {
                    let text = "an item of a list in which variables are replaced must be a text";
                    return Err(Problem::at(&item.mark, ProblemKind::Invalid, text));
                }
                set_text(item, values);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                set_text(&mut entry.value, values);
            }
        }
    }
    Ok(())
}

fn set_text(node: &mut Node, values: &Values<'_>) {
    quote_untyped(node);
    if core_tag(node) != Some("!!str") {
        return;
    }
    let Some(text) = node.text() else { return };
    match expand(text, values) {
        Expansion::Same => {}
        Expansion::Whole(value) => node.override_with(value.clone()),
        Expansion::Text(text) => {
            let text = Text::new(text);
            let scalar = Scalar { text, style: Style::DoubleQuoted };
            let mark = node.mark.clone();
            let new = Node::new(Value::Scalar(scalar), mark).derived(Derivation::Substituted);
            node.override_with(new);
        }
    }
}
