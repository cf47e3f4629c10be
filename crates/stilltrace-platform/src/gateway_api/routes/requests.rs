//! What rules of `HTTPRoute` and `GRPCRoute` have in common: filters and backends.

use std::time::Duration;
use stilltrace_model::{Answer, Retries, Route, Setting};

use crate::field::Field;
use crate::gateway_api::backend::{self, Backends, Unusable};
use crate::gateway_api::filters::{self, Filters};
use crate::gateway_api::route::{self, Context};
use crate::http_rule::HttpRule;
use crate::matching::{Match, Text};
use crate::wanted::Wanted;

/// Status of requests that no backend may have.
const NO_BACKEND: u16 = 500;

/// A rule, before it is told apart by its conditions.
pub(super) struct Rule<'r, 'a> {
    /// The entry of `rules`.
    pub(super) entry: &'r Field<'a>,
    /// Its place in the list.
    pub(super) position: usize,
    /// Types of filters that Istio knows.
    pub(super) filters: &'static [&'static str],
    /// Time for the whole request.
    pub(super) timeout: Setting<Option<Duration>>,
    /// Retry policy.
    pub(super) retries: Retries,
}

impl<'a> Rule<'_, 'a> {
    /// One internal rule for every condition, or one for everything where there is none.
    pub(super) fn read(
        self,
        context: &Context<'_, 'a>,
        cases: Vec<Option<Match>>,
        guarded: bool,
    ) -> Result<Vec<HttpRule>, Unusable> {
        let filters = Filters::read(context, self.entry, self.filters, guarded)?;
        let backends = match backend::read(context, self.entry, guarded)? {
            Backends::Some(list) => list,
            Backends::None => Vec::new(),
        };
        let mut headers = filters.changes.headers.clone();
        let mut host = filters.host();
        let answer = match &filters.redirect {
            Some(redirect) => Some(redirect.clone()),
            None if backends.is_empty() => Some(self.refusal()),
            None => None,
        };
        for (reference, _) in &backends {
            let changes = filters::of_backend(reference)?;
            if backends.len() == 1 && answer.is_none() {
                headers.extend(changes.headers);
                host = host.or(changes.host);
            }
        }
        let forwards = answer.is_none();
        let is_single = backends.len() == 1;
        let targets: Vec<_> = backends.into_iter().map(|(_, target)| target).collect();
        let template = Route {
            object: Some(self.entry.source().origin()),
            rule: Some(self.entry.origin()),
            answer,
            rewrite_host: host.filter(|_| forwards),
            cors: filters.cors.clone(),
            header_changes: headers,
            ..Route::towards(Vec::new(), self.timeout, self.retries)
        };
        let idle = || {
            let copied = filters.mirrors.iter().map(|(wanted, _)| wanted);
            targets.iter().map(|(wanted, _)| wanted).chain(copied).cloned().collect()
        };
        let mut unused: Vec<Wanted> = if forwards { Vec::new() } else { idle() };
        unused.extend(filters.uncopied.iter().cloned());
        let rule = |case: Option<Match>| {
            let prefix = case.as_ref().and_then(|case| case.segments()).unwrap_or_default();
            let rewrite = filters.path(prefix).filter(|_| forwards);
            HttpRule {
                name: route::name(self.entry, self.position),
                named_at: Some(self.entry.origin()),
                template: Route { rewrite, ..template.clone() },
                cases: case.into_iter().collect(),
                targets: if forwards { targets.clone() } else { Vec::new() },
                mirrors: if forwards { filters.mirrors.clone() } else { Vec::new() },
                chooses_hosts: false,
                is_single,
                unused: unused.clone(),
            }
        };
        Ok(cases.into_iter().map(rule).collect())
    }

    /// What is answered where no backend has a share.
    fn refusal(&self) -> Setting<Answer> {
        let list = self.entry.get("backendRefs");
        let origin = list.map_or_else(|| self.entry.origin(), |list| list.key_origin());
        Setting::new(Answer::Direct(NO_BACKEND), origin)
    }
}

impl Match {
    /// The path prefix that the condition compares by segments.
    fn segments(&self) -> Option<&str> {
        match self.uri()? {
            Text::Segments(prefix) => Some(prefix.strip_suffix('/').unwrap_or(prefix)),
            _ => None,
        }
    }
}
