//! Comma-separated values after RFC 4180, as much of it as the tables of a capture need.

use crate::error::Fault;

/// One record and the line that it starts on, from 1.
pub(crate) struct Record {
    pub(crate) line: usize,
    pub(crate) fields: Vec<String>,
}

/// Reads a table whose first record must be `header`; lines that start with `#` before a record
/// are skipped.
pub(crate) fn parse(text: &str, header: &[&str]) -> Result<Vec<Record>, Fault> {
    let mut records = Vec::new();
    let (mut rest, mut line, mut seen_header) = (text, 1, false);
    while !rest.is_empty() {
        if rest.starts_with('#') || rest.starts_with('\n') || rest.starts_with("\r\n") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            line += 1;
            continue;
        }
        let (record, after, lines) = take_record(rest, line)?;
        if !seen_header {
            if record.fields != header {
                return Err(Fault::new(line, format!("the columns must be {}", header.join(","))));
            }
            seen_header = true;
        } else if record.fields.len() == header.len() {
            records.push(record);
        } else {
            let found = record.fields.len();
            return Err(Fault::new(line, format!("{found} fields, expected {}", header.len())));
        }
        rest = after;
        line += lines;
    }
    Ok(records)
}

/// The first record, the text after it, and how many lines it takes.
fn take_record(text: &str, line: usize) -> Result<(Record, &str, usize), Fault> {
    let mut fields = Vec::new();
    let (mut rest, mut lines) = (text, 1);
    loop {
        let (field, after) = if let Some(quoted) = rest.strip_prefix('"') {
            take_quoted(quoted).ok_or_else(|| Fault::new(line, "a quoted field does not end"))?
        } else {
            let end = rest.find([',', '\n']).unwrap_or(rest.len());
            let (field, after) = rest.split_at(end);
            (field.strip_suffix('\r').unwrap_or(field).to_owned(), after)
        };
        lines += field.matches('\n').count();
        fields.push(field);
        let after = after.strip_prefix('\r').unwrap_or(after);
        match after.as_bytes().first() {
            Some(b',') => rest = after.get(1..).unwrap_or_default(),
            Some(b'\n') => {
                let after = after.get(1..).unwrap_or_default();
                return Ok((Record { line, fields }, after, lines));
            }
            Some(_) => return Err(Fault::new(line, "text after a quoted field")),
            None => return Ok((Record { line, fields }, "", lines)),
        }
    }
}

/// A quoted field without its quotes, and the text after the closing quote.
fn take_quoted(text: &str) -> Option<(String, &str)> {
    let (mut field, mut rest) = (String::new(), text);
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, after)),
        }
    }
}

/// Appends one record.
pub(crate) fn print(fields: &[&str], out: &mut String) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let must_quote = field.contains([',', '"', '\n', '\r'])
            || (index == 0 && (field.starts_with('#') || field.is_empty()));
        if must_quote {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(field);
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure is the test's result")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(rows in prop::collection::vec(prop::array::uniform3("\\PC*|[,\"\r\n#a]*"), 0..8)) {
            let mut text = String::new();
            print(&["a", "b", "c"], &mut text);
            for row in &rows {
                print(&[&row[0], &row[1], &row[2]], &mut text);
            }
            let read: Vec<_> = parse(&text, &["a", "b", "c"]).unwrap().into_iter().map(|r| r.fields).collect();
            prop_assert_eq!(read, rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC*|[,\"\r\n#a]*") {
            let _ = parse(&text, &["a", "b"]);
        }
    }

    #[test]
    fn a_wrong_record_is_named_by_its_line() {
        let fault = parse("# c\na,b\n1,2\n1,2,3\n", &["a", "b"]).err().unwrap();
        assert_eq!(fault.line, 4);
    }
}
