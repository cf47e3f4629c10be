//! One entry of `http` in a VirtualService.

use super::check::Check;
use super::{headers, names, patterns, retries, values};
use crate::field::Field;

/// Judges one HTTP route; `in_delegate` when the VirtualService has no hosts of its own.
pub(super) fn judge(route: &Field<'_>, in_delegate: bool, check: &mut Check<'_>) {
    conflicts(route, in_delegate, check);
    for condition in route.list("match") {
        judge_match(&condition, check);
    }
    headers::judge(route, check);
    headers::authority_once(route, check);
    cors(route, check);
    fault(route, check);
    mirrors(route, check);
    redirect(route, check);
    if let Some(answer) = route.block("directResponse") {
        let status = answer.get("status");
        status_code(&answer, status.as_ref(), check);
    }
    if let Some(block) = route.block("retries") {
        retries::judge(&block, check);
    }
    rewrite(route, check);
    destinations(route, check);
    values::duration(route.get("timeout"), check);
}

/// What a route does must be one thing.
fn conflicts(route: &Field<'_>, in_delegate: bool, check: &mut Check<'_>) {
    let has = |key: &str| route.get(key).is_some();
    let routed = values::has_items(route, "route");
    if has("delegate") {
        if in_delegate {
            check.refuse(route, "a delegate cannot delegate");
        } else {
            for key in ["redirect", "route"] {
                if let Some(field) = route.get(key) {
                    check.refuse(&field, format!("`{key}` cannot stand beside `delegate`"));
                }
            }
            return;
        }
    }
    let answers: Vec<&str> =
        ["redirect", "directResponse"].into_iter().filter(|key| has(key)).collect();
    for answer in &answers {
        let others = ["fault", "rewrite"].into_iter().filter(|key| has(key));
        let others = others.chain(routed.then_some("route"));
        for other in others.chain(answers.iter().copied().filter(|other| other != answer)) {
            check.refuse(route, format!("`{answer}` cannot stand beside `{other}`"));
        }
    }
    if answers.is_empty() && !routed {
        check.refuse(route, "one of route, redirect, directResponse or delegate is required");
    }
    if has("mirror") && values::has_items(route, "mirrors") {
        check.refuse(route, "`mirror` cannot stand beside `mirrors`");
    }
}

fn judge_match(condition: &Field<'_>, check: &mut Check<'_>) {
    for key in ["headers", "withoutHeaders"] {
        for (name, value) in condition.get(key).map(|map| map.entries()).unwrap_or_default() {
            if !headers::is_match_name(name) {
                check.refuse(&value, format!("`{name}` cannot be the name of a header"));
            }
            let anything = key == "withoutHeaders" && values::text(&value, "regex") == "*";
            if !anything {
                string_match(&value, true, check);
            }
        }
    }
    if let Some(uri) = condition.get("uri") {
        string_match(&uri, false, check);
    }
    for key in ["scheme", "method", "authority"] {
        if let Some(field) = condition.get(key) {
            string_match(&field, true, check);
        }
    }
    for (_, value) in condition.get("queryParams").map(|map| map.entries()).unwrap_or_default() {
        string_match(&value, true, check);
    }
    if condition.get("port").as_ref().and_then(values::number) != Some(0) {
        values::port(condition.get("port"), check);
    }
    names::labels(condition.get("sourceLabels").as_ref(), check);
    names::gateways(condition, check);
    if let Some(field) = condition.get("sourceNamespace") {
        let text = field.node().text().unwrap_or_default();
        if !text.is_empty() && !patterns::is_label(text) {
            check.refuse(&field, format!("`{text}` is no namespace"));
        }
    }
}

/// `exact`, `prefix` or `regex`; a path may have the empty prefix, nothing else may.
fn string_match(field: &Field<'_>, prefix_must_say: bool, check: &mut Check<'_>) {
    let ways = ["exact", "prefix", "regex"].iter().filter(|key| field.get(key).is_some()).count();
    if ways > 1 {
        check.refuse(field, "only one of exact, prefix and regex can be given");
    }
    if let Some(prefix) = field.get("prefix")
        && prefix_must_say
        && prefix.node().text() == Some("")
    {
        check.refuse(&prefix, "an empty prefix matches nothing that can be named");
    }
    if let Some(expression) = field.get("regex")
        && let Some(reason) = patterns::expression(expression.node().text().unwrap_or_default())
    {
        check.refuse(&expression, reason);
    }
}

fn cors(route: &Field<'_>, check: &mut Check<'_>) {
    const METHODS: [&str; 10] =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];
    let Some(policy) = route.block("corsPolicy") else { return };
    for origin in policy.list("allowOrigins") {
        let said = ["exact", "prefix", "regex"].iter().any(|key| values::is_set(&origin, key));
        if !said {
            check.refuse(&origin, "an origin needs exact, prefix or regex");
        }
        string_match(&origin, false, check);
    }
    for method in policy.list("allowMethods") {
        if !METHODS.contains(&method.node().text().unwrap_or_default()) {
            check.refuse(&method, "is no HTTP method in capitals");
        }
    }
    for key in ["allowHeaders", "exposeHeaders"] {
        for header in policy.list(key) {
            let name = header.node().text().unwrap_or_default();
            if name != "*" && !headers::is_token(name) {
                check.refuse(&header, format!("`{name}` cannot be the name of a header"));
            }
        }
    }
    values::duration(policy.get("maxAge"), check);
    if let Some(field) = policy.get("maxAge")
        && let Some(time) = values::read_duration(&field, check)
        && time.subsec_nanos() > 0
    {
        check.refuse(&field, "must be a whole number of seconds");
    }
}

fn fault(route: &Field<'_>, check: &mut Check<'_>) {
    let Some(fault) = route.block("fault") else { return };
    let (delay, abort) = (fault.block("delay"), fault.block("abort"));
    if delay.is_none() && abort.is_none() {
        check.refuse(&fault, "a fault needs a delay or an abort");
    }
    if let Some(abort) = abort {
        values::percentage(abort.at(&["percentage", "value"]), 0.0001, check);
        if let Some(status) = abort.get("httpStatus") {
            status_code(&abort, Some(&status), check);
        }
        if let Some(field) = abort.get("http2Error") {
            check.refuse(&field, "errors of HTTP/2 cannot be injected");
        }
        if let Some(field) = abort.get("grpcStatus")
            && !is_grpc_status(field.node().text().unwrap_or_default())
        {
            check.refuse(&field, "is no gRPC status such as UNAVAILABLE");
        }
    }
    if let Some(delay) = delay {
        values::percentage(delay.at(&["percentage", "value"]), 0.0001, check);
        values::duration(delay.get("fixedDelay"), check);
        if let Some(field) = delay.get("exponentialDelay") {
            check.refuse(&field, "exponential delays are not supported");
        }
    }
}

fn is_grpc_status(text: &str) -> bool {
    const KNOWN: [&str; 17] = [
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
    KNOWN.contains(&text)
}

/// A status from 200 to 600; none at all is 0 and refused too.
fn status_code(owner: &Field<'_>, status: Option<&Field<'_>>, check: &mut Check<'_>) {
    let number = status.and_then(values::number);
    if !number.is_some_and(|number| (200..=600).contains(&number)) {
        check.refuse(status.unwrap_or(owner), "the HTTP status must lie between 200 and 599");
    }
}

fn mirrors(route: &Field<'_>, check: &mut Check<'_>) {
    values::percentage(route.at(&["mirrorPercentage", "value"]), 0.0, check);
    values::between(route.get("mirrorPercent"), 0, 100, check);
    if let Some(mirror) = route.block("mirror") {
        destination(&mirror, check);
    }
    for mirror in route.list("mirrors") {
        match mirror.block("destination") {
            None => check.refuse(&mirror, "a mirror needs a destination"),
            Some(target) => destination(&target, check),
        }
        values::percentage(mirror.at(&["percentage", "value"]), 0.0, check);
    }
}

fn redirect(route: &Field<'_>, check: &mut Check<'_>) {
    let Some(redirect) = route.block("redirect") else { return };
    let says = |key: &str| values::is_set(&redirect, key);
    if says("uri") && says("prefixRewrite") {
        check.refuse(&redirect, "only one of uri and prefixRewrite can be given");
    }
    if says("prefixRewrite") {
        let other = |condition: &Field<'_>| {
            condition.get("uri").is_some_and(|uri| uri.get("prefix").is_none())
        };
        if route.list("match").iter().any(other) {
            check.refuse(&redirect, "prefixRewrite needs matches by prefix");
        }
    }
    let ports = redirect.get("port").is_some() || redirect.get("derivePort").is_some();
    if !says("uri") && !says("prefixRewrite") && !says("authority") && !says("scheme") && !ports {
        check.refuse(&redirect, "a redirect must change the path, authority, scheme or port");
    }
    if let Some(code) = redirect.get("redirectCode")
        && !values::number(&code).is_some_and(|code| code == 0 || (300..=399).contains(&code))
    {
        check.refuse(&code, "the status of a redirect must lie between 300 and 399");
    }
    if says("scheme") && !matches!(values::text(&redirect, "scheme"), "http" | "https") {
        check.refuse(&redirect, "the scheme of a redirect is http or https");
    }
    if redirect.get("port").as_ref().and_then(values::number) != Some(0) {
        values::port(redirect.get("port"), check);
    }
}

fn rewrite(route: &Field<'_>, check: &mut Check<'_>) {
    let Some(rewrite) = route.block("rewrite") else { return };
    let expression = rewrite.block("uriRegexRewrite");
    if values::is_set(&rewrite, "uri") && expression.is_some() {
        check.refuse(&rewrite, "only one of uri and uriRegexRewrite can be given");
    }
    if !values::is_set(&rewrite, "uri")
        && !values::is_set(&rewrite, "authority")
        && expression.is_none()
    {
        check.refuse(&rewrite, "a rewrite needs uri, uriRegexRewrite or authority");
    }
    if let Some(block) = expression {
        if !values::is_set(&block, "match") || !values::is_set(&block, "rewrite") {
            check.refuse(&block, "uriRegexRewrite needs match and rewrite");
        } else if let Some(reason) = patterns::expression(values::text(&block, "match")) {
            check.refuse(&block, reason);
        }
    }
}

/// The weighted targets of an HTTP, TCP or TLS route.
pub(super) fn destinations(route: &Field<'_>, check: &mut Check<'_>) {
    let targets = route.list("route");
    let mut total = 0_i64;
    for item in &targets {
        match item.block("destination") {
            None => check.refuse(item, "a destination is required"),
            Some(target) => destination(&target, check),
        }
        headers::judge(item, check);
        total = total.saturating_add(values::count(item.get("weight"), check).unwrap_or(0));
    }
    if let (2.., Some(first), 0) = (targets.len(), targets.first(), total) {
        let message = "the weights of several destinations add up to 0";
        check.refuse_beside(first, route.get("route"), message);
    }
}

/// A host with an optional subset and port.
pub(super) fn destination(target: &Field<'_>, check: &mut Check<'_>) {
    let host = target.get("host");
    let place = host.as_ref().unwrap_or(target);
    match values::text(target, "host") {
        "*" => check.refuse(place, "a destination needs a host, not `*`"),
        text => {
            if let Some(reason) = patterns::wildcard_domain(text) {
                check.refuse(place, reason);
            }
        }
    }
    if let Some(subset) = target.get("subset") {
        let name = subset.node().text().unwrap_or_default();
        if !name.is_empty() && !patterns::is_label(name) {
            check.refuse(&subset, format!("`{name}` cannot be the name of a subset"));
        }
    }
    if let Some(port) = target.block("port") {
        match port.get("number") {
            None => check.refuse(&port, "a port needs a number"),
            number => drop(values::port(number, check)),
        }
    }
}
