//! The effective settings for people: one table per edge, to be pasted into a chat.
//!
//! Input is the JSON document of the settings, so that the two outputs can never disagree. Every
//! value stands beside the line that set it and what it won against; the defaults that matter in an
//! incident and that nobody wrote are shown and called by that name.

mod defaults;
mod edge;
mod list;
mod routes;
mod server;
mod table;
mod value;

use serde_json::{Map, Value};

use crate::page::{Page, Span, Tone};
use crate::terminal::TerminalOptions;

pub use list::settings_list;

/// A JSON object.
type Fields = Map<String, Value>;

/// Gaps that are named; the JSON has all.
const GAPS: usize = 8;

/// All edges of the document as tables, each with its routes, and for every workload what its own
/// proxy does with requests that arrive.
///
/// Text from data is made harmless (see [`crate::escape`]). Only what people copy may be wider than
/// the page: addresses and host names.
pub fn settings_table(document: &Value, options: &TerminalOptions) -> String {
    let mut page = Page::new(options.width, options.color);
    refused(&mut page, document);
    for (workload, settings) in objects(document.get("workloads")) {
        for (target, edge) in objects(settings.get("edges")) {
            page.blank();
            edge::write(&mut page, workload, target, edge, settings);
        }
        server::write(&mut page, workload, settings);
    }
    gaps(&mut page, document);
    page.into_text()
}

/// Objects that Istio's admission would not let into the cluster; nothing below counts them.
fn refused(page: &mut Page, document: &Value) {
    for one in items(document.get("invalid")) {
        let object = value::object_name(one.get("object").unwrap_or(&Value::Null));
        let message = one.get("message").and_then(Value::as_str).unwrap_or_default();
        let place = value::place(one).map(|place| format!("{place}: ")).unwrap_or_default();
        let text = format!("{place}{object}: {message}");
        page.paragraph(&[Span::new(Tone::Bad, "refused  ")], 9, &[Span::plain(text)]);
    }
}

fn gaps(page: &mut Page, document: &Value) {
    let all = items(document.get("gaps"));
    if !all.is_empty() {
        page.blank();
    }
    for gap in all.iter().take(GAPS) {
        let part = |name: &str| gap.get(name).and_then(Value::as_str).unwrap_or_default();
        let text = format!("{}: {}; {}", part("what"), part("why"), part("remedy"));
        page.paragraph(&[Span::new(Tone::Unsure, "not read  ")], 10, &[Span::plain(text)]);
    }
    if all.len() > GAPS {
        let text = format!("and {} more (-o json has all)", all.len() - GAPS);
        page.paragraph(&[Span::plain(" ".repeat(10))], 10, &[Span::plain(text)]);
    }
}

/// The members of a JSON object that are objects themselves.
fn objects(value: Option<&Value>) -> impl Iterator<Item = (&String, &Fields)> {
    let members = value.and_then(Value::as_object).into_iter().flatten();
    members.filter_map(|(name, value)| Some((name, value.as_object()?)))
}

/// The items of a JSON list; none for anything else.
fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
