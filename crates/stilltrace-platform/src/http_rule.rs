//! One entry of `http` of a virtual service: all of a route that does not depend on the proxy.
//!
//! The rules of Istio's `TranslateRoute` and `applyHTTPRouteDestination`, release 1.31.

use std::time::Duration;

use stilltrace_model::{AbortStatus, Answer, FaultRule, Injected, Origin, Rewrite, Route, Setting};

use crate::defaults;
use crate::field::Field;
use crate::header_changes;
use crate::matching::Match;
use crate::retries;
use crate::source::Source;
use crate::virtual_service::HttpRoute;
use crate::wanted::Wanted;

/// An entry of `http`, its delegate merged in, or what a rule of the Gateway API comes to.
#[derive(Clone)]
pub(crate) struct HttpRule {
    /// Name, or empty.
    pub(crate) name: String,
    /// What names it.
    pub(crate) named_at: Option<Origin>,
    /// Alternatives; empty matches everything.
    pub(crate) cases: Vec<Match>,
    /// The route without name, conditions and targets.
    pub(crate) template: Route,
    /// Where requests go.
    pub(crate) targets: Vec<(Wanted, Setting<u32>)>,
    /// Where copies go.
    pub(crate) mirrors: Vec<(Wanted, Setting<f64>)>,
    /// Whether `retryIgnorePreviousHosts` is written: a hash then changes nothing.
    pub(crate) chooses_hosts: bool,
    /// Whether `route` has one entry only.
    pub(crate) is_single: bool,
    /// Backends and mirrors that get nothing because the proxy answers by itself: proxies are told
    /// of their services all the same.
    pub(crate) unused: Vec<Wanted>,
}

impl HttpRule {
    /// Reads an entry of the virtual service `source`.
    pub(crate) fn read(
        source: &Source,
        entry: &HttpRoute<'_>,
        mesh_retries: Option<&Field<'_>>,
    ) -> Self {
        let answer = answer(entry);
        let forwards = answer.is_none();
        let (retries, chooses_hosts) = retries::read(entry.retries.as_ref(), mesh_retries);
        let changes = header_changes::of(entry, forwards);
        let template = Route {
            object: Some(source.origin()),
            rule: Some(entry.entry.origin()),
            answer,
            fault: entry.fault.as_ref().and_then(fault).map(Box::new),
            rewrite: entry.rewrite.as_ref().filter(|_| forwards).and_then(rewrite),
            rewrite_host: changes.host.filter(|_| forwards),
            cors: entry.cors.as_ref().map(Field::key_origin),
            header_changes: changes.headers,
            ..Route::towards(Vec::new(), timeout(entry), retries)
        };
        Self {
            name: entry.name.clone(),
            named_at: entry.named_at.clone(),
            cases: entry.matches.clone(),
            template,
            targets: if forwards { weighted(&entry.destinations) } else { Vec::new() },
            mirrors: if forwards { mirrors(entry) } else { Vec::new() },
            chooses_hosts,
            is_single: entry.destinations.len() == 1,
            // Destinations of a virtual service are collected from the object itself.
            unused: Vec::new(),
        }
    }

    /// The route of one alternative, without targets.
    pub(crate) fn route(&self, case: Option<&Match>) -> Route {
        let name = match case.map(Match::name) {
            None | Some("") => self.name.clone(),
            Some(name) => format!("{}.{name}", self.name),
        };
        let own = case.and_then(Match::named_at);
        Route {
            name,
            name_origin: self.named_at.as_ref().or(own).cloned(),
            matches: case.map(Match::condition).unwrap_or_default(),
            conditions: case.map(|case| case.written().to_vec()).unwrap_or_default(),
            ..self.template.clone()
        }
    }
}

/// Time for the whole request; `0s` switches the limit off.
fn timeout(entry: &HttpRoute<'_>) -> Setting<Option<Duration>> {
    let written = entry.timeout.as_ref().and_then(|field| Some((field, field.duration()?)));
    match written {
        Some((field, time)) => field.setting((!time.is_zero()).then_some(time)),
        None => Setting::default_of(None, defaults::ISTIO),
    }
}

/// What the proxy answers by itself; a redirect comes before a fixed answer.
fn answer(entry: &HttpRoute<'_>) -> Option<Setting<Answer>> {
    let status = |block: &Field<'_>, key: &str| {
        let field = block.get(key)?;
        Some((u16::try_from(field.count()?).ok()?, field.origin()))
    };
    if let Some(block) = &entry.redirect {
        let text = |key: &str| {
            let text = block.get(key)?.text()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        // A prefix that is replaced leaves no fixed path.
        let path = if text("prefixRewrite").is_some() { None } else { text("uri") };
        let (status, origin) = status(block, "redirectCode")
            .filter(|(status, _)| *status > 0)
            .unwrap_or_else(|| (defaults::REDIRECT, block.key_origin()));
        return Some(Setting::new(
            Answer::Redirect { status, host: text("authority"), path },
            origin,
        ));
    }
    let block = entry.direct_response.as_ref()?;
    let (status, origin) = status(block, "status").unwrap_or_else(|| (0, block.key_origin()));
    Some(Setting::new(Answer::Direct(status), origin))
}

/// Change of the path: an expression comes before a plain replacement.
fn rewrite(block: &Field<'_>) -> Option<Setting<Rewrite>> {
    if let Some(regex) = block.get("uriRegexRewrite") {
        let text = |key: &str| regex.get(key).and_then(|field| field.text()).unwrap_or_default();
        let rewrite = Rewrite::Regex {
            pattern: text("match").to_owned(),
            substitution: text("rewrite").to_owned(),
        };
        return Some(Setting::new(rewrite, regex.key_origin()));
    }
    let uri = block.get("uri")?;
    let text = uri.text().filter(|text| !text.is_empty())?;
    Some(uri.setting(Rewrite::Prefix(text.to_owned())))
}

/// Entries of a `route` list that get a share, with that share. The weight of a single one does not
/// count; of several, those without weight get nothing.
pub(crate) fn weighted(items: &[Field<'_>]) -> Vec<(Wanted, Setting<u32>)> {
    let single = items.len() == 1;
    let mut found = Vec::new();
    for item in items {
        let wanted = item.get("destination").and_then(|destination| Wanted::read(&destination));
        let Some(wanted) = wanted else { continue };
        let written = item.get("weight").and_then(|field| field.count().map(|n| field.setting(n)));
        let weight = match written {
            Some(weight) if single => weight.map(|_| 100),
            None if single => Setting::default_of(100, defaults::SINGLE),
            Some(weight) if weight.value > 0 => weight,
            _ => continue,
        };
        found.push((wanted, weight));
    }
    found
}

/// A share of requests in the resolution that Envoy gets: a millionth.
pub(crate) fn share(percent: f64) -> f64 {
    // The cast cuts off, as Istio's does.
    f64::from((percent * 10_000.0) as u32) / 10_000.0
}

/// A `percentage` block; one without a value says zero.
fn percentage(block: &Field<'_>) -> Setting<f64> {
    match block.get("value") {
        Some(value) => value.setting(value.percent().map_or(0.0, share)),
        None => block.setting(0.0),
    }
}

/// Injected faults. Without a percentage nothing is injected.
fn fault(block: &Field<'_>) -> Option<FaultRule> {
    let percent = |kind: &Field<'_>| match (kind.get("percentage"), kind.get("percent")) {
        (Some(block), _) => percentage(&block),
        (None, Some(whole)) => whole.setting(whole.count().map_or(0.0, f64::from)),
        (None, None) => Setting::default_of(0.0, defaults::ISTIO),
    };
    let delay = block.get("delay").and_then(|kind| {
        let field = kind.get("fixedDelay")?;
        Some(Injected { fault: field.setting(field.duration()?), percent: percent(&kind) })
    });
    let abort = block.get("abort").and_then(|kind| {
        // The old `percent` counts for delays only.
        let percent = match kind.get("percentage") {
            Some(block) => percentage(&block),
            None => Setting::default_of(0.0, defaults::ISTIO),
        };
        Some(Injected { fault: abort_status(&kind)?, percent })
    });
    (delay.is_some() || abort.is_some()).then_some(FaultRule { delay, abort })
}

fn abort_status(kind: &Field<'_>) -> Option<Setting<AbortStatus>> {
    if let Some(field) = kind.get("httpStatus") {
        return Some(field.setting(AbortStatus::Http(u16::try_from(field.count()?).ok()?)));
    }
    let field = kind.get("grpcStatus")?;
    let name = field.text()?;
    let code = GRPC_CODES.iter().position(|known| *known == name);
    if code.is_none() {
        field.report("the name of a gRPC status, such as UNAVAILABLE");
    }
    Some(field.setting(AbortStatus::Grpc(u8::try_from(code?).ok()?)))
}

/// Names of gRPC status codes, in the order of their numbers.
const GRPC_CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Copies of requests. Without a percentage every request is copied; zero copies none.
fn mirrors(entry: &HttpRoute<'_>) -> Vec<(Wanted, Setting<f64>)> {
    let mut found: Vec<(Option<Wanted>, Setting<f64>)> = Vec::new();
    let everything = || Setting::default_of(100.0, defaults::ISTIO);
    if let Some(mirror) = &entry.mirror {
        let percent = match (&entry.mirror_percentage, &entry.mirror_percent) {
            (Some(block), _) => percentage(block),
            (None, Some(whole)) => whole.setting(whole.count().map_or(0.0, f64::from)),
            (None, None) => everything(),
        };
        found.push((Wanted::read(mirror), percent));
    }
    for item in entry.mirrors.iter().flat_map(Field::items) {
        let percent = item.get("percentage").map_or_else(everything, |block| percentage(&block));
        found.push((item.get("destination").and_then(|to| Wanted::read(&to)), percent));
    }
    let copied = found.into_iter().filter(|(_, percent)| percent.value > 0.0);
    copied.filter_map(|(wanted, percent)| Some((wanted?, percent))).collect()
}
