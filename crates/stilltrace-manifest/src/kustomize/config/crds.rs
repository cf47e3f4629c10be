//! `crds`: OpenAPI definitions of custom resources that mark identities and references.
//!
//! Kustomize reads extensions such as `x-kubernetes-object-ref-kind` from the properties of every
//! definition that looks like an object, and follows `$ref` to definitions of the same file.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::Node;

use super::super::fields::{FieldSpec, Gvk};
use super::{Config, Conflict, List, References};

/// Levels of definitions that are followed; a definition may refer to itself.
const MAX_DEPTH: usize = 32;
/// Properties that are looked at in one file.
const MAX_PROPERTIES: usize = 100_000;

/// Reads the root of a file of definitions.
pub(in super::super) fn read(root: &Node) -> Result<Config, Problem> {
    let mut walk = Walk { root, config: Config::default(), properties: 0 };
    for entry in root.entries() {
        let properties = properties(&entry.value);
        let has = |key: &str| properties.is_some_and(|node| node.get(key).is_some());
        if !(has("kind") && has("apiVersion") && has("metadata")) {
            continue;
        }
        let kind = entry.key.rsplit('.').next().unwrap_or(&entry.key).to_owned();
        let of = Gvk { kind: kind.into(), ..Gvk::default() };
        let result = walk.definition(&of, &entry.key, &mut Vec::new());
        result.map_err(|why| Problem::at(&entry.key_mark, ProblemKind::Invalid, why))?;
    }
    Ok(walk.config)
}

fn properties(definition: &Node) -> Option<&Node> {
    definition.get("Schema").or_else(|| definition.get("schema"))?.get("properties")
}

struct Walk<'a> {
    root: &'a Node,
    config: Config,
    properties: usize,
}

impl Walk<'_> {
    fn definition(&mut self, of: &Gvk, name: &str, path: &mut Vec<String>) -> Result<(), String> {
        if path.len() >= MAX_DEPTH {
            return Err(format!("`{name}` refers to itself"));
        }
        let Some(properties) = self.root.get(name).and_then(properties) else { return Ok(()) };
        for property in properties.entries() {
            self.properties += 1;
            if self.properties > MAX_PROPERTIES {
                return Err(format!("more than {MAX_PROPERTIES} properties"));
            }
            path.push(property.key.to_string());
            self.property(of, &property.value, path).map_err(|conflict| conflict.to_string())?;
            if let Some(reference) = property.value.get("$ref").and_then(Node::text) {
                self.definition(of, reference, path)?;
            }
            path.pop();
        }
        Ok(())
    }

    fn property(&mut self, of: &Gvk, property: &Node, path: &[String]) -> Result<(), Conflict> {
        let spec = |path: String| FieldSpec::new(of.clone(), path, false);
        let here = path.join("/");
        let marked = [
            ("x-kubernetes-annotation", List::CommonAnnotations),
            ("x-kubernetes-label-selector", List::CommonLabels),
            ("x-kubernetes-identity", List::NamePrefix),
        ];
        for (extension, list) in marked {
            if property.get(extension).and_then(Node::text).is_some() {
                self.config.add(list, spec(here.clone()))?;
            }
        }
        let text = |key: &str| property.get(key).and_then(Node::text);
        let version = text("x-kubernetes-object-ref-api-version");
        let kind = text("x-kubernetes-object-ref-kind");
        let (Some(version), Some(kind)) = (version, kind) else { return Ok(()) };
        let key = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
        let target = Gvk {
            version: version.to_owned().into(),
            kind: kind.to_owned().into(),
            ..Gvk::default()
        };
        let referrers = vec![spec(format!("{here}/{key}"))];
        self.config.refer(&References { target, referrers })
    }
}
