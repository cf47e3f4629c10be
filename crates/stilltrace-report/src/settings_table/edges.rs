//! All edges of one workload: one block for ports that differ in nothing but their number.

use serde_json::Value;

use super::{Fields, edge, objects, value};
use crate::page::{Page, Span, Tone};

/// What stands for the number where a block is for several ports.
const PORT: &str = "PORT";

/// A block, as it is written.
struct Block<'d> {
    host: &'d str,
    ports: Vec<&'d str>,
    notes: String,
    /// Everything below the heading, for the first port.
    body: String,
    /// The same for any of them.
    general: String,
}

/// Writes a block for every edge, or for several that only differ in the port.
pub(super) fn write(page: &mut Page, document: &Value, workload: &str, settings: &Fields) {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (target, fields) in objects(settings.get("edges")) {
        let (host, port) = target.split_once('|').unwrap_or((target, ""));
        let mut text = page.empty_copy();
        edge::write(&mut text, &edge::Shown { document, workload, target, fields, settings });
        let body = text.into_text();
        let own = format!("{host}:{port}");
        let general = replace_target(&body, &own, &format!("{host}:{PORT}"));
        let notes = edge::notes(fields);
        match blocks
            .iter_mut()
            .find(|one| (one.host, &one.notes, &one.general) == (host, &notes, &general))
        {
            Some(same) => same.ports.push(port),
            None => blocks.push(Block { host, ports: vec![port], notes, body, general }),
        }
    }
    for block in blocks {
        page.blank();
        let shown = match block.ports.as_slice() {
            [port] => value::target(&format!("{}|{port}", block.host)),
            several => format!("{}:{}", block.host, several.join(",")),
        };
        page.line(&[
            Span::new(Tone::Strong, format!("{workload} → {shown}")),
            Span::plain(format!("  ({})", block.notes)),
        ]);
        page.append(if block.ports.len() == 1 { &block.body } else { &block.general });
    }
}

/// Replaces an address where it is one: `a:80` is no part of `a:8080`.
fn replace_target(text: &str, own: &str, general: &str) -> String {
    let mut parts = text.split(own);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_whole = !part.starts_with(|next: char| next.is_ascii_digit());
        replaced.push_str(if is_whole { general } else { own });
        replaced.push_str(part);
    }
    replaced
}
