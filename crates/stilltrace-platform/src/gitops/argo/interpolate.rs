//! Puts parameters into every text and key of a template.

use stilltrace_manifest::yaml::Derivation;
use stilltrace_manifest::{Node, Value};

use super::params::{Params, Style};
use super::{fast_template, go_template};
use crate::gitops::claim::{Reason, Refusal};

/// The template with its parameters.
///
/// A value that is nothing but one parameter has the line of the parameter, anything else that of
/// the template. The depth is bounded by the budget of the parser.
pub(super) fn interpolate(node: &Node, params: &Params, style: Style) -> Result<Node, Refusal> {
    match &node.value {
        Value::Mapping(entries) => {
            let mut new = node.with_value(Value::Mapping(Vec::new()));
            for entry in entries {
                let key = text(&entry.key, node, params, style)?;
                let value = interpolate(&entry.value, params, style)?;
                new.set(key.as_deref().unwrap_or(&entry.key), &entry.key_mark, value);
            }
            Ok(new)
        }
        Value::Sequence(items) => {
            let items: Result<Vec<Node>, Refusal> =
                items.iter().map(|item| interpolate(item, params, style)).collect();
            Ok(node.with_value(Value::Sequence(items?)))
        }
        // Only texts are templates.
        Value::Scalar(scalar) if node.as_str().is_some() => {
            let Some(expanded) = text(&scalar.text, node, params, style)? else {
                return Ok(node.clone());
            };
            Ok(replaced(node, &scalar.text, expanded, params, style))
        }
        Value::Scalar(_) | Value::Null => Ok(node.clone()),
    }
}

/// The text with its parameters; `None` when it has none.
pub(super) fn text(
    text: &str,
    at: &Node,
    params: &Params,
    style: Style,
) -> Result<Option<String>, Refusal> {
    if !text.contains("{{") {
        return Ok(None);
    }
    match style {
        Style::Fast => Ok(fast_template::expand(text, params)),
        Style::Go => go_template::expand(text, params).map(Some).map_err(|unknown| Refusal {
            reason: Reason::Template,
            at: at.mark.clone(),
            what: format!("its template is not evaluated: `{unknown}`"),
        }),
    }
}

fn replaced(node: &Node, template: &str, text: String, params: &Params, style: Style) -> Node {
    let only = match style {
        Style::Fast => {
            fast_template::only_parameter(template).and_then(|name| params.root.get(name))
        }
        Style::Go => go_template::only_field(template, params),
    };
    let mut new = match only.filter(|parameter| parameter.text() == Some(&text)) {
        Some(parameter) => {
            Node::string(text, parameter.mark.clone()).derived(parameter.derivation())
        }
        None => Node::string(text, node.mark.clone()).derived(Derivation::Substituted),
    };
    if new.mark != node.mark {
        new.set_overrode(vec![node.mark.clone()]);
    }
    new
}
