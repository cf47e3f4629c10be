//! The files of a repository, and what begins at each of their places.

use std::collections::BTreeMap;
use std::sync::Arc;

use stilltrace_manifest::{Budget, MemoryTree, Node, Tree as _, Value, yaml};

/// A line and a column, both from 1.
type Place = (u64, u64);

/// What begins at a place: a value, with the key that it belongs to. The key of a word inside quotes
/// is not known.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) key: Option<String>,
    pub(crate) node: Node,
}

/// One file.
pub(crate) struct File {
    text: String,
    /// Roots of its documents.
    pub(crate) documents: Vec<Arc<Node>>,
    tokens: BTreeMap<Place, Vec<Token>>,
}

/// The files that origins name, each read once.
pub(crate) struct Sources<'t> {
    tree: &'t MemoryTree,
    files: BTreeMap<String, File>,
}

impl<'t> Sources<'t> {
    pub(crate) fn new(tree: &'t MemoryTree) -> Self {
        Self { tree, files: BTreeMap::new() }
    }

    /// The file at a path; empty where there is none.
    pub(crate) fn file(&mut self, path: &str) -> &File {
        let read = || File::read(path, &self.tree.read(path).unwrap().unwrap_or_default());
        self.files.entry(path.to_owned()).or_insert_with(read)
    }
}

impl File {
    fn read(path: &str, bytes: &[u8]) -> Self {
        let parsed = yaml::parse(path, bytes, &Budget::default());
        let text = String::from_utf8_lossy(bytes).into_owned();
        let documents = parsed.documents.iter().map(|document| Arc::clone(&document.root));
        let mut file = Self { text, documents: documents.collect(), tokens: BTreeMap::new() };
        for root in file.documents.clone() {
            file.index(None, &root);
        }
        file
    }

    fn index(&mut self, key: Option<&str>, node: &Node) {
        let place = (u64::from(node.mark.line), u64::from(node.mark.column));
        let token = Token { key: key.map(ToOwned::to_owned), node: node.clone() };
        self.tokens.entry(place).or_default().push(token);
        for entry in node.entries() {
            let place = (u64::from(entry.key_mark.line), u64::from(entry.key_mark.column));
            let token = Token { key: Some(entry.key.to_string()), node: entry.value.clone() };
            self.tokens.entry(place).or_default().push(token);
            self.index(Some(&entry.key), &entry.value);
        }
        for item in node.items() {
            self.index(key, item);
        }
        // Documents in texts, such as the patches of a kustomization.
        if matches!(&node.value, Value::Scalar(scalar) if scalar.style == yaml::Style::Literal) {
            let inner = yaml::parse_literal(&self.text, &node.mark, &Budget::default());
            for document in inner.documents {
                self.index(None, &document.root);
            }
        }
    }

    /// A line of the text, counted from 1; empty where there is none.
    pub(crate) fn line(&self, number: u64) -> &str {
        let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        self.text.lines().nth(index).unwrap_or_default()
    }

    /// What begins at a place; inside quotes, the word that stands there.
    pub(crate) fn tokens(&self, place: Place) -> Vec<Token> {
        if let Some(tokens) = self.tokens.get(&place) {
            return tokens.clone();
        }
        let line = usize::try_from(place.0).unwrap() - 1;
        let column = usize::try_from(place.1).unwrap() - 1;
        let Some(line) = self.text.lines().nth(line) else { return Vec::new() };
        let rest: String = line.chars().skip(column).collect();
        // A quote inside quotes is part of the word.
        let rest = rest.trim_start_matches(['\\', '"', '\'']);
        let mut word = rest.split(['\\', '\'', '"']).next().unwrap_or_default();
        if line.contains(['{', '[']) {
            word = word.split([',', '}', ']']).next().unwrap_or_default();
        }
        let parsed = yaml::parse("word", word.as_bytes(), &Budget::default());
        let root = parsed.documents.first().map(|document| Arc::clone(&document.root));
        let Some(root) = root.filter(|_| !word.trim().is_empty()) else { return Vec::new() };
        let token = match root.entries().first() {
            Some(entry) => Token { key: Some(entry.key.to_string()), node: entry.value.clone() },
            None => Token { key: None, node: Node::clone(&root) },
        };
        vec![token]
    }
}
