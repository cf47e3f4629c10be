//! `images`: other names, tags and digests for container images.

use std::cell::LazyCell;

use regex_lite::Regex;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Node, Piece, Text, Value};

use super::fields::{FieldSpec, visit};
use super::resource::Resource;

/// One entry of `images`.
struct Replacement<'a> {
    /// What every image begins with that the pattern finds: most images are told by it without
    /// the pattern, whose making costs more than all the rest.
    beginning: &'a str,
    /// Whether the name is nothing but that beginning.
    is_plain: bool,
    /// `None` when the name is no valid pattern: Kustomize finds no image then.
    pattern: LazyCell<Option<Regex>, Box<dyn Fn() -> Option<Regex> + 'a>>,
    new_name: Option<&'a Node>,
    new_tag: Option<&'a Node>,
    digest: Option<&'a Node>,
    tag_suffix: Option<&'a Node>,
}

/// Applies one entry of `images` to all containers and to the fields of `specs`.
///
/// Kustomize looks for containers at any depth first and for its listed fields then, so that a tag
/// suffix is added twice where both find the same image; so does this.
pub(super) fn replace_images(
    resources: &mut [Resource],
    entry: &Node,
    specs: &[FieldSpec],
) -> Result<(), Problem> {
    let replacement = read(entry);
    let is_definition = |resource: &Resource| resource.object.kind() == "CustomResourceDefinition";
    for resource in resources.iter_mut().filter(|resource| !is_definition(resource)) {
        if has_containers(&resource.object.root) {
            visit_containers(resource.object.root_mut(), &replacement)?;
        }
        for spec in specs {
            if !spec.matches(&resource.object) || !leads_on(&resource.object.root, &spec.path) {
                continue;
            }
            visit(resource.object.root_mut(), &spec.path, None, &mut |image| {
                replacement.apply(image)
            })?;
        }
    }
    Ok(())
}

fn read(entry: &Node) -> Replacement<'_> {
    let field = |key| entry.get(key).filter(|node| node.text().is_some_and(|t| !t.is_empty()));
    let text = entry.get("name").and_then(Node::text).unwrap_or("");
    // Kustomize takes the name as a regular expression; a digest is one of the OCI grammar.
    let rest = "(:[a-zA-Z0-9_.{}-]*)?\
                (@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{}-]*)?$";
    Replacement {
        beginning: beginning(text),
        is_plain: beginning(text).len() == text.len(),
        pattern: LazyCell::new(Box::new(move || Regex::new(&format!("^{text}{rest}")).ok())),
        new_name: field("newName"),
        new_tag: field("newTag"),
        digest: field("digest"),
        tag_suffix: field("tagSuffix"),
    }
}

/// The characters of a pattern up to the first that may mean something else than itself.
fn beginning(pattern: &str) -> &str {
    if pattern.contains('|') {
        return "";
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | ':' | '@');
    let Some(end) = pattern.find(|c| !is_plain(c)) else { return pattern };
    let (plain, rest) = pattern.split_at(end);
    // A quantifier may let the character before it be absent.
    let is_quantified = rest.starts_with(['*', '?', '{', '+']);
    if is_quantified { &plain[..plain.len().saturating_sub(1)] } else { plain }
}

/// Whether the first two steps of a path exist, so that other objects need not be copied.
fn leads_on(root: &Node, path: &str) -> bool {
    let mut steps = path.split('/').map(|step| step.trim_end_matches("[]"));
    let (first, second) = (steps.next().unwrap_or(""), steps.next());
    root.get(first).is_some_and(|node| match (second, &node.value) {
        (Some(second), Value::Mapping(_)) => node.get(second).is_some(),
        _ => true,
    })
}

/// Whether the object has containers at all, so that others need not be copied.
fn has_containers(node: &Node) -> bool {
    match &node.value {
        Value::Mapping(entries) => entries.iter().any(|entry| {
            matches!(entry.key.as_str(), "containers" | "initContainers")
                || has_containers(&entry.value)
        }),
        Value::Sequence(items) => items.iter().any(has_containers),
        _ => false,
    }
}

/// Containers are found at any depth, so that custom resources with pod templates work too.
fn visit_containers(node: &mut Node, replacement: &Replacement<'_>) -> Result<(), Problem> {
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                visit_containers(&mut entry.value, replacement)?;
                if !matches!(entry.key.as_str(), "containers" | "initContainers") {
                    continue;
                }
                for container in entry.value.items_mut().into_iter().flatten() {
                    if matches!(container.value, Value::Scalar(_) | Value::Sequence(_)) {
                        let text = format!("an item of `{}` must be a mapping", entry.key);
                        return Err(Problem::at(&container.mark, ProblemKind::Invalid, text));
                    }
                    container.get_mut("image").map_or(Ok(()), |image| replacement.apply(image))?;
                }
            }
            Ok(())
        }
        Value::Sequence(items) => {
            items.iter_mut().try_for_each(|item| visit_containers(item, replacement))
        }
        _ => Ok(()),
    }
}

impl Replacement<'_> {
    /// Whether the entry is for this image. What nearly all names and images look like is told
    /// without the pattern.
    fn finds(&self, image: &str) -> bool {
        let Some(rest) = image.strip_prefix(self.beginning) else { return false };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.{}-".contains(c);
        let is_tag = |tag: &str| tag.chars().all(allowed);
        if self.is_plain && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_tag)) {
            return true;
        }
        self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(image))
    }

    fn apply(&self, image: &mut Node) -> Result<(), Problem> {
        if matches!(image.value, Value::Sequence(_) | Value::Mapping(_)) {
            let text = "an image must be a text";
            return Err(Problem::at(&image.mark, ProblemKind::Invalid, text));
        }
        let old = image.text().unwrap_or("");
        if !self.finds(old) {
            return Ok(());
        }
        let (mut name, mut tag, mut digest) = split(old);
        // The line that matters most is the one of the version, then the one of the name.
        let mut setters = Vec::new();
        if let Some(new_name) = self.new_name {
            name = new_name.text().unwrap_or("");
            setters.push(new_name);
        }
        if let Some(suffix) = self.tag_suffix {
            // Without effect beside a new tag or digest.
            tag = Some(format!("{}{}", tag.unwrap_or_default(), suffix.text().unwrap_or("")));
            digest = None;
            setters.push(suffix);
        }
        if let Some(new_tag) = self.new_tag {
            tag = new_tag.text().map(str::to_owned);
            digest = None;
            setters.push(new_tag);
        }
        if let Some(new_digest) = self.digest {
            tag = self.new_tag.and_then(Node::text).map(str::to_owned);
            digest = new_digest.text().map(str::to_owned);
            setters.push(new_digest);
        }
        let mut new = name.to_owned();
        if let Some(tag) = tag {
            new.push(':');
            new.push_str(&tag);
        }
        if let Some(digest) = digest {
            new.push('@');
            new.push_str(&digest);
        }
        if let Some(setter) = setters.pop().filter(|_| new != old) {
            let mut set = Node::string(new, setter.mark.clone()).derived(Derivation::Image);
            set.set_overrode(setters.iter().map(|setter| setter.mark.clone()).collect());
            setters.push(setter);
            // The new value has no type of its own: what is put in its place later is read as written.
            set.set_untyped(true);
            set.set_pieces(pieces(image, &setters, set.text().unwrap_or("")));
            image.override_with(set);
        }
        Ok(())
    }
}

/// What the new reference is put together from: the fields that set a part of it, and what is left of
/// the old one.
fn pieces(old: &Node, setters: &[&Node], new: &str) -> Vec<Piece> {
    let of_setter = |setter: &&Node| Piece {
        mark: setter.mark.clone(),
        text: Text::new(setter.text().unwrap_or("")),
    };
    let set: Vec<Piece> = setters.iter().map(of_setter).collect();
    let components = |text: &str| {
        let (name, tag, digest) = split(text);
        [Some(name.to_owned()), tag, digest]
    };
    let is_set = |text: &str| set.iter().any(|piece| piece.text == text);
    let mut kept = Vec::new();
    for component in components(new).into_iter().flatten().filter(|text| !is_set(text)) {
        for piece in old.as_pieces() {
            let gives = |part: &String| {
                // The end of a tag may be set, and the rest of it kept.
                *part == component
                    || set.iter().any(|end| format!("{part}{}", end.text) == component)
            };
            let component_of = components(&piece.text).into_iter().flatten().find(gives);
            let text = piece.text.as_str();
            let is_end = component.starts_with(text) || component.ends_with(text);
            let found = component_of.or_else(|| is_end.then(|| text.to_owned()));
            kept.extend(found.map(|text| Piece { mark: piece.mark.clone(), text: text.into() }));
        }
    }
    kept.extend(set);
    kept
}

/// Name, tag and digest of an image; a `:` in front of the first `/` belongs to a port.
fn split(image: &str) -> (&str, Option<String>, Option<String>) {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.to_owned())),
        None => (image, None),
    };
    let path = rest.find('/').unwrap_or(0);
    match rest[path..].find(':') {
        Some(colon) => {
            let colon = path + colon;
            (&rest[..colon], Some(rest[colon + 1..].to_owned()), digest)
        }
        None => (rest, None, digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_port_is_no_tag() {
        let text = |s: &str| Some(s.to_owned());
        assert_eq!(split("r:5000/a/b"), ("r:5000/a/b", None, None));
        assert_eq!(split("r:5000/a:1@sha256:2"), ("r:5000/a", text("1"), text("sha256:2")));
    }

    #[test]
    fn what_a_pattern_certainly_begins_with() {
        for (pattern, plain) in [
            ("nginx", "nginx"),
            ("registry:5000/shop/cart", "registry:5000/shop/cart"),
            ("docker.io/nginx", "docker"),
            ("abc*", "ab"),
            ("abc?d", "ab"),
            ("a|b", ""),
            ("(?i)nginx", ""),
            ("*", ""),
            ("", ""),
        ] {
            assert_eq!(beginning(pattern), plain, "{pattern}");
        }
    }
}
