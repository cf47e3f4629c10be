//! The block `retries` of an HTTP route.

use super::check::Check;
use super::values;
use crate::field::Field;

/// Conditions that Envoy knows, for HTTP and for gRPC.
const CONDITIONS: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// Judges `retries`.
pub(super) fn judge(retries: &Field<'_>, check: &mut Check<'_>) {
    let attempts = retries.get("attempts");
    let number = values::count(attempts.clone(), check);
    if attempts.is_none() || number == Some(0) {
        let written = ["perTryTimeout", "retryOn", "retryRemoteLocalities"];
        let present = |key: &&str| {
            if *key == "retryOn" {
                // A variable may stand for nothing.
                let known = |on: Field<'_>| !on.is_variable();
                values::is_set(retries, key) && retries.get(key).is_some_and(known)
            } else {
                retries.get(key).is_some()
            }
        };
        if let Some(key) = written.iter().find(|key| present(key)) {
            let message = format!("`attempts: 0` switches retries off, so `{key}` cannot be given");
            check.refuse(attempts.as_ref().unwrap_or(retries), message);
        }
    }
    values::duration(retries.get("perTryTimeout"), check);
    values::duration(retries.get("backoff"), check);
    if let Some(on) = retries.get("retryOn") {
        let text = on.node().text().unwrap_or_default();
        let known = |word: &&str| CONDITIONS.contains(word) || is_status(word);
        if let Some(word) = text.split(',').find(|word| !text.is_empty() && !known(word)) {
            check.refuse(&on, format!("`{word}` is no condition for a retry"));
        }
    }
}

/// Whether a text is the number of an HTTP status that has a name.
fn is_status(text: &str) -> bool {
    matches!(
        text.parse::<u16>(),
        Ok(
            100..=103
            | 200..=208
            | 226
            | 300..=305
            | 307
            | 308
            | 400..=418
            | 421..=426
            | 428
            | 429
            | 431
            | 451
            | 500..=508
            | 510
            | 511,
        )
    )
}
