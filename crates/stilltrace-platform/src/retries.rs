//! How often and when a proxy sends a request again.
//!
//! The rules of Istio's `retry.ConvertPolicy`, release 1.31: a route's own block replaces the mesh
//! default whole, and conditions that it does not name are Istio's own, not the mesh default's.

use stilltrace_model::{NamedDefault, Origin, Retries, Setting};

use crate::defaults;
use crate::field::Field;

/// Retries in effect: the route's block, else the mesh default's, else Istio's. And whether the
/// block says which hosts further tries go to.
pub(crate) fn read(route: Option<&Field<'_>>, mesh: Option<&Field<'_>>) -> (Retries, bool) {
    let Some(block) = route.or(mesh) else { return (istio(), false) };
    let mut retries = of_block(block);
    if route.is_some() {
        replace_mesh_default(&mut retries, mesh);
    }
    (retries, block.get("retryIgnorePreviousHosts").is_some())
}

/// Notes the fields of the mesh default that a route's own block makes ineffective.
pub(crate) fn replace_mesh_default(retries: &mut Retries, mesh: Option<&Field<'_>>) {
    if let Some(mesh) = mesh {
        let lost = |key: &str| mesh.get(key).map(|field| field.origin());
        retries.attempts.overrode.extend(lost("attempts"));
        retries.per_try_timeout.overrode.extend(lost("perTryTimeout"));
        retries.retry_on.overrode.extend(lost("retryOn"));
        retries.backoff.overrode.extend(lost("backoff"));
        retries.other_hosts.overrode.extend(lost("retryIgnorePreviousHosts"));
        retries.remote_localities.overrode.extend(lost("retryRemoteLocalities"));
    }
}

/// Istio's retries under other conditions, in the notation of `retryOn`, that `origin` names.
pub(crate) fn under(conditions: &str, origin: Origin) -> Retries {
    let mut retries = istio();
    let conditions = Conditions::parse(conditions);
    retries.envoy_retry_on = conditions.envoy_text();
    retries.status_codes.clone_from(&conditions.codes);
    retries.retry_on = Setting::new(conditions.words(), origin);
    retries
}

/// What applies to requests that no block speaks about.
pub(crate) fn istio() -> Retries {
    Retries::new(
        Setting::default_of(defaults::RETRY_ATTEMPTS, defaults::ISTIO),
        Setting::default_of(None, defaults::ISTIO),
        Setting::default_of(istio_conditions(), defaults::ISTIO),
        defaults::ISTIO,
    )
}

/// What applies where there are no requests to see.
pub(crate) fn none(of: NamedDefault) -> Retries {
    Retries::new(
        Setting::default_of(0, of),
        Setting::default_of(None, of),
        Setting::default_of(Vec::new(), of),
        of,
    )
}

fn of_block(block: &Field<'_>) -> Retries {
    let mut retries = istio();
    if let Some(field) = block.get("attempts") {
        if let Some(attempts) = field.count() {
            retries.attempts = field.setting(attempts);
        }
    } else {
        // A block that does not say how often switches retries off.
        retries.attempts = Setting::new(0, block.key_origin());
    }
    let time = |key: &str| {
        let field = block.get(key)?;
        Some(field.setting(Some(field.duration()?)))
    };
    let flag = |key: &str| {
        let field = block.get(key)?;
        Some(field.setting(field.flag()?))
    };
    retries.per_try_timeout = time("perTryTimeout").unwrap_or(retries.per_try_timeout);
    retries.backoff = time("backoff").unwrap_or(retries.backoff);
    retries.other_hosts = flag("retryIgnorePreviousHosts").unwrap_or(retries.other_hosts);
    retries.remote_localities = flag("retryRemoteLocalities").unwrap_or(retries.remote_localities);
    let on = block.get("retryOn").filter(|field| !field.node().text().unwrap_or("").is_empty());
    if let Some((field, text)) = on.and_then(|field| Some((field.clone(), field.text()?))) {
        let conditions = Conditions::parse(text);
        retries.envoy_retry_on = conditions.envoy_text();
        retries.status_codes.clone_from(&conditions.codes);
        retries.retry_on = field.setting(conditions.words());
    }
    retries
}

fn istio_conditions() -> Vec<String> {
    defaults::RETRY_ON.iter().map(|condition| (*condition).to_owned()).collect()
}

/// Status codes among the conditions imply this one.
const STATUS_CODES: &str = "retriable-status-codes";

/// Conditions of one `retryOn`.
struct Conditions {
    names: Vec<String>,
    codes: Vec<u16>,
    /// Whether the codes imply a condition that is not written.
    implied: bool,
}

impl Conditions {
    fn parse(text: &str) -> Self {
        let mut found = Self { names: Vec::new(), codes: Vec::new(), implied: false };
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word.parse::<u16>() {
                Ok(code) if is_known_status(code) => found.codes.push(code),
                _ => found.names.push(word.to_owned()),
            }
        }
        let written = found.names.iter().any(|name| name.contains(STATUS_CODES));
        found.implied = !found.codes.is_empty() && !written;
        found
    }

    /// Names first, then status codes.
    fn words(&self) -> Vec<String> {
        let implied = self.implied.then(|| STATUS_CODES.to_owned());
        let codes = self.codes.iter().map(ToString::to_string);
        self.names.iter().cloned().chain(implied).chain(codes).collect()
    }

    /// The names as Envoy gets them. Without a name of its own the list starts with a comma.
    fn envoy_text(&self) -> String {
        let names = self.names.join(",");
        if self.implied { format!("{names},{STATUS_CODES}") } else { names }
    }
}

/// Status codes that HTTP names; Istio takes other numbers for names of conditions.
fn is_known_status(code: u16) -> bool {
    matches!(code, 100..=103 | 200..=208 | 226 | 300..=305 | 307 | 308 | 400..=418 | 421..=426
        | 428 | 429 | 431 | 451 | 500..=508 | 510 | 511)
}

#[cfg(test)]
mod tests {
    use super::Conditions;

    #[test]
    fn status_codes_imply_their_condition() {
        let words = |text| Conditions::parse(text).words();
        assert_eq!(words("5xx, 503 ,reset"), ["5xx", "reset", "retriable-status-codes", "503"]);
        assert_eq!(words("retriable-status-codes,429"), ["retriable-status-codes", "429"]);
        assert_eq!(words("999"), ["999"]);
    }

    #[test]
    fn envoy_gets_a_leading_comma_where_only_codes_are_written() {
        let text = |text| Conditions::parse(text).envoy_text();
        assert_eq!(text("503"), ",retriable-status-codes");
        assert_eq!(text("reset,503"), "reset,retriable-status-codes");
        assert_eq!(text("retriable-status-codes,503"), "retriable-status-codes");
    }
}
