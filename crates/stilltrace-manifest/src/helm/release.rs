//! What the release and `Chart.yaml` contribute: names, namespace, versions.

use std::sync::Arc;

use super::call::HelmCall;
use super::chart::Chart;
use super::flow;
use super::request::HelmRequest;
use super::stand_ins::{Values, suffix};
use crate::yaml::{Mark, Node, ParseCache, Value};

/// The facts of a release that templates print, and a call in which each has another value.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Where each fact is written, by the number of its mark; `None` where no file says it.
    pub(super) marks: Vec<Option<Mark>>,
    /// What to look for in the answer.
    pub(super) values: Values,
}

impl Facts {
    /// Changes the facts in `call`, a copy of the call that gave the answer.
    pub(super) fn change(
        call: &mut HelmCall,
        chart: &Chart,
        request: &HelmRequest,
        cache: &ParseCache,
    ) -> Self {
        let mut facts = Self::default();
        call.release = facts.add(&request.release.text, "", request.release.mark.clone());
        if let Some(namespace) = &request.namespace {
            call.namespace = Some(facts.add(&namespace.text, "", namespace.mark.clone()));
        }
        let mut files = (*call.files).clone();
        for folder in chart.folders() {
            let file = format!("{folder}Chart.yaml");
            let Some(root) = chart.yaml(&file, cache) else { continue };
            let mut changed = Node::clone(&root);
            // The name of a dependency is also the key of its values.
            let names: &[&str] = if folder.is_empty() { &["name"] } else { &[] };
            for key in names.iter().chain(&["version", "appVersion"]) {
                facts.change_field(&mut changed, key);
            }
            let text = flow::write(&changed);
            files.insert(file, Arc::from(text.into_bytes()));
        }
        call.files = Arc::new(files);
        facts
    }

    fn change_field(&mut self, root: &mut Node, key: &str) {
        let Some(node) = root.get_mut(key) else { return };
        let mark = node.mark.clone();
        let Value::Scalar(scalar) = &mut node.value else { return };
        // Build metadata, so that the range of a dependency still holds.
        let joint = if *key == *"version" && !scalar.text.contains('+') { "+" } else { "" };
        let text = scalar.text.to_string();
        scalar.text = self.add(&text, joint, Some(mark)).into();
    }

    /// A new value for a fact.
    fn add(&mut self, value: &str, joint: &str, mark: Option<Mark>) -> String {
        let id = self.marks.len();
        self.marks.push(mark);
        let text = [value, joint].concat();
        let changed = text.clone() + &suffix(id);
        self.values.insert(id, text);
        changed
    }
}
