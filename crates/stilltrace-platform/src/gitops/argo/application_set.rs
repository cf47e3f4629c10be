//! Argo CD `ApplicationSet` objects: the applications that they create.

use std::sync::Arc;

use stilltrace_manifest::yaml::{Derivation, parse};
use stilltrace_manifest::{Budget, Mark, Node, Object, Value};

use super::generators::{Generated, Generators};
use super::interpolate::{interpolate, text};
use super::params::{Params, Style};
use crate::gitops::claim::{Reason, Refusal};
use crate::gitops::context::Context;
use crate::gitops::merge::overlay;

/// How many applications one set may create.
const MAX_APPLICATIONS: usize = 5_000;

/// The applications of a set, and what keeps others from being known.
pub(crate) fn applications(object: &Object, context: &Context<'_>) -> Vec<Result<Object, Refusal>> {
    let null = Node::new(Value::Null, object.mark().clone());
    let spec = object.root.get("spec").unwrap_or(&null);
    let is_go = spec.get("goTemplate").and_then(Node::as_bool) == Some(true);
    let set = Set { object, spec, style: if is_go { Style::Go } else { Style::Fast } };
    let generators = Generators { context, style: set.style };
    let mut found = Vec::new();
    for generator in spec.get("generators").map(Node::items).unwrap_or_default() {
        let Generated { params, template, refused } = generators.run(generator);
        found.extend(refused.into_iter().map(Err));
        for params in params {
            if found.len() >= MAX_APPLICATIONS {
                let what = format!("it creates more than {MAX_APPLICATIONS} applications");
                found.push(Err(refuse(Reason::Generator, &generator.mark, what)));
                return found;
            }
            found.push(set.application(&params, template.as_ref()));
        }
    }
    found
}

struct Set<'a> {
    object: &'a Object,
    spec: &'a Node,
    style: Style,
}

impl Set<'_> {
    /// The application of one set of parameters. A generator's own template wins over the set's.
    fn application(&self, params: &Params, template: Option<&Node>) -> Result<Object, Refusal> {
        let Some(base) = self.spec.get("template") else {
            let what = "it has no template".to_owned();
            return Err(refuse(Reason::Broken, self.object.mark(), what));
        };
        let mut merged = base.clone();
        if let Some(template) = template {
            overlay(&mut merged, template);
        }
        let mut root = interpolate(&merged, params, self.style)?;
        if let Some(patch) = self.spec.get("templatePatch") {
            overlay(&mut root, &self.patch(patch, params)?);
        }
        let mark = root.mark.clone();
        let fixed = |text: &str| {
            Node::string(text, self.object.mark().clone()).derived(Derivation::Generated)
        };
        root.set("apiVersion", &mark, fixed("argoproj.io/v1alpha1"));
        root.set("kind", &mark, fixed("Application"));
        // Applications live beside their set.
        if let Some(namespace) = self.object.root.at(&["metadata", "namespace"])
            && let Some(metadata) = root.get_mut("metadata")
        {
            metadata.set("namespace", &namespace.mark.clone(), namespace.clone());
        }
        Object::from_node(Arc::new(root)).ok_or_else(|| {
            refuse(Reason::Broken, &mark, "its template makes no application".to_owned())
        })
    }

    /// `templatePatch` with its parameters, read as YAML; values have the place of the whole text.
    fn patch(&self, patch: &Node, params: &Params) -> Result<Node, Refusal> {
        let written = patch.text().unwrap_or_default();
        let expanded = text(written, patch, params, self.style)?;
        let expanded = expanded.as_deref().unwrap_or(written);
        let parsed = parse(&patch.mark.path, expanded.as_bytes(), &Budget::default());
        let Some(document) = parsed.documents.first().filter(|_| parsed.is_whole()) else {
            let what = "its `templatePatch` is no YAML once it has its parameters".to_owned();
            return Err(refuse(Reason::Template, &patch.mark, what));
        };
        let mut root = Node::clone(&document.root);
        crate::gitops::flux::substitute::place_all(&mut root, &patch.mark, Derivation::Substituted);
        Ok(root)
    }
}

fn refuse(reason: Reason, at: &Mark, what: String) -> Refusal {
    Refusal { reason, at: at.clone(), what }
}
