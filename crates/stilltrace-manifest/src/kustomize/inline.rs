//! Documents that are written as a text inside another document.

use std::sync::Arc;

use crate::yaml::{Mark, Node, Parsed, Style, Value, parse, parse_literal};

use super::keys::without_merge_keys;
use super::loader::Loader;
use super::old_flags::read_as_json;

/// The documents in the text of a scalar, with what is wrong in them.
///
/// In a literal block and in quotes on one line every value keeps its own place; in other styles
/// all of them carry the place of the text as a whole.
pub(super) fn documents(loader: &mut Loader<'_>, node: &Node) -> Parsed {
    let Value::Scalar(scalar) = &node.value else { return Parsed::default() };
    let budget = loader.budget();
    let source = loader.yaml(&node.mark.path).map(|parsed| Arc::clone(&parsed.source));
    // A text that was changed on its way here is not the block that its mark points at.
    let block = source.as_deref().filter(|source| is_block(source, node, &scalar.text));
    if let Some(source) = block.filter(|_| scalar.style == Style::Literal) {
        let parsed = parse_literal(source, &node.mark, budget);
        loader.foreign_keys.note(&parsed);
        return parsed;
    }
    let mut parsed = parse(&node.mark.path, scalar.text.as_bytes(), budget);
    let quoted = source.as_deref().is_some_and(|source| is_quoted(source, node, &scalar.text));
    let place = |mark: &mut Mark| {
        if quoted {
            mark.line = node.mark.line;
            mark.column += node.mark.column;
            mark.start += node.mark.start + 1;
            mark.end += node.mark.start + 1;
        } else {
            *mark = node.mark.clone();
        }
    };
    for document in &mut parsed.documents {
        place_all(Arc::make_mut(&mut document.root), &place);
        document.bare_keys.iter_mut().for_each(|(_, mark)| place(mark));
    }
    for problem in &mut parsed.problems {
        (problem.line, problem.column) = (node.mark.line, node.mark.column);
    }
    loader.foreign_keys.note(&parsed);
    parsed
}

/// The roots of documents that hold something.
pub(super) fn roots(parsed: &Parsed) -> Vec<Arc<Node>> {
    let root = |document| read_as_json(document).unwrap_or_else(|| without_merge_keys(document));
    let roots = parsed.documents.iter().map(root);
    roots.filter(|root| !root.is_null()).collect()
}

/// Whether the block at the node's mark has the lines of `text`, apart from their indentation.
fn is_block(source: &str, node: &Node, text: &str) -> bool {
    let Some(block) = source.get(node.mark.range()) else { return false };
    let written = block.lines().skip(1).map(str::trim).filter(|line| !line.is_empty());
    written.eq(text.lines().map(str::trim).filter(|line| !line.is_empty()))
}

/// Whether the quotes at the node's mark hold exactly `text`, on one line.
fn is_quoted(source: &str, node: &Node, text: &str) -> bool {
    let written = source.get(node.mark.range()).unwrap_or("");
    let inner = written.get(1..written.len().saturating_sub(1));
    written.starts_with(['"', '\'']) && !text.contains('\n') && inner == Some(text)
}

fn place_all(node: &mut Node, place: &dyn Fn(&mut Mark)) {
    place(&mut node.mark);
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                place(&mut entry.key_mark);
                place_all(&mut entry.value, place);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| place_all(item, place)),
        _ => {}
    }
}
