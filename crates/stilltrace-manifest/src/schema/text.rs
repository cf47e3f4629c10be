//! Tables as text: compact, sorted where order means nothing, and quick to read.
//!
//! One line each, told apart by its first character:
//!
//! | line | meaning |
//! |---|---|
//! | `# …` | where the definitions come from |
//! | `% protobuf` | the dialect, unless it is that of the API server |
//! | `= A B C` | a list of values; numbered from 0 in their order |
//! | `:NAME:TYPE …` | a shape, numbered likewise; `!` behind a type marks a required field, `NAME/ALIAS` a second name, `+` an open shape, `\|A,B` fields that exclude each other |
//! | `@ GROUP/VERSION KIND SHAPE` | a kind |
//!
//! Types: `*` anything, `s` text, `i` whole number, `n` number, `b` boolean, `q` whole number or text,
//! `d` duration, `eN` a listed value, `N` a shape, `[TYPE` a list, `{TYPE` a map.

use std::fmt::{self, Write as _};

use crate::yaml::Text;

use super::table::{Dialect, Field, Shape, Table, Type};

/// Why a text is no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the table is not understood")]
pub struct TableError {
    /// The line, from 1.
    pub line: usize,
}

/// How deep lists of lists may go.
const MAX_NESTING: usize = 8;

impl Table {
    /// Reads what [`Table::to_string`](ToString::to_string) writes. Takes time in proportion to the
    /// text; every shape refers to earlier ones only, so that no walk along it is endless.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut table = Self::default();
        for (index, line) in text.lines().enumerate() {
            table.add_line(line).ok_or(TableError { line: index + 1 })?;
        }
        Ok(table)
    }

    fn add_line(&mut self, line: &str) -> Option<()> {
        let mut characters = line.chars();
        let (first, rest) = (characters.next(), characters.as_str());
        match first {
            None => {}
            Some('#') => self.sources.push(rest.trim_start().to_owned()),
            Some('%') if rest.trim() == "protobuf" => self.dialect = Dialect::Protobuf,
            Some('=') => self.choices.push(rest.split_whitespace().map(Text::new).collect()),
            Some(':') => {
                let shape = self.read_shape(rest)?;
                self.shapes.push(shape);
            }
            Some('@') => {
                let mut words = rest.split_whitespace();
                let (api_version, kind) = (words.next()?, words.next()?);
                let shape = words.next()?.parse().ok()?;
                self.shape(shape)?;
                self.kinds.insert((Text::new(api_version), Text::new(kind)), shape);
            }
            Some(_) => return None,
        }
        Some(())
    }

    fn read_shape(&self, line: &str) -> Option<Shape> {
        let mut shape = Shape::default();
        for word in line.split_ascii_whitespace() {
            if word == "+" {
                shape.open = true;
            } else if let Some(group) = word.strip_prefix('|') {
                shape.exclusive.push(group.split(',').map(Text::new).collect());
            } else {
                let (name, of) = word.rsplit_once(':')?;
                let (name, alias) = match name.split_once('/') {
                    Some((name, alias)) => (name, Some(Text::new(alias))),
                    None => (name, None),
                };
                let (of, required) = match of.strip_suffix('!') {
                    Some(of) => (of, true),
                    None => (of, false),
                };
                let of = self.read_type(of, MAX_NESTING)?;
                shape.fields.push(Field { name: Text::new(name), alias, of, required });
            }
        }
        shape.fields.is_sorted_by(|a, b| a.name < b.name).then_some(shape)
    }

    fn read_type(&self, text: &str, nesting: usize) -> Option<Type> {
        let inner = |rest: &str| {
            let of = self.read_type(rest, nesting.checked_sub(1)?)?;
            Some(Box::new(of))
        };
        Some(match text.split_at_checked(1)? {
            ("*", "") => Type::Any,
            ("s", "") => Type::Text,
            ("i", "") => Type::Int,
            ("n", "") => Type::Number,
            ("b", "") => Type::Bool,
            ("q", "") => Type::IntOrText,
            ("d", "") => Type::Duration,
            ("[", rest) => Type::List(inner(rest)?),
            ("{", rest) => Type::Map(inner(rest)?),
            ("e", number) => {
                let number: u32 = number.parse().ok()?;
                self.choices.get(usize::try_from(number).ok()?)?;
                Type::Choice(number)
            }
            _ => {
                let id = text.parse().ok()?;
                self.shape(id)?;
                Type::Object(id)
            }
        })
    }
}

impl fmt::Display for Table {
    /// Writes the table as text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for source in &self.sources {
            writeln!(f, "# {source}")?;
        }
        if self.dialect == Dialect::Protobuf {
            writeln!(f, "% protobuf")?;
        }
        for choice in &self.choices {
            f.write_char('=')?;
            for value in choice {
                write!(f, " {value}")?;
            }
            writeln!(f)?;
        }
        for shape in &self.shapes {
            writeln!(f, ":{shape}")?;
        }
        for ((api_version, kind), shape) in &self.kinds {
            writeln!(f, "@ {api_version} {kind} {shape}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        if self.open {
            f.write_char('+')?;
            gap = " ";
        }
        for field in &self.fields {
            write!(f, "{gap}{}", field.name)?;
            if let Some(alias) = &field.alias {
                write!(f, "/{alias}")?;
            }
            write!(f, ":{}{}", field.of, if field.required { "!" } else { "" })?;
            gap = " ";
        }
        for group in &self.exclusive {
            write!(f, "{gap}|{}", group.join(","))?;
            gap = " ";
        }
        Ok(())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_char('*'),
            Self::Text => f.write_char('s'),
            Self::Int => f.write_char('i'),
            Self::Number => f.write_char('n'),
            Self::Bool => f.write_char('b'),
            Self::IntOrText => f.write_char('q'),
            Self::Duration => f.write_char('d'),
            Self::Choice(number) => write!(f, "e{number}"),
            Self::Object(id) => write!(f, "{id}"),
            Self::List(of) => write!(f, "[{of}"),
            Self::Map(of) => write!(f, "{{{of}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    const TEXT: &str = "# from x (Apache-2.0)\n% protobuf\n= A B\n:\n:+ a/a_a:s b:[{0! c:e0 |a,b\n\
                        @ x.io/v1 Thing 1\n";

    #[test]
    fn a_table_is_written_as_it_was_read() {
        let table = Table::parse(TEXT).unwrap();
        assert_eq!(table.to_string(), TEXT);
        let shape = table.shape(table.kind("x.io/v1", "Thing").unwrap()).unwrap();
        assert!(shape.open && shape.field("b").unwrap().required);
        assert_eq!(shape.field("a_a").unwrap().name, "a");
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        for (text, line) in [
            ("?", 1),
            (":\n:a:1", 2),
            (":a:e0", 1),
            (":b:s a:s", 1),
            ("@ a b 0", 1),
            (":a:s a:s", 1),
            (":a:[[[[[[[[[[s", 1),
            (":a", 1),
        ] {
            assert_eq!(Table::parse(text), Err(TableError { line }), "{text}");
        }
    }
}
