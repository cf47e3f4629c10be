//! Texts that must have a certain shape, without the object around them.

use std::net::IpAddr;

use crate::ports;

/// The longest label of a DNS name.
const LONGEST_LABEL: usize = 63;
/// The longest DNS name.
const LONGEST_NAME: usize = 255;
/// The longest regular expression that Istio hands to a proxy.
const LONGEST_EXPRESSION: usize = 1_024;

/// Letters, digits and inner hyphens, at most 63 (RFC 1123).
pub(super) fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    text.len() <= LONGEST_LABEL
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(inner)
}

/// A label, `*`, or a label after `*` or `*-`.
fn is_wildcard_label(text: &str) -> bool {
    if text.len() > LONGEST_LABEL {
        return false;
    }
    match text.strip_prefix('*') {
        None => is_label(text),
        Some("") => true,
        Some(rest) => is_label(rest.strip_prefix('-').unwrap_or(rest)),
    }
}

/// The reason why a text is no domain name; `*` may stand for its first label.
pub(super) fn wildcard_domain(text: &str) -> Option<String> {
    if let Some(reason) = length(text) {
        return Some(reason);
    }
    let (first, rest) = match text.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (text, None),
    };
    if !is_wildcard_label(first) {
        return Some(format!("`{text}` is no domain name: `{first}` is no valid part of one"));
    }
    rest.and_then(labels)
}

/// The reason why a text is no complete domain name; no wildcard is allowed.
pub(super) fn domain(text: &str) -> Option<String> {
    length(text).or_else(|| labels(text))
}

fn length(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("a domain name is missing".to_owned());
    }
    (text.len() > LONGEST_NAME)
        .then(|| format!("a domain name has at most {LONGEST_NAME} characters"))
}

/// Every part is a label; the last may be empty (`example.com.`) but not a number.
fn labels(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('.').collect();
    let (last, others) = parts.split_last()?;
    if last.parse::<i64>().is_ok() {
        return Some(format!("`{text}` is no domain name: its last part is a number"));
    }
    let last = Some(last).filter(|last| !last.is_empty());
    let wrong = others.iter().chain(last).find(|part| !is_label(part))?;
    Some(format!("`{text}` is no domain name: `{wrong}` is no valid part of one"))
}

/// Whether a wildcard stands for a part of a label, as in `*x.example.com`.
pub(super) fn is_partial_wildcard(host: &str) -> bool {
    host.contains('*') && host.len() != 1 && !host.starts_with("*.")
}

/// Whether a text is an IP address.
pub(super) fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Whether a text is an IP address or a block of them, such as `10.0.0.0/8`.
pub(super) fn is_subnet(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return is_address(text) };
    let longest = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    let plain = bits == "0" || !bits.starts_with('0');
    digits && plain && bits.parse::<u16>().is_ok_and(|bits| bits <= longest)
}

/// Whether a text is the address of a Unix socket without its `unix://`.
pub(super) fn is_socket_path(path: &str) -> bool {
    path.starts_with('@') || path.starts_with('/') && !path.ends_with('/')
}

/// Whether Istio knows the protocol of a port; nothing is "look at the bytes".
pub(super) fn is_protocol(text: &str) -> bool {
    ports::parse(text) != "auto"
}

/// Whether requests of this protocol are HTTP in plain text.
pub(super) fn is_http(protocol: &str) -> bool {
    ["http", "http2", "http_proxy", "grpc", "grpc-web"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(protocol))
}

/// Whether connections of this protocol begin with TLS.
pub(super) fn is_tls(protocol: &str) -> bool {
    ["https", "tls"].iter().any(|known| known.eq_ignore_ascii_case(protocol))
}

/// Whether a text can be the key of a label.
pub(super) fn is_label_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let prefix_fits =
        prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_label));
    prefix_fits && !name.is_empty() && name.len() <= LONGEST_LABEL && is_qualified(name)
}

/// Whether a text can be the value of a label.
pub(super) fn is_label_value(value: &str) -> bool {
    value.is_empty() || value.len() <= LONGEST_LABEL && is_qualified(value)
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_qualified(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// The reason why a proxy could not use this regular expression (RE2 syntax).
pub(super) fn expression(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("the regular expression is empty".to_owned());
    }
    if text.len() > LONGEST_EXPRESSION {
        return Some(format!("the regular expression is longer than {LONGEST_EXPRESSION} bytes"));
    }
    let parsed = regex_syntax::Parser::new().parse(text);
    // RE2 also knows literal text between \Q and \E.
    let foreign = text.contains("\\Q") || text.contains("\\C");
    parsed
        .is_err()
        .then_some(())
        .filter(|()| !foreign)
        .map(|()| format!("`{text}` is no regular expression of RE2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_labels_with_dots() {
        for good in ["a", "a.b", "*", "*.b", "*-x.b", "*x.b", "Web.shop", "example.com."] {
            assert_eq!(wildcard_domain(good), None, "{good}");
        }
        for bad in ["", "-a", "a_b", "a..b", "a.1", "a.*", "**", "a b"] {
            assert!(wildcard_domain(bad).is_some(), "{bad}");
        }
        assert!(domain("*.b").is_some());
    }

    #[test]
    fn subnets_have_as_many_bits_as_their_addresses() {
        for good in ["10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32", "0.0.0.0/0"] {
            assert!(is_subnet(good), "{good}");
        }
        for bad in ["10.0.0", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/", "::/129", "x/8"] {
            assert!(!is_subnet(bad), "{bad}");
        }
    }

    #[test]
    fn look_around_is_no_expression_of_a_proxy() {
        assert_eq!(expression("^/item/[0-9]+$"), None);
        assert_eq!(expression("\\p{Greek}"), None);
        assert!(expression("(?=x)").is_some());
        assert!(expression("(").is_some());
        assert!(expression(&"a".repeat(1_025)).is_some());
    }

    #[test]
    fn label_keys_may_have_a_domain_in_front() {
        assert!(is_label_key("app.kubernetes.io/name"));
        assert!(!is_label_key("a/b/c"));
        assert!(!is_label_key(""));
        assert!(is_label_value(""));
        assert!(!is_label_value("-x"));
    }
}
