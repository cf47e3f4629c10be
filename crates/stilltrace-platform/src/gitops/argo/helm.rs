//! What `source.helm` of an application hands to Helm.

use stilltrace_manifest::tree::join;
use stilltrace_manifest::{Mark, Node};

use super::application::Application;
use super::environment::Environment;
use crate::gitops::claim::{Chart, Content, Layer, Named, Parameter, Reason, Refusal};
use crate::gitops::own::argo_sources;

/// The folder as a chart with the application's values.
pub(super) fn content(
    application: &Application<'_>,
    source: &Node,
    folder: String,
    at: &Mark,
    environment: &Environment,
) -> Result<Content, Refusal> {
    let named = |node: &Node| {
        let text = node.text().filter(|text| !text.is_empty())?;
        Some(Named { text: text.to_owned(), mark: Some(node.mark.clone()) })
    };
    let option = |key: &str| source.at(&["helm", key]);
    let name = application.object.root.at(&["metadata", "name"]);
    let release = option("releaseName").and_then(named).or_else(|| name.and_then(named));
    let namespace = option("namespace").or(application.namespace()).and_then(named);
    let files = ValueFiles { application, source, folder: &folder, environment };
    let mut layers = files.layers()?;
    // An object wins over a text when both are written.
    match (option("valuesObject").filter(|node| !node.is_null()), option("values")) {
        (Some(object), _) => layers.push(Layer::Inline(object.clone())),
        (None, Some(text)) if text.text().is_some() => layers.push(Layer::Text(text.clone())),
        _ => {}
    }
    let unnamed = |text: &str| Named { text: text.to_owned(), mark: None };
    Ok(Content::Chart(Box::new(Chart {
        release: release.unwrap_or_else(|| unnamed(application.object.name())),
        namespace: namespace.unwrap_or_else(|| unnamed("default")),
        layers,
        parameters: parameters(&files, source),
        skip_crds: option("skipCrds").and_then(Node::as_bool) == Some(true),
        changes: Vec::new(),
        named_at: at.clone(),
        folder,
    })))
}

fn parameters(files: &ValueFiles<'_>, source: &Node) -> Vec<Parameter> {
    let list = |key: &str| source.at(&["helm", key]).map(Node::items).unwrap_or_default().iter();
    let mut found = Vec::new();
    for entry in list("parameters") {
        let Some(name) = entry.get("name").and_then(Node::text) else { continue };
        let Some(value) = entry.get("value") else { continue };
        found.push(Parameter {
            name: name.to_owned(),
            value: files.environment.expand(value),
            force_string: entry.get("forceString").and_then(Node::as_bool) == Some(true),
            is_file: false,
        });
    }
    for entry in list("fileParameters") {
        let Some(name) = entry.get("name").and_then(Node::text) else { continue };
        let Some(path) = entry.get("path") else { continue };
        let text = files.environment.expand_text(path.text().unwrap_or_default());
        let Some(file) = join(files.folder, &text) else { continue };
        let value = Node::string(file, path.mark.clone());
        found.push(Parameter { name: name.to_owned(), value, force_string: false, is_file: true });
    }
    found
}

/// `helm.valueFiles` of a source.
struct ValueFiles<'a> {
    application: &'a Application<'a>,
    source: &'a Node,
    folder: &'a str,
    environment: &'a Environment,
}

impl ValueFiles<'_> {
    fn layers(&self) -> Result<Vec<Layer>, Refusal> {
        let list = self.source.at(&["helm", "valueFiles"]).map(Node::items).unwrap_or_default();
        let lenient = self.source.at(&["helm", "ignoreMissingValueFiles"]);
        let lenient = lenient.and_then(Node::as_bool) == Some(true);
        let mut layers = Vec::new();
        for node in list {
            let path = self.path(node)?;
            let exists = self.application.context.files.has_file(&path);
            if exists {
                layers.push(Layer::File(path));
            } else if !lenient {
                let what = format!("the values file `{path}` is not in this repository");
                return Err(Refusal { reason: Reason::NoFolder, at: node.mark.clone(), what });
            }
        }
        Ok(layers)
    }

    /// The path in the repository: `$name/…` begins at the root of another source, `/…` at that of
    /// this one, anything else in the folder of the chart.
    fn path(&self, node: &Node) -> Result<String, Refusal> {
        let refuse = |reason, what| Refusal { reason, at: node.mark.clone(), what };
        let written = node.text().unwrap_or_default();
        if written.contains("://") {
            let what = format!("the values file `{written}` is not in Git");
            return Err(refuse(Reason::ForeignRepository, what));
        }
        let outside = || {
            let what = format!("the values file `{written}` lies outside of the repository");
            refuse(Reason::Broken, what)
        };
        if let Some((name, rest)) = written.strip_prefix('$').and_then(|r| r.split_once('/')) {
            let referred = argo_sources(self.application.spec)
                .find(|source| source.get("ref").and_then(Node::text) == Some(name));
            if let Some(referred) = referred {
                if let Some(url) = referred.get("repoURL") {
                    self.application.context.accept(url, referred.get("targetRevision"))?;
                }
                return join("", rest).ok_or_else(outside);
            }
            if !Environment::knows(name) {
                let what = format!("none of its sources is the `ref: {name}` of `{written}`");
                return Err(refuse(Reason::Broken, what));
            }
        }
        let expanded = self.environment.expand_text(written);
        let base = if expanded.starts_with('/') { "" } else { self.folder };
        join(base, expanded.trim_start_matches('/')).ok_or_else(outside)
    }
}
