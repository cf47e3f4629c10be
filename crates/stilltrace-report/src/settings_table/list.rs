//! Many edges in a line each, to find the one to look at.

use serde_json::Value;

use super::{Fields, gaps, gateway, hazards, items, objects, refused, routes, value};
use crate::page::{Page, Span, Tone};
use crate::terminal::TerminalOptions;

/// Every edge of the document in one line, below the workload that calls.
///
/// Shows what is set and nothing that is the default.
pub fn settings_list(document: &Value, options: &TerminalOptions) -> String {
    let mut page = Page::new(options.width, options.color);
    refused(&mut page, document);
    hazards::write(&mut page, hazards::of_others(document));
    for (workload, settings) in objects(document.get("workloads")) {
        let edges: Vec<_> = objects(settings.get("edges")).collect();
        page.blank();
        let count =
            if edges.len() == 1 { "1 edge".to_owned() } else { format!("{} edges", edges.len()) };
        page.line(&[Span::new(Tone::Strong, workload), Span::plain(format!("  ({count})"))]);
        for (target, edge) in edges {
            let head = [
                Span::plain("  "),
                Span::new(Tone::Label, value::target(target)),
                Span::plain("  "),
            ];
            page.paragraph(
                &head,
                6,
                &[Span::plain(summary(document, workload, target, edge, settings))],
            );
        }
        if settings.contains_key("gateway") {
            gateway::write_broken(&mut page, settings);
        }
    }
    gaps(&mut page, document);
    page.into_text()
}

/// What somebody set on an edge, in a few words.
fn summary(
    document: &Value,
    workload: &str,
    target: &str,
    edge: &Fields,
    settings: &Fields,
) -> String {
    let is_gateway = settings.contains_key("gateway");
    let mut parts = if is_gateway {
        gateway::summary(target, settings)
    } else {
        routes::summary(target, settings)
    };
    if let Some(rule) = edge.get("dr").and_then(Value::as_str) {
        parts.push(format!("DestinationRule {rule}"));
    }
    let subsets = objects(edge.get("subsets")).count();
    if subsets > 0 {
        parts.push(format!("{subsets} {}", if subsets == 1 { "subset" } else { "subsets" }));
    }
    let patches = items(edge.get("patched_by")).len();
    if patches > 0 {
        let word = if patches == 1 { "patch" } else { "patches" };
        parts.push(format!("unless {patches} {word} of EnvoyFilters change it"));
    }
    for hazard in hazards::of_edge(document, workload, target) {
        let name = hazard.get("mechanism").and_then(Value::as_str).unwrap_or_default();
        parts.push(format!("hazard {name}"));
    }
    if parts.is_empty() { "defaults".to_owned() } else { parts.join(", ") }
}
