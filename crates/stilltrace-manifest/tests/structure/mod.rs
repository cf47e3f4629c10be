//! Adds entries and items to the collections of a file and takes them out again.

use stilltrace_manifest::edit::{EditError, Editor, NewValue};
use stilltrace_manifest::yaml::{Style, Value, parse};
use stilltrace_manifest::{Budget, Mark, Node};

/// A key that no file has.
const KEY: &str = "x-added-by-test";

/// How many edits of some files there were, and what went wrong.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Entries and items that were added and taken out again.
    pub(crate) edits: usize,
    /// Collections that an alias repeats: they are refused.
    pub(crate) shared: usize,
    /// Files that cannot be read to their end, such as templates: not edited.
    pub(crate) unread: usize,
    /// Additions behind a block scalar that ends with its file and without a line end: the line
    /// end that has to follow it would become part of it, so they are refused.
    pub(crate) unended: usize,
    /// What went wrong.
    pub(crate) misses: Vec<String>,
}

impl Counts {
    /// Both together.
    pub(crate) fn add(&mut self, other: Self) {
        self.edits += other.edits;
        self.shared += other.shared;
        self.unread += other.unread;
        self.unended += other.unended;
        self.misses.extend(other.misses);
    }
}

/// A collection with its place in the tree: document, and positions of children.
struct Site {
    document: usize,
    steps: Vec<usize>,
    mark: Mark,
    list: bool,
    children: usize,
    /// Whether the last value below it is a block scalar.
    ends_in_block: bool,
}

/// Adds to collections of one file, evenly spread: at the front, in the middle and at the end, a
/// scalar and a block of lines in turn.
pub(crate) fn restructure(path: &str, source: &str, most: usize) -> Counts {
    if !parse(path, source.as_bytes(), &Budget::default()).problems.is_empty() {
        return Counts { unread: 1, ..Counts::default() };
    }
    let editor = Editor::new(path, source);
    let sites = sites(&editor, source);
    let stride = sites.len().div_ceil(most).max(1);
    let mut counts = Counts::default();
    for (number, site) in sites.iter().step_by(stride).enumerate() {
        let index = [0, site.children / 2, site.children][number % 3];
        let value = value(number);
        match there_and_back(&editor, path, source, site, index, &value) {
            Ok(()) => counts.edits += 1,
            Err(Miss::Shared) => counts.shared += 1,
            Err(Miss::Other(_)) if is_unended(source, site, index) => counts.unended += 1,
            Err(Miss::Other(what)) => {
                counts.misses.push(format!("{} [{index}]: {what}", site.mark));
            }
        }
    }
    counts
}

/// Whether an addition would follow the last line of a block scalar that has no line end.
fn is_unended(source: &str, site: &Site, index: usize) -> bool {
    index == site.children && site.ends_in_block && !source.ends_with('\n')
}

enum Miss {
    Shared,
    Other(String),
}

impl From<EditError> for Miss {
    fn from(error: EditError) -> Self {
        if matches!(error, EditError::Shared { .. }) {
            Self::Shared
        } else {
            Self::Other(error.to_string())
        }
    }
}

fn value(number: usize) -> NewValue {
    match number % 4 {
        0 => NewValue::Plain("31337".to_owned()),
        1 => NewValue::Text("a: b, #c".to_owned()),
        2 => NewValue::Mapping(vec![
            ("first".to_owned(), NewValue::List(vec![NewValue::Text("true".to_owned())])),
            ("second".to_owned(), NewValue::Plain("x".to_owned())),
        ]),
        _ => NewValue::List(vec![NewValue::Plain("1".to_owned()), NewValue::Text(String::new())]),
    }
}

fn there_and_back(
    editor: &Editor<'_>,
    path: &str,
    source: &str,
    site: &Site,
    index: usize,
    value: &NewValue,
) -> Result<(), Miss> {
    let there = if site.list {
        editor.insert_item(&site.mark, index, value)?
    } else {
        editor.insert_entry(&site.mark, index, KEY, value)?
    };
    only_added(source, &there)?;
    let again = Editor::new(path, &there);
    let lost = || Miss::Other(format!("the new value is not where it should be: {there}"));
    let mut node: &Node =
        again.documents().get(site.document).map(|read| &*read.root).ok_or_else(lost)?;
    for step in &site.steps {
        let entry = node.entries().get(*step).map(|entry| &entry.value);
        node = entry.or_else(|| node.items().get(*step)).ok_or_else(lost)?;
    }
    let back = if site.list {
        again.remove_item(&node.items().get(index).ok_or_else(lost)?.mark)?
    } else {
        again.remove_entry(&node.entry(KEY).ok_or_else(lost)?.key_mark)?
    };
    if back == source {
        Ok(())
    } else {
        Err(Miss::Other(format!("the way back gives other bytes: {:?}", difference(source, &back))))
    }
}

/// The old file is the new one without some of its bytes; brackets that were empty may have gone.
fn only_added(source: &str, there: &str) -> Result<(), Miss> {
    let same_before = source.bytes().zip(there.bytes()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&source.as_bytes()[same_before..], &there.as_bytes()[same_before..]);
    let same_behind = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let gone = String::from_utf8_lossy(&a[..a.len() - same_behind]).into_owned();
    // Brackets go from behind their key, and the comment behind them stays.
    let code = gone.split('#').next().unwrap_or("");
    let brackets = code.trim().is_empty() || matches!(code.trim(), "{}" | "[]" | "}" | "]");
    if brackets {
        Ok(())
    } else {
        Err(Miss::Other(format!("bytes of the file are gone: {gone:?}")))
    }
}

fn difference(a: &str, b: &str) -> (String, String) {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(40);
    let cut = |text: &str| {
        let end = (same + 160).min(text.len());
        String::from_utf8_lossy(&text.as_bytes()[same.min(end)..end]).into_owned()
    };
    (cut(a), cut(b))
}

/// The collections of a file. Left out are brackets around blanks, which are not kept.
fn sites(editor: &Editor<'_>, source: &str) -> Vec<Site> {
    let mut sites = Vec::new();
    for (document, read) in editor.documents().iter().enumerate() {
        let mut open: Vec<(&Node, Vec<usize>)> = vec![(&read.root, Vec::new())];
        while let Some((node, steps)) = open.pop() {
            let children = node.entries().iter().map(|entry| &entry.value).chain(node.items());
            for (index, child) in children.enumerate() {
                open.push((child, [&steps[..], &[index]].concat()));
            }
            let list = matches!(node.value, Value::Sequence(_));
            let token = source.get(node.mark.range()).unwrap_or("");
            if matches!(token.split_whitespace().collect::<Vec<_>>()[..], ["[", "]"] | ["{", "}"]) {
                continue;
            }
            if list || matches!(node.value, Value::Mapping(_)) {
                let children = node.entries().len() + node.items().len();
                let mark = node.mark.clone();
                let leaves = node.leaves();
                let final_leaf = leaves.iter().max_by_key(|(_, leaf)| leaf.mark.start);
                let ends_in_block = final_leaf.is_some_and(|(_, leaf)| is_block_scalar(leaf));
                sites.push(Site { document, steps, mark, list, children, ends_in_block });
            }
        }
    }
    sites.sort_by_key(|site| (site.document, site.mark.start, site.mark.end));
    sites
}

fn is_block_scalar(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(s) if matches!(s.style, Style::Literal | Style::Folded))
}
