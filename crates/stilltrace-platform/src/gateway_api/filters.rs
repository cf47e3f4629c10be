//! Filters of a rule: what changes on the way, and what is answered or copied.
//!
//! Istio's `createRedirectFilter`, `createRewriteFilter`, `createHeadersFilter` and
//! `createMirrorFilter`, release 1.31.

use std::collections::BTreeSet;

use stilltrace_model::{Answer, Origin, Rewrite, Setting};

use super::backend::{self, Unusable};
use super::route::Context;
use crate::defaults;
use crate::field::Field;
use crate::header_changes::{Changes, is_host, is_internal};
use crate::http_rule::share;
use crate::wanted::Wanted;

/// What the filters of a rule come to.
#[derive(Default)]
pub(super) struct Filters<'a> {
    /// Changes of headers.
    pub(super) changes: Changes,
    /// A redirect.
    pub(super) redirect: Option<Setting<Answer>>,
    /// The block that changes path or host.
    pub(super) rewrite: Option<Field<'a>>,
    /// Where copies go.
    pub(super) mirrors: Vec<(Wanted, Setting<f64>)>,
    /// Where none of the requests is copied to, though a mirror names it.
    pub(super) uncopied: Vec<Wanted>,
    /// Where a CORS policy is written.
    pub(super) cors: Option<Origin>,
}

impl<'a> Filters<'a> {
    /// Reads `filters` of a rule. `kinds` are the types that Istio knows for the kind of route.
    pub(super) fn read(
        context: &Context<'_, 'a>,
        rule: &Field<'a>,
        kinds: &[&str],
        guarded: bool,
    ) -> Result<Self, Unusable> {
        let mut found = Self::default();
        for filter in rule.list("filters") {
            let kind = filter.get("type").and_then(|field| field.text()).unwrap_or_default();
            if !kinds.contains(&kind) {
                filter.report("a filter that Istio knows; it drops all routes of the object");
                return Err(Unusable);
            }
            found.add(context, &filter, kind, guarded)?;
        }
        Ok(found)
    }

    fn add(
        &mut self,
        context: &Context<'_, 'a>,
        filter: &Field<'a>,
        kind: &str,
        guarded: bool,
    ) -> Result<(), Unusable> {
        match kind {
            "RequestHeaderModifier" => {
                if let Some(block) = filter.get("requestHeaderModifier") {
                    self.changes.add(header_changes(&block));
                    self.changes.host = host_change(&block).or(self.changes.host.take());
                }
            }
            "ResponseHeaderModifier" => {
                if let Some(block) = filter.get("responseHeaderModifier") {
                    self.changes.add(header_changes(&block));
                }
            }
            "RequestRedirect" => {
                self.redirect = filter.get("requestRedirect").map(|block| redirect(&block));
            }
            "URLRewrite" => self.rewrite = filter.get("urlRewrite"),
            "CORS" => self.cors = filter.get("cors").map(|block| block.key_origin()),
            _ => {
                let Some(block) = filter.get("requestMirror") else { return Ok(()) };
                let Some(reference) = block.get("backendRef") else { return Ok(()) };
                let percent = mirrored(&block);
                match backend::mirror(context, &reference, guarded) {
                    Ok(Some(mirror)) if percent.value > 0.0 => self.mirrors.push((mirror, percent)),
                    Ok(Some(mirror)) => self.uncopied.push(mirror),
                    // An HTTPRoute copies nothing then; a GRPCRoute is dropped as a whole.
                    Ok(None) | Err(Unusable) if reference.source().id.kind == "HTTPRoute" => {}
                    Ok(None) | Err(Unusable) => return Err(Unusable),
                }
            }
        }
        Ok(())
    }

    /// The change of the path, for requests that begin with `prefix` (empty: any).
    pub(super) fn path(&self, prefix: &str) -> Option<Setting<Rewrite>> {
        let path = self.rewrite.as_ref()?.get("path")?;
        match path.get("type")?.text()? {
            "ReplaceFullPath" => {
                let field = path.get("replaceFullPath")?;
                let substitution = field.text()?.to_owned();
                Some(field.setting(Rewrite::Regex { pattern: "/.*".to_owned(), substitution }))
            }
            "ReplacePrefixMatch" => {
                let field = path.get("replacePrefixMatch")?;
                let text = field.text()?;
                let new = text.strip_suffix('/').unwrap_or(text);
                Some(field.setting(if new.is_empty() || new == "/" {
                    // What is left of a path whose start is removed begins with a slash.
                    let pattern = format!("^{}(/?)(.*)", quoted(prefix));
                    Rewrite::Regex { pattern, substitution: r"/\2".to_owned() }
                } else {
                    Rewrite::Prefix(new.to_owned())
                }))
            }
            _ => None,
        }
    }

    /// The new host, if it changes: the block's before that of a header.
    pub(super) fn host(&self) -> Option<Setting<String>> {
        let written = self.rewrite.as_ref().and_then(|block| block.get("hostname"));
        let text = written.and_then(|field| Some(field.setting(field.text()?.to_owned())));
        text.filter(|host| !host.value.is_empty()).or_else(|| self.changes.host.clone())
    }
}

/// The changes that filters of a backend make; they count for the route where it is the only one.
pub(super) fn of_backend(reference: &Field<'_>) -> Result<Changes, Unusable> {
    let mut found = Changes::default();
    for filter in reference.list("filters") {
        match filter.get("type").and_then(|field| field.text()) {
            Some("RequestHeaderModifier") => {
                if let Some(block) = filter.get("requestHeaderModifier") {
                    found.add(header_changes(&block));
                    found.host = host_change(&block);
                }
            }
            Some("ResponseHeaderModifier") => {
                let block = filter.get("responseHeaderModifier");
                found.add(block.map(|block| header_changes(&block)).unwrap_or_default());
            }
            _ => {
                filter.report("a change of headers; Istio drops all routes of the object");
                return Err(Unusable);
            }
        }
    }
    Ok(found)
}

/// Entries of `set` and `add` by name in lower case, the first of each, and names of `remove`.
fn header_changes(block: &Field<'_>) -> Vec<Origin> {
    let mut found = Vec::new();
    for kind in ["set", "add"] {
        let mut seen = BTreeSet::new();
        for entry in block.list(kind) {
            let name = name_of(&entry);
            if seen.insert(name.clone()) && !is_internal(&name) {
                let value = entry.get("value");
                found.push(value.map_or_else(|| entry.origin(), |value| value.origin()));
            }
        }
    }
    let removed = block.list("remove");
    let visible = removed.iter().filter(|name| !name.text().is_some_and(is_internal));
    found.extend(visible.map(Field::origin));
    found
}

/// The host that a change of the host header names; `set` comes before `add`.
fn host_change(block: &Field<'_>) -> Option<Setting<String>> {
    let named = |kind: &str| {
        let entry = block.list(kind).into_iter().find(|entry| is_host(&name_of(entry)))?;
        let value = entry.get("value")?;
        let text = value.text().filter(|text| !text.is_empty())?;
        Some(value.setting(text.to_owned()))
    };
    named("set").or_else(|| named("add"))
}

fn name_of(entry: &Field<'_>) -> String {
    let name = entry.get("name").and_then(|name| name.text());
    name.unwrap_or_default().to_ascii_lowercase()
}

/// The answer of a redirect.
fn redirect(block: &Field<'_>) -> Setting<Answer> {
    let text = |path: &[&str]| {
        let text = block.at(path)?.text()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let written = block.get("statusCode");
    let status = written.as_ref().and_then(|field| u16::try_from(field.count()?).ok());
    let origin = written.map_or_else(|| block.key_origin(), |field| field.origin());
    let answer = Answer::Redirect {
        status: status.unwrap_or(defaults::GATEWAY_API_REDIRECT),
        host: text(&["hostname"]),
        path: text(&["path", "replaceFullPath"]),
    };
    Setting::new(answer, origin)
}

/// The share of requests that a mirror copies.
fn mirrored(block: &Field<'_>) -> Setting<f64> {
    if let Some(fraction) = block.get("fraction") {
        let count = |key: &str| fraction.get(key).and_then(|field| field.count());
        let part = f64::from(count("numerator").unwrap_or(0));
        let whole = f64::from(count("denominator").filter(|whole| *whole > 0).unwrap_or(100));
        return Setting::new(share(100.0 * part / whole), fraction.key_origin());
    }
    match block.get("percent") {
        Some(field) => field.setting(field.percent().map_or(0.0, share)),
        None => Setting::default_of(100.0, defaults::ISTIO),
    }
}

/// A text as a regular expression that matches it alone, as Go quotes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}
