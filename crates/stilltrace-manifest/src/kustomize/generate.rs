//! `configMapGenerator` and `secretGenerator`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::object::Object;
use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Entry, Mark, Node, Scalar, Style, Value};

use super::directory::Directory;
use super::loader::Loader;
use super::plugins::Context;
use super::resource::{Behavior, Resource, empty_mapping};
use super::shared;

/// Which kind of object is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A `ConfigMap`.
    ConfigMap,
    /// A `Secret`.
    Secret,
}

/// A value with its place.
struct Content {
    bytes: Vec<u8>,
    mark: Mark,
    derivation: Derivation,
}

/// Runs the generators that are fields of a kustomization.
pub(super) fn run(loader: &mut Loader<'_>, dir: &Directory, resources: &mut Vec<Resource>) {
    let fields = [("configMapGenerator", Kind::ConfigMap), ("secretGenerator", Kind::Secret)];
    for (field, kind) in fields {
        for entry in dir.list(field, &mut loader.problems) {
            let mut context = Context { loader, dir: &dir.dir };
            let made = make(&mut context, entry, kind, dir.field("generatorOptions"));
            let result =
                made.and_then(|(resource, behavior)| absorb(resource, behavior, resources));
            loader.problems.extend(result.err());
        }
    }
}

/// Makes the object of one generator, an entry of a field or an object of its own.
///
/// # Errors
/// When it has no name, a file is missing or a key is given twice or not allowed.
pub(super) fn make(
    context: &mut Context<'_, '_>,
    entry: &Node,
    kind: Kind,
    common: Option<&Node>,
) -> Result<(Resource, Behavior), Problem> {
    let (loader, dir) = (&mut *context.loader, context.dir);
    let identity = |key: &str| {
        let own = [entry.get(key), entry.at(&["metadata", key])];
        own.into_iter().flatten().find(|node| node.text().is_some_and(|text| !text.is_empty()))
    };
    let Some(name) = identity("name") else {
        let text = "a generator needs a `name`";
        return Err(Problem::at(&entry.mark, ProblemKind::Invalid, text));
    };
    let mut values = BTreeMap::new();
    read_env_files(loader, dir, entry, &mut values)?;
    read_literals(entry, &mut values)?;
    read_files(loader, dir, entry, &mut values)?;
    if kind == Kind::ConfigMap {
        check_tabs(&values)?;
    }
    let mut root = empty_mapping(&entry.mark);
    let mark = &entry.mark;
    let word = |text: &str| Node::string(text, mark.clone()).derived(Derivation::Generated);
    root.set("apiVersion", mark, word("v1"));
    let kind_name = if kind == Kind::Secret { "Secret" } else { "ConfigMap" };
    root.set("kind", mark, word(kind_name));
    root.set("metadata", mark, empty_mapping(mark));
    if let Some(metadata) = root.get_mut("metadata") {
        metadata.set("name", &name.mark, name.clone());
        if let Some(namespace) = identity("namespace") {
            metadata.set("namespace", &namespace.mark, namespace.clone());
        }
    }
    if kind == Kind::Secret {
        root.set("type", mark, entry.get("type").cloned().unwrap_or_else(|| word("Opaque")));
    }
    put_values(&mut root, values, kind);
    let mut options = Options::default();
    options.read(common);
    options.read(entry.get("options"));
    let needs_hash = !options.disable_hash;
    options.apply(&mut root, mark);
    let Some(object) = Object::from_node(root) else {
        return Err(Problem::at(mark, ProblemKind::Invalid, "not an object"));
    };
    let mut resource = Resource::new(object);
    resource.needs_hash = needs_hash;
    resource.generated = true;
    Ok((resource, behavior(entry)))
}

fn behavior(entry: &Node) -> Behavior {
    match entry.get("behavior").and_then(Node::text) {
        Some("merge") => Behavior::Merge,
        Some("replace") => Behavior::Replace,
        _ => Behavior::Create,
    }
}

/// `options` of a generator over `generatorOptions` of the directory.
#[derive(Default)]
struct Options {
    disable_hash: bool,
    immutable: Option<Node>,
    labels: Vec<Entry>,
    annotations: Vec<Entry>,
}

impl Options {
    fn read(&mut self, options: Option<&Node>) {
        let Some(options) = options else { return };
        if let Some(disable) = options.get("disableNameSuffixHash").and_then(Node::as_bool) {
            self.disable_hash |= disable;
        }
        if let Some(immutable) = options.get("immutable").filter(|n| n.as_bool() == Some(true)) {
            self.immutable = Some(immutable.clone());
        }
        self.labels.extend_from_slice(options.get("labels").map_or(&[], Node::entries));
        self.annotations.extend_from_slice(options.get("annotations").map_or(&[], Node::entries));
    }

    fn apply(self, root: &mut Node, mark: &Mark) {
        for (field, entries) in [("labels", self.labels), ("annotations", self.annotations)] {
            let Some(metadata) = root.get_mut("metadata").filter(|_| !entries.is_empty()) else {
                continue;
            };
            metadata.set(field, mark, empty_mapping(mark));
            let Some(pairs) = metadata.get_mut(field) else { continue };
            for entry in entries {
                let text = entry.value.text().unwrap_or("").to_owned();
                pairs.set(&entry.key, &entry.key_mark, Node::string(text, entry.value.mark));
            }
        }
        if let Some(immutable) = self.immutable {
            root.set("immutable", mark, immutable);
        }
    }
}

fn texts<'a>(entry: &'a Node, field: &str) -> Vec<&'a Node> {
    entry.get(field).map_or(&[][..], Node::items).iter().filter(|n| n.text().is_some()).collect()
}

fn insert(
    values: &mut BTreeMap<String, Content>,
    key: &str,
    content: Content,
    place: &Mark,
) -> Result<(), Problem> {
    if values.contains_key(key) {
        let text = format!("the key `{key}` is given twice");
        return Err(Problem::at(place, ProblemKind::Invalid, text));
    }
    values.insert(key.to_owned(), content);
    Ok(())
}

/// `literals`: `key=value`, with one pair of quotes around the value removed.
fn read_literals(entry: &Node, values: &mut BTreeMap<String, Content>) -> Result<(), Problem> {
    for literal in texts(entry, "literals") {
        let text = literal.text().unwrap_or("");
        let Some((key, value)) = text.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            let text = "a literal must have the form `key=value`";
            return Err(Problem::at(&literal.mark, ProblemKind::Invalid, text));
        };
        let bytes = unquoted(value).as_bytes().to_vec();
        let (mark, derivation) = (literal.mark.clone(), Derivation::Pair);
        insert(values, key, Content { bytes, mark, derivation }, &literal.mark)?;
    }
    Ok(())
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner;
        }
    }
    value
}

/// `files`: `path` or `key=path`.
fn read_files(
    loader: &mut Loader<'_>,
    dir: &str,
    entry: &Node,
    values: &mut BTreeMap<String, Content>,
) -> Result<(), Problem> {
    for file in texts(entry, "files") {
        let text = file.text().unwrap_or("");
        let (key, name) = match text.split_once('=') {
            Some((key, name)) => (key, name),
            None => (text.rsplit('/').next().unwrap_or(text), text),
        };
        let (bytes, mark) = file_content(loader, dir, file, name)?;
        let derivation = Derivation::Content;
        insert(values, key, Content { bytes, mark, derivation }, &file.mark)?;
    }
    Ok(())
}

/// `envs` and `env`: files of `KEY=value` lines.
fn read_env_files(
    loader: &mut Loader<'_>,
    dir: &str,
    entry: &Node,
    values: &mut BTreeMap<String, Content>,
) -> Result<(), Problem> {
    let mut files = texts(entry, "envs");
    files.extend(entry.get("env").filter(|node| node.text().is_some()));
    for file in files {
        let (bytes, mark) = file_content(loader, dir, file, file.text().unwrap_or(""))?;
        let source = String::from_utf8_lossy(&bytes).into_owned();
        let mut start = 0;
        for (index, raw) in source.split_inclusive('\n').enumerate() {
            let line = raw.trim_end_matches(['\n', '\r']).trim_start();
            let byte = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
            let place = Mark {
                line: byte(index + 1),
                start: byte(start),
                end: byte(start + raw.trim_end().len()),
                ..mark.clone()
            };
            start += raw.len();
            let line = line.trim_start_matches('\u{feff}');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            let (bytes, derivation) = (value.as_bytes().to_vec(), Derivation::Pair);
            let content = Content { bytes, mark: place, derivation };
            insert(values, key, content, &file.mark)?;
        }
    }
    Ok(())
}

fn file_content(
    loader: &mut Loader<'_>,
    dir: &str,
    file: &Node,
    name: &str,
) -> Result<(Vec<u8>, Mark), Problem> {
    let path = loader.file_path_of(dir, name, &file.mark)?;
    let Some(bytes) = loader.content(&path) else {
        let text = format!("the file `{name}` does not exist");
        return Err(Problem::at(&file.mark, ProblemKind::Missing, text));
    };
    let mark = Mark::of_file(&path, bytes.len());
    Ok((bytes, mark))
}

/// Texts go to `data`, other bytes to `binaryData`; a Secret holds base64 only.
/// Refuses a text of several lines that begins with a tab: Kustomize writes it as a block that its
/// own reader then refuses.
fn check_tabs(values: &BTreeMap<String, Content>) -> Result<(), Problem> {
    let stops =
        |content: &&Content| content.bytes.starts_with(b"\t") && content.bytes.contains(&b'\n');
    let Some(content) = values.values().find(stops) else { return Ok(()) };
    let text = "a text of several lines must not begin with a tab";
    Err(Problem::at(&content.mark, ProblemKind::Invalid, text))
}

fn put_values(root: &mut Node, values: BTreeMap<String, Content>, kind: Kind) {
    let mark = root.mark.clone();
    if kind == Kind::Secret {
        root.set("data", &mark, empty_mapping(&mark));
    }
    for (key, Content { bytes, mark: place, derivation }) in values {
        let (field, text, derivation) = match (kind, String::from_utf8(bytes)) {
            (Kind::Secret, Ok(text)) => ("data", base64(text.as_bytes()), Derivation::Encoded),
            (Kind::Secret, Err(error)) => ("data", base64(error.as_bytes()), Derivation::Encoded),
            (Kind::ConfigMap, Ok(text)) => ("data", text, derivation),
            (Kind::ConfigMap, Err(error)) => {
                ("binaryData", base64(error.as_bytes()), Derivation::Encoded)
            }
        };
        if root.get(field).is_none() {
            root.set(field, &mark, empty_mapping(&mark));
        }
        let scalar = Scalar { text: text.into(), style: Style::DoubleQuoted };
        if let Some(data) = root.get_mut(field) {
            let node = Node::new(Value::Scalar(scalar), place.clone()).derived(derivation);
            data.set(&key, &place, node);
        }
    }
}

/// Standard base64 with padding (RFC 4648, section 4), in lines of 70 characters if it is longer.
fn base64(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for position in 0..4_usize {
            if position <= chunk.len() {
                let six = (group >> (18 - 6 * position)) & 63;
                out.push(char::from(ALPHABET[six as usize]));
            } else {
                out.push('=');
            }
        }
    }
    if out.len() < LINE {
        return out;
    }
    // The alphabet is ASCII, so every chunk is text.
    let lines = out.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    lines.flat_map(|line| [line.into_owned(), "\n".to_owned()]).collect()
}

/// Adds a generated object, or merges it into the one of the same identity.
pub(super) fn absorb(
    mut new: Resource,
    behavior: Behavior,
    resources: &mut Vec<Resource>,
) -> Result<(), Problem> {
    let (id, mark) = (new.id(), new.object.mark().clone());
    let mut matching = resources.iter_mut().filter(|resource| resource.ever_was(&id));
    let (old, more) = (matching.next(), matching.next().is_some());
    let refuse = |text: String| Err(Problem::at(&mark, ProblemKind::Invalid, text));
    let key = new.object.key();
    match (old, behavior) {
        _ if more => refuse(format!("more than one object is {key}")),
        (None, Behavior::Create) => {
            resources.push(new);
            Ok(())
        }
        (None, _) => refuse(format!("{key} does not exist, so nothing can be merged or replaced")),
        (Some(_), Behavior::Create) => {
            refuse(format!("{key} exists; set `behavior` to `merge` or `replace`"))
        }
        (Some(old), behavior) => {
            inherit(&mut new, old, behavior);
            shared::forget(&mut new);
            *old = new;
            Ok(())
        }
    }
}

/// Takes identity, labels, annotations and, for a merge, values from the object it replaces.
fn inherit(new: &mut Resource, old: &Resource, behavior: Behavior) {
    let mut pairs = vec![&["metadata", "labels"][..], &["metadata", "annotations"]];
    if behavior == Behavior::Merge {
        pairs.extend([&["data"][..], &["binaryData"]]);
    }
    let mut before: Arc<Node> = Arc::clone(&old.object.root);
    encode_string_data(&mut before);
    let root = new.object.root_mut();
    for path in pairs {
        let Some(earlier) = before.at(path) else { continue };
        merge_pairs(root, path, earlier);
    }
    if let (Some(metadata), Some(earlier)) = (root.get_mut("metadata"), before.get("metadata")) {
        for key in ["name", "namespace"] {
            match earlier.entry(key) {
                Some(entry) => metadata.set(key, &entry.key_mark, entry.value.clone()),
                None => drop(metadata.remove(key)),
            }
        }
    }
    new.previous.clone_from(&old.previous);
    new.variables.clone_from(&old.variables);
    new.prefixes.clone_from(&old.prefixes);
    new.suffixes.clone_from(&old.suffixes);
    new.stamp.clone_from(&old.stamp);
    if let (Some(stamp), Behavior::Replace) = (&mut new.stamp, behavior) {
        // Replaced, the object comes from the generator.
        stamp.origin = None;
    }
    // An object that was not generated keeps its name when values are merged into it.
    new.needs_hash &= old.needs_hash;
}

/// Turns the `stringData` of a Secret into `data`, as Kustomize does before merging.
fn encode_string_data(root: &mut Arc<Node>) {
    if root.get("stringData").is_none() {
        return;
    }
    let root = Arc::make_mut(root);
    let Some(texts) = root.remove("stringData") else { return };
    let mark = texts.key_mark;
    if root.get("data").is_none() {
        root.set("data", &mark, empty_mapping(&mark));
    }
    let Some(data) = root.get_mut("data") else { return };
    for entry in texts.value.entries() {
        let text = base64(entry.value.text().unwrap_or("").as_bytes());
        let scalar = Scalar { text: text.into(), style: Style::DoubleQuoted };
        let value =
            Node::new(Value::Scalar(scalar), entry.value.mark.clone()).derived(Derivation::Encoded);
        data.set(&entry.key, &entry.key_mark, value);
    }
}

/// The earlier pairs at `path`, overridden by those of the new object.
fn merge_pairs(root: &mut Node, path: &[&str], earlier: &Node) {
    let (parent, key) = match path {
        [key] => (Some(root), *key),
        [first, key] => (root.get_mut(first), *key),
        _ => return,
    };
    let Some(parent) = parent else { return };
    let mut merged = earlier.clone();
    for entry in parent.get(key).map_or(&[][..], Node::entries) {
        merged.set(&entry.key, &entry.key_mark, entry.value.clone());
    }
    let mark = merged.mark.clone();
    parent.remove(key);
    parent.set(key, &mark, merged);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_as_rfc_4648_shows() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
