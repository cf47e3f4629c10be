//! Kubernetes label selectors.

use stilltrace_manifest::Node;

/// Whether a selector with `matchLabels` and `matchExpressions` selects labels; an expression with
/// an unknown operator selects nothing.
pub(crate) fn selects<'l>(selector: &Node, label: impl Fn(&str) -> Option<&'l str>) -> bool {
    let exact = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    exact.iter().all(|entry| label(&entry.key) == entry.value.text())
        && expressions.iter().all(|expression| {
            let text = |key: &str| expression.get(key).and_then(Node::text).unwrap_or_default();
            let values = expression.get("values").map(Node::items).unwrap_or_default();
            let value = label(text("key"));
            let listed = value.is_some_and(|v| values.iter().any(|one| one.text() == Some(v)));
            match text("operator") {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}
