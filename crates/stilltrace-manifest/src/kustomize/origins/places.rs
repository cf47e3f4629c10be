//! What is written at a place of a tree.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use crate::tree::Tree;
use crate::yaml::{Budget, Document, Mark, Node, Style, Value, parse, parse_literal};

/// What begins at one byte of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Written {
    /// A scalar with this text.
    Scalar(String),
    /// A null, however written.
    Null,
}

/// A file with what begins at which byte.
pub(super) struct Source {
    pub(super) bytes: Vec<u8>,
    /// First byte of each line.
    lines: Vec<usize>,
    /// By first and last byte; an alias or merge key puts the same things here again.
    at: BTreeMap<(u32, u32), Vec<Written>>,
    /// First bytes of collections, whose ends depend on what they hold.
    collections: BTreeSet<u32>,
}

/// All files of a tree, each read when it is first asked for.
pub(super) struct Places<'a> {
    tree: &'a dyn Tree,
    files: RefCell<BTreeMap<String, Option<Rc<Source>>>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(tree: &'a dyn Tree) -> Self {
        Self { tree, files: RefCell::default() }
    }

    /// The file of a mark, if line and column say the same place as its bytes.
    pub(super) fn source(&self, mark: &Mark) -> Result<Rc<Source>, &'static str> {
        let mut files = self.files.borrow_mut();
        let source = files.entry(mark.path.to_string()).or_insert_with(|| self.read(&mark.path));
        let source = source.as_ref().ok_or("no such file")?;
        let Range { start, end } = mark.range();
        if end > source.bytes.len() || start > end {
            return Err("ends behind the end of the file");
        }
        let line = source.lines.partition_point(|begin| *begin <= start);
        let text = String::from_utf8_lossy(&source.bytes[source.lines[line - 1]..start]);
        let column = text.trim_start_matches('\u{feff}').chars().count() + 1;
        let said = (mark.line as usize, mark.column as usize);
        if (line, column) == said { Ok(Rc::clone(source)) } else { Err("line and bytes differ") }
    }

    fn read(&self, path: &str) -> Option<Rc<Source>> {
        let bytes = self.tree.read(path).unwrap()?;
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let mut source = Source { bytes, lines, at: BTreeMap::new(), collections: BTreeSet::new() };
        let parsed = parse(path, &source.bytes, &Budget::default());
        for document in &parsed.documents {
            source.index(&document.root, &parsed.source, 0);
        }
        Some(Rc::new(source))
    }
}

impl Source {
    /// What is written at a mark.
    pub(super) fn written(&self, mark: &Mark) -> &[Written] {
        self.at.get(&(mark.start, mark.end)).map_or(&[], Vec::as_slice)
    }

    /// Whether a list or mapping begins at a mark.
    pub(super) fn is_collection(&self, mark: &Mark) -> bool {
        self.collections.contains(&mark.start)
    }

    /// The bytes at a mark.
    pub(super) fn token(&self, mark: &Mark) -> &[u8] {
        self.bytes.get(mark.range()).unwrap_or_default()
    }

    /// Takes in what is below a node; `shift` is added to the bytes of its marks.
    fn index(&mut self, node: &Node, text: &str, shift: u32) {
        let place = (node.mark.start + shift, node.mark.end + shift);
        match &node.value {
            Value::Null => self.put(place, Written::Null),
            Value::Scalar(scalar) => {
                self.put(place, Written::Scalar(scalar.text.to_string()));
                let inner = text.get(node.mark.range().start + 1..node.mark.range().end.max(1) - 1);
                let quoted = matches!(scalar.style, Style::SingleQuoted | Style::DoubleQuoted);
                if quoted && inner == Some(scalar.text.as_str()) && !scalar.text.contains('\n') {
                    // A document on one line, such as a patch in JSON.
                    let inner = parse("", scalar.text.as_bytes(), &Budget::default());
                    for document in inner.documents.iter().filter(|inner| !is_scalar(&inner.root)) {
                        self.index(&document.root, &scalar.text, shift + node.mark.start + 1);
                    }
                }
                if scalar.style == Style::Literal {
                    let inner: Vec<Document> =
                        parse_literal(text, &node.mark, &Budget::default()).documents;
                    for document in inner.iter().filter(|inner| !is_scalar(&inner.root)) {
                        self.index(&document.root, text, shift);
                    }
                }
            }
            Value::Sequence(items) => {
                self.collections.insert(place.0);
                for item in items {
                    self.index(item, text, shift);
                }
            }
            Value::Mapping(entries) => {
                self.collections.insert(place.0);
                for entry in entries {
                    let key = (entry.key_mark.start + shift, entry.key_mark.end + shift);
                    self.put(key, Written::Scalar(entry.key.to_string()));
                    self.index(&entry.value, text, shift);
                }
            }
        }
    }

    fn put(&mut self, place: (u32, u32), written: Written) {
        let here = self.at.entry(place).or_default();
        if !here.contains(&written) {
            here.push(written);
        }
    }
}

fn is_scalar(node: &Node) -> bool {
    matches!(node.value, Value::Scalar(_) | Value::Null)
}
