//! What a plain scalar means to Kubernetes.
//!
//! Kubernetes reads manifests through `sigs.k8s.io/yaml`, which follows the YAML 1.2 core schema
//! plus remnants of YAML 1.1: `y`/`n`/`yes`/`no`/`on`/`off` are booleans (`go.yaml.in/yaml/v2`), `0644` is octal, digits may be
//! grouped with `_`. A quoted or block scalar is always text.

/// The value of a plain scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    /// `null`, `~` or nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number that fits 64 bits.
    Int(i64),
    /// Any other number, including infinities and not-a-number.
    Float(f64),
    /// Everything else is text as written.
    Text,
}

/// The value of a plain scalar that is a boolean to YAML 1.1 only: to Kubernetes, but not to
/// Kustomize.
pub(crate) fn old_flag(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Whether a plain scalar means null.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Resolves the text of a plain scalar.
pub fn resolve_plain(text: &str) -> Resolved {
    match text {
        _ if is_null(text) => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        _ => {}
    }
    if let Some(flag) = old_flag(text) {
        return Resolved::Bool(flag);
    }
    let first = text.as_bytes()[0];
    if !first.is_ascii_digit() && !matches!(first, b'+' | b'-' | b'.') {
        return Resolved::Text;
    }
    if let Some(number) = infinity(text) {
        return Resolved::Float(number);
    }
    if let Some(number) = integer(text) {
        return Resolved::Int(number);
    }
    float(text).map_or(Resolved::Text, Resolved::Float)
}

fn infinity(text: &str) -> Option<f64> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A whole number with the prefixes `0x`, `0o`, `0b` or a leading zero for octal.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits: String = digits.chars().filter(|c| *c != '_').collect();
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits.as_str()),
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// A decimal number with a fraction or an exponent; words such as `1.2.3` or `infinity` are text.
fn float(text: &str) -> Option<f64> {
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let digits = text.chars().any(|c| c.is_ascii_digit());
    if digits && text.chars().all(allowed) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_kubernetes_reads_them() {
        assert_eq!(resolve_plain("10"), Resolved::Int(10));
        assert_eq!(resolve_plain("-0x1F"), Resolved::Int(-31));
        assert_eq!(resolve_plain("0644"), Resolved::Int(420));
        assert_eq!(resolve_plain("0o17"), Resolved::Int(15));
        assert_eq!(resolve_plain("0"), Resolved::Int(0));
        assert_eq!(resolve_plain("1_000"), Resolved::Int(1000));
        assert_eq!(resolve_plain("1.5e3"), Resolved::Float(1500.0));
        assert_eq!(resolve_plain("99999999999999999999"), Resolved::Float(1e20));
        assert_eq!(resolve_plain(".5"), Resolved::Float(0.5));
    }

    #[test]
    fn text_stays_text() {
        for text in ["250ms", "1.2.3", "100m", "-", "+", "e5", "0x", "1s", "-.", "08:30", "089x"] {
            assert_eq!(resolve_plain(text), Resolved::Text, "{text}");
        }
    }

    #[test]
    fn words_of_yaml_1_1_are_booleans() {
        assert_eq!(resolve_plain("on"), Resolved::Bool(true));
        assert_eq!(resolve_plain("No"), Resolved::Bool(false));
        assert_eq!(resolve_plain("y"), Resolved::Bool(true));
        assert_eq!(resolve_plain("~"), Resolved::Null);
    }
}
