//! Variables of Argo CD's build environment, such as `$ARGOCD_APP_NAME`.

use stilltrace_manifest::Node;
use stilltrace_manifest::yaml::Derivation;

use super::application::Application;

/// The variables that Git decides. Others, such as the revision, stay as written.
pub(super) struct Environment {
    known: [(&'static str, String); 6],
}

impl Environment {
    /// The variables of one source.
    pub(super) fn new(application: &Application<'_>, source: &Node) -> Self {
        let of = |key: &str| source.get(key).and_then(Node::text).unwrap_or_default().to_owned();
        let namespace = application.namespace().and_then(Node::text).unwrap_or_default();
        let project = application.spec.get("project").and_then(Node::text).unwrap_or("default");
        Self {
            known: [
                ("ARGOCD_APP_NAME", application.object.name().to_owned()),
                ("ARGOCD_APP_NAMESPACE", namespace.to_owned()),
                ("ARGOCD_APP_PROJECT_NAME", project.to_owned()),
                ("ARGOCD_APP_SOURCE_PATH", of("path")),
                ("ARGOCD_APP_SOURCE_REPO_URL", of("repoURL")),
                ("ARGOCD_APP_SOURCE_TARGET_REVISION", of("targetRevision")),
            ],
        }
    }

    /// Whether Argo CD sets a variable of this name.
    pub(super) fn knows(name: &str) -> bool {
        name.starts_with("ARGOCD_") || name.starts_with('{') || name == "KUBE_VERSION"
    }

    /// The node with its variables replaced.
    pub(super) fn expand(&self, node: &Node) -> Node {
        let Some(text) = node.text().filter(|text| text.contains('$')) else { return node.clone() };
        let expanded = self.expand_text(text);
        if expanded == text {
            return node.clone();
        }
        Node::string(expanded, node.mark.clone()).derived(Derivation::Substituted)
    }

    /// Replaces `$NAME` and `${NAME}`; `$$` is a dollar sign.
    pub(super) fn expand_text(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            if let Some(escaped) = after.strip_prefix('$') {
                expanded.push('$');
                rest = escaped;
                continue;
            }
            let (name, end) = variable(after);
            if let Some((_, value)) = self.known.iter().find(|(known, _)| *known == name) {
                expanded.push_str(value);
            } else {
                expanded.push('$');
                expanded.push_str(after.get(..end).unwrap_or_default());
            }
            rest = after.get(end..).unwrap_or_default();
        }
        expanded.push_str(rest);
        expanded
    }
}

/// The name of the variable at the start of the text, and where the expression ends.
fn variable(text: &str) -> (&str, usize) {
    if let Some(inner) = text.strip_prefix('{') {
        return match inner.find('}') {
            Some(end) => (inner.get(..end).unwrap_or_default(), end + 2),
            None => ("", 0),
        };
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), end)
}
