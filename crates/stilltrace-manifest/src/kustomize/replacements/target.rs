//! Which fields a replacement fills.

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Mark, Node, Scalar, Style, Text, Value};

use super::super::output::core_tag;
use super::super::resource::{Id, Resource};
use super::super::selector::Selector;
use super::embedded;
use super::path::{Create, plain, split, visit};

/// Copies `value` into the fields that `target` selects.
///
/// # Errors
/// When a selected object lacks the field and `create` is not set.
pub(super) fn fill(target: &Node, value: &Node, resources: &mut [Resource]) -> Result<(), Problem> {
    let Some(select) = target.get("select").filter(|select| !select.is_null()) else {
        let text = "a target needs `select`";
        return Err(Problem::at(&target.mark, ProblemKind::Invalid, text));
    };
    let select = Selector::read(select)?;
    let rejects = target.get("reject").map_or(&[][..], Node::items).iter().map(Selector::read);
    let rejects = rejects.collect::<Result<Vec<Selector>, Problem>>()?;
    let options = Options::read(target.get("options"));
    let paths = paths(target);
    for resource in resources {
        if !is_target(&select, &rejects, resource) {
            continue;
        }
        for (path, place) in &paths {
            let filled = fill_field(resource, (*path, &place.mark), value, &options);
            filled.map_err(|problem| at_target(&problem, place))?;
        }
    }
    Ok(())
}

/// The paths of a target with the nodes that name them; without any it is the name.
fn paths(target: &Node) -> Vec<(&str, &Node)> {
    let paths = target.get("fieldPaths").map_or(&[][..], Node::items).iter();
    let paths: Vec<_> = paths.filter_map(|path| Some((path.text()?, path))).collect();
    if paths.is_empty() { vec![("metadata.name", target)] } else { paths }
}

/// A path that fits nothing is a problem of the path; the object is named in the text.
fn at_target(problem: &Problem, path: &Node) -> Problem {
    let text = format!("`{}`: {}", path.text().unwrap_or("metadata.name"), problem.message);
    Problem::at(&path.mark, problem.kind, text)
}

/// Labels and annotations are those of the object; name and namespace are those it has or had.
fn is_target(select: &Selector, rejects: &[Selector], resource: &Resource) -> bool {
    let object = &resource.object;
    let rejected = |reject: &Selector| reject.has_labels() && reject.selects_labels(object);
    if !select.selects_labels(object) || rejects.iter().any(rejected) {
        return false;
    }
    let count = resource.previous.len();
    let ids: Vec<Id> = resource
        .ids()
        .enumerate()
        .map(|(position, id)| {
            // The present namespace counts as written: an absent one is not `default`.
            let written = object.namespace().map(str::to_owned);
            if position < count { id } else { Id { namespace: written, ..id } }
        })
        .collect();
    let rejected =
        |reject: &Selector| reject.has_identity() && ids.iter().any(|id| reject.selects_id(id));
    !rejects.iter().any(rejected) && ids.iter().any(|id| select.selects_id(id))
}

/// `options` of a target.
struct Options<'a> {
    delimiter: &'a str,
    index: i64,
    create: bool,
}

impl<'a> Options<'a> {
    fn read(options: Option<&'a Node>) -> Self {
        let field = |key: &str| options.and_then(|options| options.get(key));
        Self {
            delimiter: field("delimiter").and_then(Node::text).unwrap_or(""),
            index: field("index").and_then(Node::as_i64).unwrap_or(0),
            create: field("create").and_then(Node::as_bool).unwrap_or(false),
        }
    }
}

fn fill_field(
    resource: &mut Resource,
    (path, place): (&str, &Mark),
    value: &Node,
    options: &Options<'_>,
) -> Result<(), Problem> {
    let parts = split(path);
    let leaf = match &value.value {
        Value::Mapping(_) => Value::Mapping(Vec::new()),
        Value::Sequence(_) => Value::Sequence(Vec::new()),
        Value::Scalar(_) | Value::Null => plain(""),
    };
    let create = options.create.then_some(Create { leaf: &leaf, mark: &value.mark, path: place });
    let mut set = |node: &mut Node| set_field(node, value, options);
    let key = resource.object.key();
    let root = resource.object.root_mut();
    if embedded::fill(root, &parts, &value.mark, create, &mut set)? {
        return Ok(());
    }
    if visit(root, &parts, create, &mut set)? == 0 {
        let text = format!("{key} has no such field; set `create: true` to make it");
        return Err(Problem::at(&value.mark, ProblemKind::Missing, text));
    }
    Ok(())
}

/// Puts the value into a field. A single value keeps its type: a number stays a number.
fn set_field(field: &mut Node, value: &Node, options: &Options<'_>) -> Result<(), Problem> {
    let mut new = value.clone();
    if !options.delimiter.is_empty() {
        let Some(tag) = core_tag(field) else {
            let text = "`delimiter` needs a single value";
            return Err(Problem::at(&field.mark, ProblemKind::Invalid, text));
        };
        let old = if tag == "!!null" { "" } else { field.text().unwrap_or("") };
        let joined = joined(old, value.text().unwrap_or(""), options);
        let derivation = if joined == value.text().unwrap_or("") {
            value.derivation()
        } else {
            Derivation::Part
        };
        let scalar = Scalar { text: Text::new(joined), style: style(value) };
        new = new.with_value(Value::Scalar(scalar)).derived(derivation);
        if derivation == Derivation::Part {
            let mut pieces = field.pieces_within(&kept(old, options));
            pieces.extend(value.as_pieces());
            new.set_pieces(pieces);
        }
    }
    let Some(tag) = core_tag(field) else {
        field.override_with(new);
        return Ok(());
    };
    let text = Text::new(new.text().unwrap_or(""));
    let is_made = field.is_untyped() && field.mark == value.mark && field.text() == Some("");
    let (style, tag) = match (style(field), tag) {
        (Style::Plain, _) if field.is_untyped() && !(is_made && text.is_empty()) => {
            (Style::Plain, None)
        }
        (Style::Plain, "!!str") => (Style::DoubleQuoted, None),
        (Style::Plain, _) if is_made && text.is_empty() => (Style::DoubleQuoted, None),
        (Style::Plain, tag) => (Style::Plain, Some(tag)),
        (style, _) => (style, None),
    };
    let mut set = new.with_value(Value::Scalar(Scalar { text, style }));
    set.set_tag(tag.map(Into::into));
    set.set_untyped(field.is_untyped() && style == Style::Plain);
    field.override_with(set);
    Ok(())
}

fn style(node: &Node) -> Style {
    match &node.value {
        Value::Scalar(scalar) => scalar.style,
        _ => Style::Plain,
    }
}

/// The parts of the old value that stay.
fn kept<'a>(old: &'a str, options: &Options<'_>) -> Vec<&'a str> {
    let parts = old.split(options.delimiter).enumerate();
    let replaced = usize::try_from(options.index).ok();
    parts.filter(|(at, _)| Some(*at) != replaced).map(|(_, part)| part).collect()
}

/// The old value with one part between delimiters replaced, or with one more at an end.
fn joined(old: &str, part: &str, options: &Options<'_>) -> String {
    let mut parts: Vec<&str> = old.split(options.delimiter).collect();
    match usize::try_from(options.index) {
        Err(_) => parts.insert(0, part),
        Ok(index) => match parts.get_mut(index) {
            Some(old) => *old = part,
            None => parts.push(part),
        },
    }
    parts.join(options.delimiter)
}
