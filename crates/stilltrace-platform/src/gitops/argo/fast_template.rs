//! `{{name}}` templates: a look-up by name, nothing else. Unknown names stay as written.

use super::params::Params;

/// The text with its parameters, or `None` when nothing is replaced.
pub(super) fn expand(text: &str, params: &Params) -> Option<String> {
    if !text.contains("{{") {
        return None;
    }
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        expanded.push_str(before);
        let Some((tag, behind)) = after.split_once("}}") else {
            expanded.push_str("{{");
            rest = after;
            continue;
        };
        if let Some(value) = params.root.get(tag.trim()).and_then(|node| node.as_str()) {
            expanded.push_str(value);
        } else {
            expanded.push_str("{{");
            expanded.push_str(tag);
            expanded.push_str("}}");
        }
        rest = behind;
    }
    expanded.push_str(rest);
    Some(expanded)
}

/// The only parameter of a text that is nothing else.
pub(super) fn only_parameter(text: &str) -> Option<&str> {
    let tag = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!tag.contains("{{")).then(|| tag.trim())
}
