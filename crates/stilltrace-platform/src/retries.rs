//! How often and when a proxy sends a request again.
//!
//! The rules of Istio's `retry.ConvertPolicy`, release 1.31: a route's own block replaces the mesh
//! default whole, and conditions that it does not name are Istio's own, not the mesh default's.

use stilltrace_model::{Retries, Setting};

use crate::defaults;
use crate::field::Field;

/// Retries in effect: the route's block, else the mesh default's, else Istio's.
pub(crate) fn read(route: Option<&Field<'_>>, mesh: Option<&Field<'_>>) -> Retries {
    let Some(block) = route.or(mesh) else { return istio() };
    let mut retries = of_block(block);
    if let (Some(_), Some(mesh)) = (route, mesh) {
        let lost = |key: &str| mesh.get(key).map(|field| field.origin());
        retries.attempts.overrode.extend(lost("attempts"));
        retries.per_try_timeout.overrode.extend(lost("perTryTimeout"));
        retries.retry_on.overrode.extend(lost("retryOn"));
    }
    retries
}

/// What applies to requests that no block speaks about.
pub(crate) fn istio() -> Retries {
    Retries {
        attempts: Setting::default_of(defaults::RETRY_ATTEMPTS, defaults::ISTIO),
        per_try_timeout: Setting::default_of(None, defaults::ISTIO),
        retry_on: Setting::default_of(istio_conditions(), defaults::ISTIO),
    }
}

/// What applies where there are no requests to see.
pub(crate) fn none(of: &'static str) -> Retries {
    Retries {
        attempts: Setting::default_of(0, of),
        per_try_timeout: Setting::default_of(None, of),
        retry_on: Setting::default_of(Vec::new(), of),
    }
}

fn of_block(block: &Field<'_>) -> Retries {
    let attempts = match block.get("attempts") {
        Some(field) => match field.count() {
            Some(attempts) => field.setting(attempts),
            None => Setting::default_of(defaults::RETRY_ATTEMPTS, defaults::ISTIO),
        },
        // A block that does not say how often switches retries off.
        None => Setting::new(0, block.key_origin()),
    };
    let per_try = block.get("perTryTimeout");
    let per_try = per_try.and_then(|field| field.duration().map(|time| field.setting(Some(time))));
    let on = block.get("retryOn").filter(|field| !field.node().text().unwrap_or("").is_empty());
    let on = on.and_then(|field| field.text().map(|text| field.setting(conditions(text))));
    Retries {
        attempts,
        per_try_timeout: per_try.unwrap_or_else(|| Setting::default_of(None, defaults::ISTIO)),
        retry_on: on.unwrap_or_else(|| Setting::default_of(istio_conditions(), defaults::ISTIO)),
    }
}

fn istio_conditions() -> Vec<String> {
    defaults::RETRY_ON.iter().map(|condition| (*condition).to_owned()).collect()
}

/// Conditions as Envoy gets them: names first, then status codes, which imply a condition.
fn conditions(text: &str) -> Vec<String> {
    const STATUS_CODES: &str = "retriable-status-codes";
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let (codes, mut names): (Vec<&str>, Vec<&str>) =
        words.partition(|word| word.parse::<u16>().is_ok_and(is_known_status));
    if !codes.is_empty() && !names.iter().any(|name| name.contains(STATUS_CODES)) {
        names.push(STATUS_CODES);
    }
    names.iter().chain(&codes).map(|word| (*word).to_owned()).collect()
}

/// Status codes that HTTP names; Istio takes other numbers for names of conditions.
fn is_known_status(code: u16) -> bool {
    matches!(code, 100..=103 | 200..=208 | 226 | 300..=305 | 307 | 308 | 400..=418 | 421..=426
        | 428 | 429 | 431 | 451 | 500..=508 | 510 | 511)
}

#[cfg(test)]
mod tests {
    use super::conditions;

    #[test]
    fn status_codes_imply_their_condition() {
        assert_eq!(
            conditions("5xx, 503 ,reset"),
            ["5xx", "reset", "retriable-status-codes", "503"]
        );
        assert_eq!(conditions("retriable-status-codes,429"), ["retriable-status-codes", "429"]);
        assert_eq!(conditions("999"), ["999"]);
    }
}
