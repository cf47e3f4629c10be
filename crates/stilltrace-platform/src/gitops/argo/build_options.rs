//! What the repository says of Argo CD's `kustomize.buildOptions`, wherever it says it.
//!
//! The `ConfigMap` `argocd-cm` holds them under `data`. Its operator writes them from
//! `spec.kustomizeBuildOptions` or `spec.extraConfig` of an `ArgoCD`, the chart `argo-cd` from its
//! value `configs.cm` (`server.config` in old releases), which may stand in a file of values, in an
//! `Application`, a `HelmRelease` or `helmCharts`, as a mapping, as a text or as a parameter. The key
//! is Argo CD's own, so every mapping that has it counts, and texts that hold YAML are looked into.

use stilltrace_manifest::yaml::{Budget, parse};
use stilltrace_manifest::{Node, Object, Value};

use crate::gitops::files::Files;

/// The key with the options of every build; behind a dot a version of Kustomize follows.
pub(crate) const KEY: &str = "kustomize.buildOptions";
/// Texts within texts that are looked into.
const MAX_DEPTH: usize = 3;
/// Bytes of a text that is looked into.
const MAX_TEXT: usize = 1_000_000;

/// Options by their key, and whether anything says something of Argo CD's settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct BuildOptions {
    found: Vec<(String, String)>,
    /// Whether settings are in the repository at all.
    is_known: bool,
}

impl BuildOptions {
    /// Looks for them in all files, if any kustomization asks for a chart; `settings` are the
    /// objects that hold Argo CD's own.
    pub(crate) fn read(files: &Files<'_>, settings: &[Object]) -> Self {
        let mut options = Self { found: Vec::new(), is_known: !settings.is_empty() };
        for object in settings {
            let whole = object.root.at(&["spec", "kustomizeBuildOptions"]).and_then(Node::text);
            options.found.extend(whole.map(|whole| (KEY.to_owned(), whole.to_owned())));
        }
        let parsed = |path: &str| files.parsed(path).ok().flatten();
        let charted = |file: &str| {
            let file = parsed(file);
            file.is_some_and(|f| f.source.contains("helmChart") || f.source.contains("generators"))
        };
        if !files.kustomizations().any(|(_, file)| charted(file)) {
            return options;
        }
        let manifests = files.paths().iter().map(String::as_str);
        let manifests = manifests.filter(|path| files.is_manifest(path));
        for path in manifests.chain(files.kustomizations().map(|(_, file)| file)) {
            let Some(parsed) = parsed(path).filter(|parsed| parsed.source.contains("buildOptions"))
            else {
                continue;
            };
            for document in &parsed.documents {
                options.look_into(&document.root, MAX_DEPTH);
            }
        }
        options.is_known |= !options.found.is_empty();
        options
    }

    /// Whether the settings of Argo CD are in the repository.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known
    }

    /// What is set under a key.
    pub(crate) fn of<'o>(&'o self, key: &'o str) -> impl Iterator<Item = &'o str> {
        self.found.iter().filter(move |(known, _)| known == key).map(|(_, text)| text.as_str())
    }

    /// Walks a document, whose depth is bounded by the parser; `texts` within texts are left.
    fn look_into(&mut self, node: &Node, texts: usize) {
        match &node.value {
            Value::Mapping(entries) => {
                let text = |key: &str| node.get(key).and_then(Node::text);
                if let (Some(name), Some(value)) = (text("name"), text("value")) {
                    // A parameter of a chart escapes the dots within a key.
                    let name = name.replace("\\.", ".");
                    if let Some(at) = name.find(KEY).filter(|at| *at > 0) {
                        let key = name.get(at..).unwrap_or_default().to_owned();
                        self.found.push((key, value.to_owned()));
                    }
                }
                for entry in entries {
                    match entry.value.text().filter(|_| is_key(&entry.key)) {
                        Some(text) => self.found.push((entry.key.to_string(), text.to_owned())),
                        None => self.look_into(&entry.value, texts),
                    }
                }
            }
            Value::Sequence(items) => items.iter().for_each(|item| self.look_into(item, texts)),
            Value::Scalar(scalar) => self.look_into_text(&scalar.text, texts),
            Value::Null => {}
        }
    }

    fn look_into_text(&mut self, text: &str, texts: usize) {
        if texts == 0 || text.len() > MAX_TEXT || !text.contains(KEY) {
            return;
        }
        match text.split_once('=') {
            // An entry of `literals`.
            Some((key, options)) if is_key(key) => {
                self.found.push((key.to_owned(), options.to_owned()));
            }
            _ => {
                let parsed = parse("", text.as_bytes(), &Budget::default());
                for document in &parsed.documents {
                    if document.root.text().is_none() {
                        self.look_into(&document.root, texts - 1);
                    }
                }
            }
        }
    }
}

fn is_key(key: &str) -> bool {
    let rest = key.strip_prefix(KEY);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') && !rest.contains(' '))
}
