//! Random values, written in flow style.

use super::draw::Draw;

/// Scalars that readers of YAML and JSON disagree on, and some on which they agree.
const ODD: &[&str] = &[
    "yes",
    "on",
    "y",
    "n",
    "Off",
    "1e3",
    "1E3",
    "1.0",
    "1.50",
    "0o17",
    "017",
    "0x1F",
    "1_000",
    "12345678901234567890",
    "123456789012",
    "1000000",
    "9007199254740993",
    "1.7976931348623157e308",
    "-0",
    "-0.0",
    "+1",
    ".5",
    "0.1e-7",
    "2001-01-01",
    "2001-01-01T00:00:00Z",
    "~",
    "null",
    "TRUE",
    "true",
    "1:30",
    "0b11",
    "\"yes\"",
    "!!str 5",
    "3.0e10",
    "100000000000000000000000",
    "089",
    "1.2.3",
    "\"1e3\"",
    "'0x1F'",
    "\"multi\\nline\\n\"",
    "\"a: b\"",
    "'- x'",
    "''",
    "\" pad \"",
    "a<b>&c",
    "word",
    "word",
    "8080",
    "3",
    "\"8080\"",
    "100m",
    "v1.2",
    "\"tab\\tx\"",
    "é",
    "18446744073709551615",
    "-5",
    "1e21",
    "1e-9",
    "0.000001",
    "123456.5",
    "1234567.5",
    "\"\\u2028\"",
    "'2001-01-01'",
    "!!int 7",
    "!!float 7",
    "\"null\"",
    "\"~\"",
    "\"#\"",
    "a#b",
    "=",
    "<<",
    "\"a\\\\b\"",
];

/// Scalars of JSON.
const JSON: &[&str] = &[
    "1",
    "1.0",
    "1e3",
    "1E3",
    "-0",
    "12345678901234567890",
    "0.1e-7",
    "true",
    "null",
    "\"yes\"",
    "\"1e3\"",
    "\"a<b>&c\"",
    "\"x\\ny\"",
    "\"\"",
    "\"w\\u00e9\"",
    "1000000",
    "123456.5",
    "\"2001-01-01\"",
    "\"word\"",
    "8080",
];

/// A tree whose shape is known, so that paths into it can be drawn.
#[derive(Debug, Clone)]
pub enum Tree {
    Scalar(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    pub fn flow(&self) -> String {
        match self {
            Self::Scalar(text) => text.clone(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::flow).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(entries) => {
                let entry = |(key, value): &(String, Self)| format!("\"{key}\": {}", value.flow());
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    /// A random tree of at most so many levels.
    pub fn random(draw: &mut Draw, levels: usize, json: bool) -> Self {
        let kind = if levels == 0 { 0 } else { draw.below(4) };
        match kind {
            2 => Self::List(
                (0..draw.below(4)).map(|_| Self::random(draw, levels - 1, json)).collect(),
            ),
            3 => Self::random_map(draw, levels, json),
            _ => Self::Scalar(draw.one(if json { JSON } else { ODD }).to_owned()),
        }
    }

    pub fn random_map(draw: &mut Draw, levels: usize, json: bool) -> Self {
        let mut entries: Vec<(String, Self)> = Vec::new();
        for _ in 0..=draw.below(4) {
            let key = draw.one(&["a", "b", "c/d", "e~f", "on", "key", "10", "9", "B"]).to_owned();
            if entries.iter().all(|(known, _)| *known != key) {
                entries.push((key, Self::random(draw, levels.saturating_sub(1), json)));
            }
        }
        Self::Map(entries)
    }

    /// Pointers to all values below this one.
    pub fn pointers(&self, prefix: &str, found: &mut Vec<String>) {
        let mut visit = |part: &str, child: &Self| {
            let pointer = format!("{prefix}/{}", part.replace('~', "~0").replace('/', "~1"));
            found.push(pointer.clone());
            child.pointers(&pointer, found);
        };
        match self {
            Self::Scalar(_) => {}
            Self::List(items) => {
                items.iter().enumerate().for_each(|(at, item)| visit(&at.to_string(), item));
            }
            Self::Map(entries) => entries.iter().for_each(|(key, value)| visit(key, value)),
        }
    }

    pub fn at(&self, pointer: &str) -> Option<&Self> {
        pointer.split('/').skip(1).try_fold(self, |tree, part| match tree {
            Self::Scalar(_) => None,
            Self::List(items) => items.get(part.parse::<usize>().ok()?),
            Self::Map(entries) => {
                let key = part.replace("~1", "/").replace("~0", "~");
                entries.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
            }
        })
    }

    pub fn at_mut(&mut self, pointer: &str) -> Option<&mut Self> {
        pointer.split('/').skip(1).try_fold(self, |tree, part| match tree {
            Self::Scalar(_) => None,
            Self::List(items) => items.get_mut(part.parse::<usize>().ok()?),
            Self::Map(entries) => {
                let key = part.replace("~1", "/").replace("~0", "~");
                entries.iter_mut().find(|(known, _)| *known == key).map(|(_, value)| value)
            }
        })
    }

    pub fn remove(&mut self, pointer: &str) -> Option<Self> {
        let (parent, last) = pointer.rsplit_once('/')?;
        match self.at_mut(parent)? {
            Self::Scalar(_) => None,
            Self::List(items) => Some(items.remove(last.parse().ok()?)),
            Self::Map(entries) => {
                let key = last.replace("~1", "/").replace("~0", "~");
                let at = entries.iter().position(|(known, _)| *known == key)?;
                Some(entries.remove(at).1)
            }
        }
    }

    /// Puts a value where a drawn pointer says, and gives the pointer.
    pub fn put(&mut self, draw: &mut Draw, value: Self) -> String {
        let mut pointers = vec![String::new()];
        self.pointers("", &mut pointers);
        pointers.retain(|pointer| !matches!(self.at(pointer), None | Some(Self::Scalar(_))));
        let parent = pointers[draw.below(pointers.len())].clone();
        match self.at_mut(&parent) {
            Some(Self::List(items)) => {
                let at = draw.below(items.len() + 1);
                items.insert(at, value);
                let written = match items.len() {
                    many if at + 1 == many && draw.happens(50) => "-".to_owned(),
                    many if draw.happens(15) => format!("-{}", many - at),
                    _ => at.to_string(),
                };
                format!("{parent}/{written}")
            }
            Some(Self::Map(entries)) => {
                let key = draw.one(&["a", "new", "c/d", "B"]).to_owned();
                let escaped = key.replace('/', "~1");
                entries.retain(|(known, _)| *known != key);
                entries.push((key, value));
                format!("{parent}/{escaped}")
            }
            _ => parent,
        }
    }
}
