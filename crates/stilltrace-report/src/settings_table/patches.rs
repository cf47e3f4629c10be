//! Patches of `EnvoyFilter` objects beside the values that they may change.

use serde_json::Value;

use super::table::Row;
use super::{Fields, items, value};
use crate::page::{Page, Span, Tone};

/// Names every patch of a list, and that its outcome is not computed.
pub(super) fn write<'v>(page: &mut Page, patches: impl Iterator<Item = &'v Value>) {
    for patch in patches {
        let text = |name: &str| patch.get(name).and_then(Value::as_str).unwrap_or_default();
        let object = value::object_name(patch.get("object").unwrap_or(&Value::Null));
        let place = value::place(patch).map(|place| format!(" at {place}")).unwrap_or_default();
        let touches: Vec<&str> =
            items(patch.get("touches")).iter().filter_map(Value::as_str).collect();
        let touches = match touches.as_slice() {
            [] => "everything of its kind".to_owned(),
            several => several.join(", "),
        };
        let text = format!(
            "{object}{place}: {} {}, {touches}; it may change the {}, and what comes out is not computed",
            text("operation"),
            text("applies_to"),
            match text("may_change") {
                "filters" => "requests",
                "process" => "proxy",
                part => part,
            },
        );
        page.paragraph(&[Span::new(Tone::Unsure, "patched  ")], 9, &[Span::plain(text)]);
    }
}

/// Whether a patch may change the routes of an edge; filters may answer, delay and repeat requests.
pub(super) fn reach_routes(edge: &Fields) -> bool {
    let parts = items(edge.get("patched_by")).iter().filter_map(|patch| patch.get("may_change"));
    parts.into_iter().any(|part| part == "routes" || part == "filters")
}

/// Whether a patch may change the settings of a destination, or of one of its subsets.
pub(super) fn reach_destination(edge: &Fields, subset: &str) -> bool {
    items(edge.get("patched_by")).iter().any(|patch| {
        let only = patch.get("subset").and_then(Value::as_str);
        patch.get("may_change").is_some_and(|part| part == "destination")
            && only.is_none_or(|only| only == subset)
    })
}

/// Says beside every value that it holds only where no patch changes it.
pub(super) fn mark(mut rows: Vec<Row>, patched: bool) -> Vec<Row> {
    if patched {
        rows.iter_mut().for_each(Row::unless_patched);
    }
    rows
}
