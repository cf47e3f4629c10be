//! The effective settings for people: one table per edge, to be pasted into a chat.
//!
//! Input is the JSON document of the settings, so that the two outputs can never disagree. Every
//! value stands beside the line that set it and what it won against; the defaults that matter in an
//! incident and that nobody wrote are shown and called by that name.

mod age;
mod ambient;
mod defaults;
mod edge;
mod edges;
mod gateway;
mod hazards;
mod list;
mod parts;
mod patches;
mod pods;
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
/// Refused objects that are named beside one complaint.
const REFUSED: usize = 3;

/// All edges of the document as tables, each with its routes, and for every workload what its own
/// proxy does with requests that arrive.
///
/// Text from data is made harmless (see [`crate::escape`]). Only what people copy may be wider than
/// the page: addresses and host names.
pub fn settings_table(document: &Value, options: &TerminalOptions) -> String {
    let mut page = Page::new(options.width, options.color);
    refused(&mut page, document);
    hazards::write(&mut page, hazards::of_others(document));
    for (workload, settings) in objects(document.get("workloads")) {
        edges::write(&mut page, document, workload, settings);
        server::write(&mut page, document, workload, settings);
    }
    ambient::write(&mut page, document);
    pods::write(&mut page, document);
    gaps(&mut page, document);
    page.into_text()
}

/// Objects that Istio's admission would not let into the cluster; nothing below counts them. Those
/// with the same complaint share a line.
fn refused(page: &mut Page, document: &Value) {
    let mut complaints: Vec<(String, Vec<String>)> = Vec::new();
    for one in items(document.get("invalid")) {
        let object = value::object_name(one.get("object").unwrap_or(&Value::Null));
        let text = |name: &str| one.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
        let place = value::place(one).map(|place| format!("{place}: ")).unwrap_or_default();
        let field = text("field").map(|field| format!("{field} ")).unwrap_or_default();
        let complaint = format!("{field}{}", text("message").unwrap_or_default());
        let who = format!("{place}{object}");
        match complaints.iter_mut().find(|(known, _)| *known == complaint) {
            Some((_, all)) => all.push(who),
            None => complaints.push((complaint, vec![who])),
        }
    }
    for (complaint, all) in complaints {
        let more = match all.len().saturating_sub(REFUSED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let shown: Vec<&str> = all.iter().take(REFUSED).map(String::as_str).collect();
        let text = format!("{}{more}: {complaint}", shown.join(", "));
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
        page.paragraph(&[Span::new(Tone::Unsure, "gap  ")], 5, &[Span::plain(text)]);
    }
    if all.len() > GAPS {
        let text = format!("and {} more gaps (-o json has all {})", all.len() - GAPS, all.len());
        page.paragraph(&[Span::plain("     ")], 5, &[Span::plain(text)]);
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
