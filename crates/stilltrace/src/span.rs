//! Spans of time as people type them, such as `20m`.

/// Seconds of `90s`, `20m`, `1h30m`, `2d`; for the command line.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let refused = || format!("`{text}` is no span of time; write it like 90s, 20m or 1h30m");
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
        let (number, after) = rest.split_at(digits);
        let mut characters = after.chars();
        let unit = match characters.next() {
            Some('s') => 1.0,
            Some('m') => 60.0,
            Some('h') => 3_600.0,
            Some('d') => 86_400.0,
            _ => return Err(refused()),
        };
        let number: u32 = number.parse().map_err(|_| refused())?;
        total += f64::from(number) * unit;
        rest = characters.as_str();
    }
    if total > 0.0 { Ok(total) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn spans_are_read_as_people_type_them() {
        assert_eq!(seconds("90s"), Ok(90.0));
        assert_eq!(seconds("20m"), Ok(1_200.0));
        assert_eq!(seconds("1h30m"), Ok(5_400.0));
        assert_eq!(seconds("2d"), Ok(172_800.0));
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in ["", "20", "m", "0s", "-5m", "1.5h", "20 m", "99999999999s", "5µ", "1h30"] {
            assert!(seconds(text).is_err_and(|message| message.contains("20m")), "{text}");
        }
    }
}
