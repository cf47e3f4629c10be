//! `HTTPRoute`: Istio's `convertHTTPRoute`, release 1.31.

use super::limits;
use super::requests::Rule;
use crate::field::Field;
use crate::gateway_api::backend::Unusable;
use crate::gateway_api::request_match;
use crate::gateway_api::route::{self, Context, Draft};
use crate::http_rule::HttpRule;
use crate::source::Source;

const FILTERS: [&str; 6] = [
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestRedirect",
    "RequestMirror",
    "URLRewrite",
    "CORS",
];

/// The drafts of all objects.
pub(in crate::gateway_api) fn read<'a>(context: &Context<'_, 'a>) -> Vec<Draft<'a>> {
    route::drafts(context, "HTTPRoute", &rules)
}

fn rules<'a>(
    context: &Context<'_, 'a>,
    source: &'a Source,
    guarded: bool,
) -> Option<Vec<HttpRule>> {
    context.retry.report(source);
    let mut found = Vec::new();
    for (position, entry) in source.spec()?.list("rules").iter().enumerate() {
        found.extend(rule(context, entry, position, guarded).ok()?);
    }
    Some(found)
}

fn rule<'a>(
    context: &Context<'_, 'a>,
    entry: &Field<'a>,
    position: usize,
    guarded: bool,
) -> Result<Vec<HttpRule>, Unusable> {
    let (timeout, retries) =
        limits::read(entry, context.retry.block(entry), context.facts.mesh_retries);
    let written = entry.list("matches");
    let cases = if written.is_empty() {
        vec![Some(request_match::of_http(None))]
    } else {
        written.iter().map(|case| Some(request_match::of_http(Some(case)))).collect()
    };
    let rule = Rule { entry, position, filters: &FILTERS, timeout, retries };
    rule.read(context, cases, guarded)
}
