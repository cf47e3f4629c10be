//! Notation of what Kubernetes does with pods: amounts, times in seconds, and targets.

use stilltrace_manifest::Node;

use super::Claim;

/// Units of amounts; the longer ones of the same letters first.
const UNITS: [(&str, f64); 12] = [
    ("Ki", 1_024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("", 1.0),
];

/// Whether `node` says the value; `None` for a claim that is not about pods.
pub(super) fn holds(claim: &Claim<'_>, node: &Node) -> Option<bool> {
    let text = node.text().unwrap_or_default();
    let (group, part) = claim.name.split_once('.').unwrap_or((claim.name, ""));
    let value = if part.is_empty() {
        claim.fields.get(group)?
    } else {
        claim.fields.get(group)?.get(part)?
    };
    match group {
        "limits" | "requests" => {
            let (told, written) = (amount(value.as_str()?)?, amount(text));
            // Amounts are rounded up to thousandths of a core and to bytes.
            let step = if part == "cpu" { 1e-3 } else { 1.0 };
            Some(written.is_some_and(|written| told >= written - 1e-9 && told - written < step))
        }
        "targets" => {
            let told = value.as_str()?;
            let parts =
                ["%", " per pod", ""].into_iter().filter_map(|unit| told.strip_suffix(unit));
            let trigger = part.strip_prefix("trigger ");
            Some(
                trigger.map_or_else(|| parts.clone().any(|told| told == text), |kind| kind == text),
            )
        }
        "kind" => {
            // Istio makes the pods of a gateway for an object of the Gateway API.
            let kind = node.get("kind").and_then(Node::text)?;
            Some(value == kind || kind == "Gateway")
        }
        // The key itself says in which way a probe asks.
        "asks" if part == "way" => Some(value == claim.key),
        "asks" if part == "path" => {
            let told = value.as_str()?;
            Some(told == text || told.strip_prefix('/') == Some(text))
        }
        "asks" if part == "tls" => Some(value == (text == "HTTPS")),
        "through_agent" => {
            let truths = ["1", "t", "T", "true", "TRUE", "True"];
            Some(value == truths.contains(&text))
        }
        "strict" => Some(value == (text == "DoNotSchedule")),
        "replicas" if value.is_null() => Some(true),
        name if name.ends_with("_ms") && claim.key.ends_with("Seconds") => {
            Some(node.as_f64().map(|seconds| seconds * 1_000.0) == value.as_f64())
        }
        _ => None,
    }
}

/// An amount as Kubernetes writes it.
fn amount(text: &str) -> Option<f64> {
    UNITS.iter().find_map(|(unit, factor)| {
        text.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * factor)
    })
}
