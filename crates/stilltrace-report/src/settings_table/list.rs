//! Many edges in a line each, to find the one to look at.

use serde_json::Value;

use super::{Fields, gaps, objects, refused, routes, value};
use crate::page::{Page, Span, Tone};
use crate::terminal::TerminalOptions;

/// Every edge of the document in one line, below the workload that calls.
///
/// Shows what is set and nothing that is the default.
pub fn settings_list(document: &Value, options: &TerminalOptions) -> String {
    let mut page = Page::new(options.width, options.color);
    refused(&mut page, document);
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
            page.paragraph(&head, 6, &[Span::plain(summary(target, edge, settings))]);
        }
    }
    gaps(&mut page, document);
    page.into_text()
}

/// What somebody set on an edge, in a few words.
fn summary(target: &str, edge: &Fields, settings: &Fields) -> String {
    let mut parts = routes::summary(target, settings);
    if let Some(rule) = edge.get("dr").and_then(Value::as_str) {
        parts.push(format!("DestinationRule {rule}"));
    }
    let subsets = objects(edge.get("subsets")).count();
    if subsets > 0 {
        parts.push(format!("{subsets} subsets"));
    }
    if parts.is_empty() { "defaults".to_owned() } else { parts.join(", ") }
}
