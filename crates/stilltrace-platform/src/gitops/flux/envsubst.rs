//! The variable expressions that Flux evaluates: `${name}` with defaults, cuts and replacements.
//!
//! Follows `github.com/fluxcd/pkg/envsubst`, a subset of what a shell does: all default operators
//! mean the same, offsets count bytes, and what is not understood fails the whole text.

use std::fmt;

/// How deep expressions may be nested in each other.
const MAX_DEPTH: usize = 32;
/// How long a result may grow.
const MAX_RESULT: usize = 1 << 20;

/// Why a text cannot be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// The name of the variable is missing or has other characters than letters, digits and `_`.
    Name,
    /// The closing brace is missing, or something else stands in its place.
    Brace,
    /// An operator has no operand.
    Operand,
    /// Expressions are nested too deeply or the result is too long.
    Budget,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a variable has no valid name",
            Self::Brace => "a closing brace is missing",
            Self::Operand => "an operator has no operand",
            Self::Budget => "the expression is nested too deeply or grows too long",
        })
    }
}

/// The text with its variables replaced; `value` is asked for each of them. `$$` becomes `$`.
pub(crate) fn expand<'v>(
    text: &str,
    value: &mut dyn FnMut(&str) -> Option<&'v str>,
) -> Result<String, Mistake> {
    let mut reader = Reader { text, at: 0, value };
    reader.until(|_| false, Escapes::Dollar, 0)
}

/// The name of the variable when the text is nothing but one variable.
pub(crate) fn only_variable(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    let end = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let plain = rest.is_empty() || (rest.starts_with([':', '=']) && !rest.contains("${"));
    (!name.is_empty() && plain).then_some(name)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Which characters lose their meaning behind an escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// None.
    None,
    /// `$$`.
    Dollar,
    /// `$$`, `\/` and `\\`.
    All,
}

struct Reader<'t, 'v, 'f> {
    text: &'t str,
    at: usize,
    value: &'f mut dyn FnMut(&str) -> Option<&'v str>,
}

impl<'t> Reader<'t, '_, '_> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        self.at += if found { expected.len() } else { 0 };
        found
    }

    /// Reads text and expressions until `ends` or the end of the text.
    fn until(
        &mut self,
        ends: impl Fn(char) -> bool,
        escapes: Escapes,
        depth: usize,
    ) -> Result<String, Mistake> {
        let mut found = String::new();
        while let Some(c) = self.peek() {
            if found.len() > MAX_RESULT || depth > MAX_DEPTH {
                return Err(Mistake::Budget);
            }
            if self.take("${") {
                found.push_str(&self.expression(depth + 1)?);
            } else if escapes != Escapes::None && self.take("$$") {
                found.push('$');
            } else if escapes == Escapes::All && self.take("\\/") {
                found.push('/');
            } else if escapes == Escapes::All && self.take("\\\\") {
                found.push('\\');
            } else if ends(c) {
                break;
            } else {
                found.push(c);
                self.at += c.len_utf8();
            }
        }
        Ok(found)
    }

    /// Reads an expression behind its `${`.
    fn expression(&mut self, depth: usize) -> Result<String, Mistake> {
        if self.take("#") {
            let name = self.name().map_err(|_| Mistake::Operand)?;
            let length = self.lookup(name).len().to_string();
            return self.close(length);
        }
        let name = self.name()?;
        match self.peek() {
            Some(':') if is_default(self.rest().get(1..)) => {
                self.at += 2;
                self.default(name, depth)
            }
            Some('=') => {
                self.at += 1;
                self.default(name, depth)
            }
            Some(':') => self.cut(name, depth),
            Some(',' | '^') => self.casing(name),
            Some('/') => self.replacement(name, depth),
            Some('#' | '%') => self.trim(name, depth),
            _ => {
                let value = self.lookup(name);
                self.close(value)
            }
        }
    }

    fn name(&mut self) -> Result<&'t str, Mistake> {
        let rest = self.rest();
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let name = rest.get(..end).filter(|name| !name.is_empty()).ok_or(Mistake::Name)?;
        self.at += end;
        Ok(name)
    }

    fn lookup(&mut self, name: &str) -> String {
        (self.value)(name).unwrap_or_default().to_owned()
    }

    fn close(&mut self, result: String) -> Result<String, Mistake> {
        if self.take("}") { Ok(result) } else { Err(Mistake::Brace) }
    }

    fn default(&mut self, name: &str, depth: usize) -> Result<String, Mistake> {
        let default = self.until(|c| c == '}', Escapes::None, depth)?;
        let value = self.lookup(name);
        self.close(if value.is_empty() { default } else { value })
    }

    /// `${name:offset}` and `${name:offset:length}`.
    fn cut(&mut self, name: &str, depth: usize) -> Result<String, Mistake> {
        self.at += 1;
        let offset = self.operand(|c| c == ':' || c == '}', Escapes::None, depth)?;
        let value = self.lookup(name);
        if self.take("}") {
            return Ok(cut(&value, &offset, None));
        }
        while self.take(":") {}
        let length = self.operand(|c| c == '}', Escapes::None, depth)?;
        let result = cut(&value, &offset, Some(&length));
        self.close(result)
    }

    fn casing(&mut self, name: &str) -> Result<String, Mistake> {
        let start = self.at;
        while self.at < start + 2 && (self.take(",") || self.take("^")) {}
        let value = self.lookup(name);
        let first = |change: fn(char) -> String| {
            let mut characters = value.chars();
            let first = characters.next().map(change).unwrap_or_default();
            first + characters.as_str()
        };
        let result = match self.text.get(start..self.at) {
            Some(",") => first(|c| c.to_lowercase().collect()),
            Some("^") => first(|c| c.to_uppercase().collect()),
            Some(",,") => value.to_lowercase(),
            Some("^^") => value.to_uppercase(),
            _ => value,
        };
        self.close(result)
    }

    fn replacement(&mut self, name: &str, depth: usize) -> Result<String, Mistake> {
        self.at += 1;
        let kind = self.peek().filter(|c| matches!(c, '/' | '#' | '%'));
        self.at += kind.map_or(0, char::len_utf8);
        let from = self.operand(|c| c == '/', Escapes::All, depth)?;
        if !self.take("/") {
            return Err(Mistake::Operand);
        }
        while self.take("/") {}
        let to = match self.peek() {
            Some('}') => None,
            _ => Some(self.operand(|c| c == '}', Escapes::All, depth)?),
        };
        let value = self.lookup(name);
        let with = to.as_deref().unwrap_or_default();
        let result = match kind {
            Some('/') => value.replace(&from, with),
            Some('#') if to.is_some() => match value.strip_prefix(&from) {
                Some(rest) => format!("{with}{rest}"),
                None => value,
            },
            Some('%') if to.is_some() => match value.strip_suffix(&from) {
                Some(rest) => format!("{rest}{with}"),
                None => value,
            },
            Some(_) => value,
            None => value.replacen(&from, with, 1),
        };
        self.close(result)
    }

    fn trim(&mut self, name: &str, depth: usize) -> Result<String, Mistake> {
        let prefix = self.peek() == Some('#');
        let mark = if prefix { "#" } else { "%" };
        self.take(mark);
        let longest = self.take(mark);
        let pattern = self.operand(|c| c == '}', Escapes::None, depth)?;
        let value = self.lookup(name);
        let result = trimmed(&value, &pattern, prefix, longest);
        self.close(result)
    }

    fn operand(
        &mut self,
        ends: impl Fn(char) -> bool,
        escapes: Escapes,
        depth: usize,
    ) -> Result<String, Mistake> {
        let start = self.at;
        let operand = self.until(ends, escapes, depth)?;
        if self.at == start { Err(Mistake::Operand) } else { Ok(operand) }
    }
}

/// Whether a default operator follows the colon.
fn is_default(rest: Option<&str>) -> bool {
    rest.is_some_and(|rest| rest.starts_with(['=', '-', '?', '+']))
}

/// A part of the value in bytes; offsets below zero count from the end, as do such lengths.
fn cut(value: &str, offset: &str, length: Option<&str>) -> String {
    let size = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let Ok(offset) = offset.parse::<i64>() else { return value.to_owned() };
    let start = if offset < 0 { size.saturating_add(offset).max(0) } else { offset };
    let end = match length.map(str::parse::<i64>) {
        None => size,
        Some(Err(_)) => return value.to_owned(),
        Some(Ok(length)) if length < 0 => size.saturating_add(length),
        Some(Ok(length)) => start.saturating_add(length).min(size),
    };
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range.and_then(|(start, end)| value.get(start..end)).unwrap_or_default().to_owned()
}

/// The value without the shortest or longest part at one end that matches the pattern.
fn trimmed(value: &str, pattern: &str, prefix: bool, longest: bool) -> String {
    let ends = value.char_indices().map(|(at, _)| at).chain([value.len()]);
    // A part that is empty matches nothing.
    let mut cuts: Vec<usize> = if prefix {
        ends.filter(|end| *end > 0).collect()
    } else {
        ends.filter(|start| *start < value.len()).collect()
    };
    if longest == prefix {
        cuts.reverse();
    }
    let pattern: Vec<char> = pattern.chars().collect();
    for at in cuts {
        let (before, after) = value.split_at(at);
        let (part, rest) = if prefix { (before, after) } else { (after, before) };
        if super::super::glob::matches_text(&pattern, part) {
            return rest.to_owned();
        }
    }
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, Mistake> {
        expand(text, &mut |name| match name {
            "a" => Some("one"),
            "path" => Some("x/y.tar.gz"),
            "Mixed" => Some("aBc"),
            _ => None,
        })
    }

    #[test]
    fn expressions_give_what_flux_gives() {
        for (text, expected) in [
            ("${a}", "one"),
            ("x-${a}-${a}", "x-one-one"),
            ("${none}", ""),
            ("${none:=d}", "d"),
            ("${none:-d e}", "d e"),
            ("${none=d}", "d"),
            ("${a:+other}", "one"),
            ("${none:=${a}s}", "ones"),
            ("$${a}", "${a}"),
            ("a$$b", "a$b"),
            ("$a", "$a"),
            ("${#a}", "3"),
            ("${Mixed^^}", "ABC"),
            ("${Mixed,,}", "abc"),
            ("${Mixed^}", "ABc"),
            ("${a:1}", "ne"),
            ("${a:0:1}", "o"),
            ("${a:0:-1}", "on"),
            ("${path/y/z}", "x/z.tar.gz"),
            ("${path//./-}", "x/y-tar-gz"),
            ("${path/\\//-}", "x-y.tar.gz"),
            ("${path/#x/z}", "z/y.tar.gz"),
            ("${path/%gz/xz}", "x/y.tar.xz"),
            ("${path%.*}", "x/y.tar"),
            ("${path%%.*}", "x/y"),
            ("${path#*/}", "y.tar.gz"),
            ("${path##*.}", "gz"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_a_mistake() {
        for text in ["${", "${a", "${}", "${a-b}", "${ a }", "${a:}", "${a/b}", "${a!}"] {
            assert!(expanded(text).is_err(), "{text}");
        }
        let deep = "${a:=".repeat(10_000);
        assert_eq!(expanded(&deep), Err(Mistake::Budget));
    }

    #[test]
    fn a_lone_variable_is_recognised() {
        assert_eq!(only_variable("${a}"), Some("a"));
        assert_eq!(only_variable("${a:=1}"), Some("a"));
        assert_eq!(only_variable("x${a}"), None);
        assert_eq!(only_variable("${a}${b}"), None);
        assert_eq!(only_variable("${a}-${b}"), None);
    }
}
