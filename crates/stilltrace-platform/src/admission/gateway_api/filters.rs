//! Filters of rules and of backends.

use super::{port_of_service, text_or};
use crate::admission::check::Check;
use crate::admission::values;
use crate::field::Field;

/// Types of filters with the field that belongs to each; where `true`, there is one at most.
const KINDS: [(&str, &str, bool); 7] = [
    ("RequestHeaderModifier", "requestHeaderModifier", true),
    ("ResponseHeaderModifier", "responseHeaderModifier", true),
    ("RequestMirror", "requestMirror", false),
    ("RequestRedirect", "requestRedirect", true),
    ("URLRewrite", "urlRewrite", true),
    ("CORS", "cors", true),
    ("ExtensionRef", "extensionRef", false),
];

/// Judges `filters` of a rule or of a backend.
pub(super) fn judge(owner: &Field<'_>, check: &mut Check<'_>) {
    let filters = owner.list("filters");
    let of = |kind: &str| filters.iter().filter(|own| text_or(own, "type", "") == kind).count();
    for (kind, _, once) in KINDS {
        if once && of(kind) > 1 {
            check.refuse(owner, format!("only one filter of the type {kind} can be given"));
        }
    }
    if of("RequestRedirect") > 0 && of("URLRewrite") > 0 {
        check.refuse(owner, "a redirect cannot stand beside a rewrite");
    }
    for filter in &filters {
        judge_one(filter, check);
    }
}

fn judge_one(filter: &Field<'_>, check: &mut Check<'_>) {
    let written = text_or(filter, "type", "");
    for (kind, key, _) in KINDS {
        let has = filter.get(key).is_some();
        if has && kind != written {
            check.refuse(filter, format!("`{key}` belongs to a filter of the type {kind}"));
        } else if !has && kind == written {
            check.refuse(filter, format!("a filter of the type {kind} needs `{key}`"));
        }
    }
    if let Some(mirror) = filter.block("requestMirror") {
        judge_mirror(&mirror, check);
    }
    for key in ["requestRedirect", "urlRewrite"] {
        if let Some(path) = filter.at(&[key, "path"]) {
            judge_path(&path, check);
        }
    }
    if let Some(cors) = filter.block("cors") {
        for key in ["allowOrigins", "allowMethods", "allowHeaders"] {
            let list = cors.get(key).map(|list| list.texts()).unwrap_or_default();
            if list.len() > 1 && list.contains(&"*") {
                check.refuse(&cors, format!("`*` in `{key}` stands alone"));
            }
        }
    }
}

fn judge_mirror(mirror: &Field<'_>, check: &mut Check<'_>) {
    if mirror.get("percent").is_some() && mirror.get("fraction").is_some() {
        check.refuse(mirror, "only one of percent and fraction can be given");
    }
    if let Some(reference) = mirror.block("backendRef") {
        port_of_service(&reference, check);
    }
    if let Some(fraction) = mirror.block("fraction") {
        let part = fraction.get("numerator").as_ref().and_then(values::number);
        let whole = fraction.get("denominator").as_ref().and_then(values::number).unwrap_or(100);
        if part.is_some_and(|part| part > whole) {
            check.refuse(&fraction, "a fraction is at most 1");
        }
    }
}

fn judge_path(path: &Field<'_>, check: &mut Check<'_>) {
    let pairs =
        [("ReplaceFullPath", "replaceFullPath"), ("ReplacePrefixMatch", "replacePrefixMatch")];
    for (kind, key) in pairs {
        if (text_or(path, "type", "") == kind) != path.get(key).is_some() {
            check.refuse(path, format!("`{key}` belongs to the type {kind}, and it alone"));
        }
    }
}

/// Whether a filter replaces the prefix of the path.
pub(super) fn replaces_prefix(filter: &Field<'_>) -> bool {
    ["requestRedirect", "urlRewrite"].iter().any(|key| {
        let Some(path) = filter.at(&[key, "path"]) else { return false };
        text_or(&path, "type", "") == "ReplacePrefixMatch"
            && path.get("replacePrefixMatch").is_some()
    })
}
