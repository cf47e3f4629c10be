//! `GRPCRoute`: Istio's `convertGRPCRoute`, release 1.31. It has no limits of its own, so retries
//! are the mesh's and there is no timeout.

use stilltrace_model::Setting;

use super::requests::Rule;
use crate::defaults;
use crate::field::Field;
use crate::gateway_api::backend::Unusable;
use crate::gateway_api::request_match;
use crate::gateway_api::route::{self, Context, Draft};
use crate::http_rule::HttpRule;
use crate::retries;
use crate::source::Source;

const FILTERS: [&str; 3] = ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"];

/// The drafts of all objects.
pub(in crate::gateway_api) fn read<'a>(context: &Context<'_, 'a>) -> Vec<Draft<'a>> {
    route::drafts(context, "GRPCRoute", &rules)
}

fn rules<'a>(
    context: &Context<'_, 'a>,
    source: &'a Source,
    guarded: bool,
) -> Option<Vec<HttpRule>> {
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
    let (retries, _) = retries::read(None, context.facts.mesh_retries);
    let timeout = Setting::default_of(None, defaults::ISTIO);
    let written = entry.list("matches");
    let cases = if written.is_empty() {
        vec![None]
    } else {
        written.iter().map(|case| Some(request_match::of_grpc(case))).collect()
    };
    let rule = Rule { entry, position, filters: &FILTERS, timeout, retries };
    rule.read(context, cases, guarded)
}
