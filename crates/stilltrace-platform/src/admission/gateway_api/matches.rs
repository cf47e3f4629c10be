//! Conditions of routes: paths of an `HTTPRoute`, methods of a `GRPCRoute`.

use super::text_or;
use crate::admission::check::Check;
use crate::field::Field;

/// What a path that is compared as text must not contain.
const NEVER_INSIDE: [&str; 6] = ["//", "/./", "/../", "%2f", "%2F", "#"];

/// Judges the path of a condition.
pub(super) fn path(path: &Field<'_>, check: &mut Check<'_>) {
    if !matches!(text_or(path, "type", "PathPrefix"), "Exact" | "PathPrefix") {
        return;
    }
    let Some(field) = path.get("value") else { return };
    let text = field.node().text().unwrap_or_default();
    if !text.starts_with('/') {
        check.refuse(&field, "a path begins with `/`");
    }
    if let Some(part) = NEVER_INSIDE.iter().find(|part| text.contains(**part)) {
        check.refuse(&field, format!("a path does not contain `{part}`"));
    } else if text.ends_with("/..") || text.ends_with("/.") {
        check.refuse(&field, "a path does not end with `/.` or `/..`");
    } else if !is_path(text) {
        check.refuse(&field, "has a character that a path cannot have");
    }
}

/// Whether every character is one of a path, or a percent sign with two digits.
fn is_path(text: &str) -> bool {
    let mut parts = text.split('%');
    let plain = |part: &str| {
        part.chars().all(|c| c.is_ascii_alphanumeric() || "-/._~!$&'()*+,;=:@".contains(c))
    };
    let escaped = |part: &str| {
        let digits = part.get(..2);
        digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()))
    };
    parts.next().is_some_and(plain) && parts.all(|part| escaped(part) && plain(part))
}

/// Judges the method of a gRPC condition.
pub(super) fn method(method: &Field<'_>, check: &mut Check<'_>) {
    let written = |key: &str| method.get(key);
    if written("service").is_none() && written("method").is_none() {
        check.refuse(method, "needs `service`, `method` or both");
    }
    if text_or(method, "type", "Exact") != "Exact" {
        return;
    }
    if let Some(field) = written("service") {
        let text = field.node().text().unwrap_or_default();
        if !text.strip_prefix('.').unwrap_or(text).split('.').all(is_word) {
            check.refuse(&field, "is no name of a gRPC service");
        }
    }
    if let Some(field) = written("method")
        && !is_word(field.node().text().unwrap_or_default())
    {
        check.refuse(&field, "is no name of a gRPC method");
    }
}

/// Letters, digits and underscores, no digit first.
fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().next().is_some_and(|c| !c.is_ascii_digit())
}
