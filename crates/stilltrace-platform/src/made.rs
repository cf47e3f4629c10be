//! Objects of Git that Istio makes another object of: who wrote a part of what was made.

use std::sync::Arc;

use stilltrace_manifest::{Mark, Node, Value};
use stilltrace_model::ObjectRef;

use crate::field::append;

/// An object that an object was made of.
#[derive(Debug, Clone)]
pub(crate) struct Maker {
    /// Its identity in the cluster.
    pub(crate) id: Arc<ObjectRef>,
    /// Its tree, whose marks the made object keeps.
    pub(crate) root: Arc<Node>,
}

/// The maker that wrote what begins at `mark`, and the path of that in it. What none of them wrote is
/// the first one's, as a whole.
pub(crate) fn written_by<'m>(makers: &'m [Maker], mark: &Mark) -> Option<(&'m Maker, String)> {
    let mut found =
        makers.iter().filter_map(|maker| path_to(&maker.root, mark).map(|path| (maker, path)));
    found.next().or_else(|| makers.first().map(|maker| (maker, String::new())))
}

/// The path of the outermost key or value that begins at `mark`.
fn path_to(root: &Node, mark: &Mark) -> Option<String> {
    let mut open = vec![(root, String::new())];
    while let Some((node, path)) = open.pop() {
        if node.mark == *mark {
            return Some(path);
        }
        match &node.value {
            Value::Mapping(entries) => {
                for entry in entries {
                    let mut below = path.clone();
                    append(&mut below, &entry.key);
                    if entry.key_mark == *mark {
                        return Some(below);
                    }
                    open.push((&entry.value, below));
                }
            }
            Value::Sequence(items) => {
                let items = items.iter().enumerate();
                open.extend(items.map(|(index, item)| (item, format!("{path}[{index}]"))));
            }
            Value::Scalar(_) | Value::Null => {}
        }
    }
    None
}
