//! Changes of headers by a route, and the host that they leave behind.
//!
//! The rules of Istio's `TranslateHeadersOperations` and `processDestination`, release 1.31: the
//! host is no header to Envoy, and a single destination's changes count as the route's own.

use stilltrace_model::{Origin, Setting};

use crate::field::Field;
use crate::virtual_service::HttpRoute;

/// What a route changes.
#[derive(Default)]
pub(crate) struct Changes {
    /// One line for every header that is set, added or removed.
    pub(crate) headers: Vec<Origin>,
    /// The new host, if it changes.
    pub(crate) host: Option<Setting<String>>,
}

impl Changes {
    /// Adds changes of headers.
    pub(crate) fn add(&mut self, more: Vec<Origin>) {
        self.headers.extend(more);
    }
}

/// The changes of an entry of `http`, with those of its destination where it has one only.
pub(crate) fn of(entry: &HttpRoute<'_>, forwards: bool) -> Changes {
    let mut headers = Vec::new();
    let mut host = None;
    if let Some(block) = &entry.headers {
        headers = changed(block);
        host = host_of(block);
    }
    let written = entry.rewrite.as_ref().and_then(|block| block.get("authority"));
    let rewritten = written.and_then(|field| {
        let text = field.text().filter(|text| !text.is_empty())?;
        Some(field.setting(text.to_owned()))
    });
    host = rewritten.or(host);
    if let ([only], true) = (entry.destinations.as_slice(), forwards)
        && let Some(block) = only.get("headers")
    {
        headers.extend(changed(&block));
        host = host.or_else(|| host_of(&block));
    }
    Changes { headers, host }
}

/// A header without a value is none: the API server takes nulls out before Istio sees the object.
fn changed(block: &Field<'_>) -> Vec<Origin> {
    let mut all = Vec::new();
    for side in ["request", "response"] {
        let Some(side) = block.get(side) else { continue };
        for kind in ["set", "add"] {
            let entries = side.get(kind).map(|map| map.entries()).unwrap_or_default();
            let visible = entries.iter().filter(|(name, _)| !is_internal(name));
            all.extend(visible.map(|(_, value)| value.origin()));
        }
        let removed = side.list("remove");
        let visible = removed.iter().filter(|name| !name.text().is_some_and(is_internal));
        all.extend(visible.map(Field::origin));
    }
    all
}

/// The host that a header change names; `set` comes before `add`.
fn host_of(block: &Field<'_>) -> Option<Setting<String>> {
    let request = block.get("request")?;
    let named = |kind: &str| {
        let entries = request.get(kind)?.entries();
        let field = entries.into_iter().find(|(name, _)| is_host(name))?.1;
        let text = field.text().filter(|text| !text.is_empty())?;
        Some(field.setting(text.to_owned()))
    };
    named("set").or_else(|| named("add"))
}

/// Names that Envoy does not treat as headers.
pub(crate) fn is_internal(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}

/// Names of the host among headers.
pub(crate) fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}
