//! The suffix that Kustomize derives from the content of a ConfigMap or Secret.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::yaml::{Derivation, Node, Resolved, Value};

use super::resource::Resource;

/// Adds to the names of generated objects the hash of their content.
pub(super) fn add_hashes(resources: &mut [Resource]) {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash) {
        resource.remember_id();
        let name = format!("{}-{}", resource.object.name(), content_hash(&resource.object.root));
        let mark = resource.object.root.at(&["metadata", "name"]).map(|node| node.mark.clone());
        let mark = mark.unwrap_or_else(|| resource.object.mark().clone());
        resource.set_metadata("name", Node::string(name, mark).derived(Derivation::Hashed));
    }
}

/// Ten characters that change whenever the content does.
///
/// The SHA-256 of the object's kind, name and data as JSON with sorted keys; vowels and digits that
/// could form words are replaced, as `k8s.io/kubectl/pkg/util/hash` defines it.
fn content_hash(root: &Node) -> String {
    let kind = root.get("kind").and_then(Node::text).unwrap_or("");
    let absent = "\"\"".to_owned();
    let field = |key: &str| root.get(key).map_or_else(|| absent.clone(), json);
    // Kustomize looks for the name where it is not, so equal contents have equal suffixes.
    let name = &absent;
    let document = match kind {
        "ConfigMap" => {
            let binary = match root.get("binaryData") {
                Some(node) if matches!(node.value, Value::Mapping(_)) => {
                    format!("\"binaryData\":{},", json(node))
                }
                _ => String::new(),
            };
            format!("{{{binary}\"data\":{},\"kind\":\"ConfigMap\",\"name\":{name}}}", field("data"))
        }
        "Secret" => {
            let text = match root.get("stringData") {
                Some(node) if matches!(node.value, Value::Mapping(_)) => {
                    format!(",\"stringData\":{}", json(node))
                }
                _ => String::new(),
            };
            let (data, kind) = (field("data"), field("type"));
            format!("{{\"data\":{data},\"kind\":\"Secret\",\"name\":{name}{text},\"type\":{kind}}}")
        }
        _ => json(root),
    };
    encode(&Sha256::digest(document.as_bytes()))
}

fn encode(digest: &[u8]) -> String {
    let mut hex = String::with_capacity(10);
    for byte in digest.iter().take(5) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    let replaced = hex.chars().map(|c| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    });
    replaced.collect()
}

/// JSON as Go's encoder writes it: sorted keys, no spaces, `<`, `>` and `&` escaped.
fn json(node: &Node) -> String {
    let mut out = String::new();
    write_json(node, &mut out);
    out
}

fn write_json(node: &Node, out: &mut String) {
    match &node.value {
        Value::Mapping(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            out.push('{');
            for (index, entry) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(&entry.key, out);
                out.push(':');
                write_json(&entry.value, out);
            }
            out.push('}');
        }
        Value::Sequence(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(item, out);
            }
            out.push(']');
        }
        _ => match node.resolved() {
            Some(Resolved::Bool(value)) => out.push_str(if value { "true" } else { "false" }),
            Some(Resolved::Int(value)) => {
                let _ = write!(out, "{value}");
            }
            Some(Resolved::Float(value)) => {
                let _ = write!(out, "{value}");
            }
            Some(Resolved::Text) => write_text(node.text().unwrap_or(""), out),
            Some(Resolved::Null) | None => out.push_str("null"),
        },
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
