//! Timestamps that YAML reads from plain scalars.

/// The timestamp in the form that Go's JSON gives it (RFC 3339), or `None` if `text` is none.
///
/// Accepted are `2006-1-2`, `2006-1-2 15:4:5` with an optional fraction, and the same with `T` or
/// `t` and a zone, as Go's YAML libraries do.
pub(in super::super) fn timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes.get(4) != Some(&b'-') {
        return None;
    }
    let (year, rest) = text.split_at_checked(4)?;
    if !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let year: u32 = year.parse().ok()?;
    let (month, rest) = one_or_two(rest.strip_prefix('-')?)?;
    let (day, rest) = one_or_two(rest.strip_prefix('-')?)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(month, year) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    let Some(separator) = rest.chars().next() else { return Some(format!("{date}T00:00:00Z")) };
    let (clock, rest) = clock(rest.get(1..)?)?;
    let zone = match (separator, rest) {
        (' ', "") => "Z".to_owned(),
        ('T' | 't', zone) => offset(zone)?,
        _ => return None,
    };
    Some(format!("{date}T{clock}{zone}"))
}

/// Hours, minutes, seconds and the fraction without trailing zeros, and what follows them.
fn clock(text: &str) -> Option<(String, &str)> {
    let (hour, rest) = one_or_two(text)?;
    let (minute, rest) = one_or_two(rest.strip_prefix(':')?)?;
    let (second, rest) = one_or_two(rest.strip_prefix(':')?)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, rest) = match rest.strip_prefix(['.', ',']) {
        Some(behind) if behind.starts_with(|c: char| c.is_ascii_digit()) => {
            let end = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
            (behind[..end.min(9)].trim_end_matches('0'), &behind[end..])
        }
        _ => ("", rest),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    Some((format!("{hour:02}:{minute:02}:{second:02}{point}{fraction}"), rest))
}

/// `Z` or `+hh:mm`; an offset of nothing is `Z`.
fn offset(zone: &str) -> Option<String> {
    if zone == "Z" {
        return Some("Z".to_owned());
    }
    let digits = zone.strip_prefix(['+', '-'])?;
    let (hours, minutes) = digits.split_once(':')?;
    let two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !two(hours) || !two(minutes) {
        return None;
    }
    let (hours_value, minutes_value): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours_value > 24 || minutes_value > 60 {
        return None;
    }
    let none = hours_value == 0 && minutes_value == 0;
    Some(if none { "Z".to_owned() } else { zone.to_owned() })
}

fn one_or_two(text: &str) -> Option<(u32, &str)> {
    let length = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let value = text.get(..length).filter(|digits| !digits.is_empty())?.parse().ok()?;
    Some((value, &text[length..]))
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_go_are_read() {
        let cases = [
            ("2001-1-2", "2001-01-02T00:00:00Z"),
            ("2001-12-14 21:59:43.10", "2001-12-14T21:59:43.1Z"),
            ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
            ("2001-12-14T21:59:43Z", "2001-12-14T21:59:43Z"),
            ("2004-02-29", "2004-02-29T00:00:00Z"),
        ];
        for (text, wanted) in cases {
            assert_eq!(timestamp(text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["2001-02-29", "2001-13-01", "201-1-1", "2001-12-14 21:59:43 -5", "2001-01-01x"]
        {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }
}
