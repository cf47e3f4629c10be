//! Numbers as Go writes them.

/// A whole number or a fraction as read from YAML.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// Fits 64 bits with a sign.
    Int(i64),
    /// Fits 64 bits without a sign only.
    Unsigned(u64),
    /// Anything else, finite or not.
    Float(f64),
}

/// Reads the text of a plain scalar as a number, as Go's YAML libraries do (`resolve.go`).
///
/// `_` between digits is dropped; `0x`, `0o`, `0b` and a leading zero change the base. Digits that
/// are no octal number, as `089`, are decimal.
pub(super) fn parse(text: &str) -> Option<Number> {
    let first = *text.as_bytes().first()?;
    if first == b'.' {
        return float(text);
    }
    if !first.is_ascii_digit() && !matches!(first, b'+' | b'-') {
        return None;
    }
    let plain: std::borrow::Cow<'_, str> =
        if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    integer(&plain)
        .or_else(|| float(&plain))
        .or_else(|| signed_behind("0b", 2, &plain))
        .or_else(|| signed_behind("0o", 8, &plain))
}

/// Whether the reader of the last step takes the text for a number: it lets no sign stand behind
/// `0o`.
pub(super) fn is_number_in_print(text: &str) -> bool {
    parse(text).is_some() && signed_behind("0o", 8, &text.replace('_', "")).is_none()
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match lower.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        let value = i64::try_from(-i128::from(magnitude)).ok()?;
        return Some(Number::Int(value));
    }
    // An explicit plus is read for numbers with a sign only.
    match i64::try_from(magnitude) {
        Ok(value) => Some(Number::Int(value)),
        Err(_) if text.starts_with('+') => None,
        Err(_) => Some(Number::Unsigned(magnitude)),
    }
}

/// The Go library lets a sign stand behind `0b` and `0o`.
fn signed_behind(base: &str, radix: u32, text: &str) -> Option<Number> {
    let digits = text.strip_prefix(base).filter(|digits| digits.starts_with(['+', '-']))?;
    i64::from_str_radix(digits, radix).ok().map(Number::Int)
}

/// A decimal number with an optional fraction and exponent that a double can hold.
fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let sound = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_sound = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if !sound || !exponent_sound {
        return None;
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Number::Float)
}

/// The text that Go's YAML gives the double that JSON reads from `json`; `None` for no number.
pub(in super::super) fn double_of(json: &str) -> Option<String> {
    parse(json)?;
    json.parse().ok().map(shortest_general)
}

/// The number that a plain scalar is, to compare it with.
#[cfg(test)]
pub(in super::super) fn number_of(text: &str) -> Option<f64> {
    Some(match parse(text)? {
        Number::Int(value) => value as f64,
        Number::Unsigned(value) => value as f64,
        Number::Float(value) => value,
    })
}

impl Number {
    /// The number as Go's JSON writes it.
    pub(super) fn json(self) -> String {
        match self {
            Self::Int(value) => value.to_string(),
            Self::Unsigned(value) => value.to_string(),
            Self::Float(value) => {
                let size = value.abs();
                if size == 0.0 || (1e-6..1e21).contains(&size) {
                    return value.to_string();
                }
                let text = format!("{value:e}");
                match text.split_once('e') {
                    Some((digits, power)) if !power.starts_with('-') => {
                        format!("{digits}e+{power}")
                    }
                    _ => text,
                }
            }
        }
    }

    /// The number as it is printed: by way of JSON, in which `1.0` is `1`, and back.
    ///
    /// `None` for infinities and not-a-number, which JSON does not have.
    pub(super) fn printed(self) -> Option<String> {
        match self {
            Self::Int(value) => Some(value.to_string()),
            Self::Unsigned(value) => Some(value.to_string()),
            Self::Float(value) if !value.is_finite() => None,
            Self::Float(value) => Some(printed_float(value)),
        }
    }
}

fn printed_float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        return shortest_general(value);
    }
    // JSON has the digits without an exponent; those of a whole number are read as one.
    let text = value.to_string();
    match integer(&text) {
        Some(Number::Int(value)) => value.to_string(),
        Some(Number::Unsigned(value)) => value.to_string(),
        _ => shortest_general(value),
    }
}

/// Go's `%g` with the fewest digits that name the value: an exponent below -4 or above 5.
fn shortest_general(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let Ok(power) = exponent.parse::<i32>() else { return scientific };
    if (-4..6).contains(&power) {
        return value.to_string();
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", power.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Option<String> {
        parse(text)?.printed()
    }

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        let cases = [
            ("-0", "0"),
            ("-0.0", "0"),
            ("+5", "5"),
            ("0x1F", "31"),
            ("0b11", "3"),
            ("0b-11", "-3"),
            ("0o17", "15"),
            ("1_000", "1000"),
            ("1.", "1"),
            (".5", "0.5"),
            ("100000.5", "100000.5"),
            ("1000000.5", "1.0000005e+06"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("4611686018427387904.0", "4611686018427388000"),
            ("1e21", "1e+21"),
            ("1.25e-10", "1.25e-10"),
        ];
        for (text, wanted) in cases {
            assert_eq!(printed(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in [
            "1.2.3",
            "1e",
            "0x",
            "-",
            "+",
            ".",
            "1e999",
            "08:30",
            "10m",
            "-0b-1",
            "+99999999999999999999x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
