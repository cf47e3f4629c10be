//! `timeouts` and `retry` of a rule of an `HTTPRoute`.
//!
//! Istio's `convertHTTPRoute`, release 1.31: the time for a try is the time for the whole request
//! where the rule says nothing about retries.

use std::time::Duration;

use stilltrace_model::{Retries, Setting};

use crate::defaults;
use crate::field::Field;
use crate::retries;

/// What every `retry` block asks for, whatever its codes.
const CONDITIONS: &str = "connect-failure,refused-stream,unavailable,cancelled";
/// Tries after the first of a block that does not say how many.
const ATTEMPTS: u32 = 2;

/// Time for the whole request, and retries; `retry` is the rule's, if the cluster keeps it.
pub(super) fn read(
    rule: &Field<'_>,
    retry: Option<Field<'_>>,
    mesh: Option<&Field<'_>>,
) -> (Setting<Option<Duration>>, Retries) {
    let time = |key: &str| {
        let field = rule.at(&["timeouts", key])?;
        // Zero switches a limit off.
        Some(field.setting(Some(field.duration()?).filter(|time| !time.is_zero())))
    };
    let whole = time("request");
    let one_try = time("backendRequest");
    let Some(block) = retry else {
        let (retries, _) = retries::read(None, mesh);
        return (without_retries(whole, one_try), retries);
    };
    let mut retries = tries(&block);
    if let Some(limit) = one_try.filter(|limit| limit.value.is_some()) {
        retries.per_try_timeout = limit;
    }
    retries::replace_mesh_default(&mut retries, mesh);
    (whole.unwrap_or_else(unlimited), retries)
}

/// The time for a try counts for the request and replaces what is written for that.
fn without_retries(
    whole: Option<Setting<Option<Duration>>>,
    one_try: Option<Setting<Option<Duration>>>,
) -> Setting<Option<Duration>> {
    match (whole, one_try) {
        (whole, Some(mut limit)) if limit.value.is_some() => {
            limit.overrode.extend(whole.map(|whole| whole.origin));
            limit
        }
        (whole, _) => whole.unwrap_or_else(unlimited),
    }
}

fn unlimited() -> Setting<Option<Duration>> {
    Setting::default_of(None, defaults::ISTIO)
}

/// Retries of a `retry` block.
fn tries(block: &Field<'_>) -> Retries {
    let codes = block.get("codes");
    let written = codes.as_ref().map(Field::texts).unwrap_or_default();
    let mut conditions = CONDITIONS.to_owned();
    for code in written {
        conditions.push(',');
        conditions.push_str(code);
    }
    let named = codes.as_ref().unwrap_or(block);
    let mut retries = retries::under(&conditions, named.key_origin());
    let attempts = block.get("attempts").and_then(|field| Some(field.setting(field.count()?)));
    retries.attempts = attempts.unwrap_or_else(|| Setting::default_of(ATTEMPTS, defaults::ISTIO));
    let backoff = block.get("backoff");
    if let Some(backoff) = backoff.and_then(|field| Some(field.setting(Some(field.duration()?)))) {
        retries.backoff = backoff;
    }
    retries
}
