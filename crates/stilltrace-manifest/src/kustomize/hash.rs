//! The suffix that Kustomize derives from the content of a ConfigMap or Secret.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::yaml::{Derivation, Node, Value};

use super::json::compact;
use super::resource::Resource;

/// Adds to the names of generated objects the hash of their content.
pub(super) fn add_hashes(resources: &mut [Resource]) {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash) {
        resource.remember_id();
        let name = format!("{}-{}", resource.object.name(), content_hash(&resource.object.root));
        let old = resource.object.root.at(&["metadata", "name"]);
        let mark = old.map_or_else(|| resource.object.mark().clone(), |node| node.mark.clone());
        let pieces = old.map(Node::as_pieces).unwrap_or_default();
        let name = Node::string(name, mark).derived(Derivation::Hashed).made_of(pieces);
        resource.set_metadata("name", name);
    }
}

/// Ten characters that change whenever the content does.
///
/// The SHA-256 of the object's kind, name and data as JSON with sorted keys; vowels and digits that
/// could form words are replaced, as `k8s.io/kubectl/pkg/util/hash` defines it.
fn content_hash(root: &Node) -> String {
    let kind = root.get("kind").and_then(Node::text).unwrap_or("");
    let absent = "\"\"".to_owned();
    let field = |key: &str| root.get(key).map_or_else(|| absent.clone(), compact);
    // Kustomize looks for the name where it is not, so equal contents have equal suffixes.
    let name = &absent;
    let document = match kind {
        "ConfigMap" => {
            let binary = match root.get("binaryData") {
                Some(node) if matches!(node.value, Value::Mapping(_)) => {
                    format!("\"binaryData\":{},", compact(node))
                }
                _ => String::new(),
            };
            format!("{{{binary}\"data\":{},\"kind\":\"ConfigMap\",\"name\":{name}}}", field("data"))
        }
        "Secret" => {
            let text = match root.get("stringData") {
                Some(node) if matches!(node.value, Value::Mapping(_)) => {
                    format!(",\"stringData\":{}", compact(node))
                }
                _ => String::new(),
            };
            let (data, kind) = (field("data"), field("type"));
            format!("{{\"data\":{data},\"kind\":\"Secret\",\"name\":{name}{text},\"type\":{kind}}}")
        }
        _ => compact(root),
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
