//! `images`: other names, tags and digests for container images.

use regex_lite::Regex;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Derivation, Node, Value};

use super::fields::visit;
use super::resource::Resource;

/// One entry of `images`.
struct Replacement<'a> {
    pattern: Regex,
    new_name: Option<&'a Node>,
    new_tag: Option<&'a Node>,
    digest: Option<&'a Node>,
    tag_suffix: Option<&'a Node>,
}

/// Applies one entry of `images` to all containers.
pub(super) fn replace_images(resources: &mut [Resource], entry: &Node) -> Result<(), Problem> {
    let replacement = read(entry)?;
    for resource in resources {
        if resource.object.kind() == "CustomResourceDefinition"
            || !names_images(&resource.object.root)
        {
            continue;
        }
        let root = resource.object.root_mut();
        visit_containers(root, &replacement);
    }
    Ok(())
}

fn read(entry: &Node) -> Result<Replacement<'_>, Problem> {
    let field = |key| entry.get(key).filter(|node| node.text().is_some_and(|t| !t.is_empty()));
    let Some(name) = field("name") else {
        let text = "an entry of `images` needs a `name`";
        return Err(Problem::at(&entry.mark, ProblemKind::Invalid, text));
    };
    // Kustomize takes the name as a regular expression too.
    let text = name.text().unwrap_or("");
    let rest = "(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$";
    let pattern = Regex::new(&format!("^{text}{rest}")).map_err(|_| {
        let text = format!("`{text}` is not a valid image name");
        Problem::at(&name.mark, ProblemKind::Invalid, text)
    })?;
    Ok(Replacement {
        pattern,
        new_name: field("newName"),
        new_tag: field("newTag"),
        digest: field("digest"),
        tag_suffix: field("tagSuffix"),
    })
}

/// Whether the object has containers or volumes at all, so that others need not be copied.
fn names_images(node: &Node) -> bool {
    match &node.value {
        Value::Mapping(entries) => entries.iter().any(|entry| {
            matches!(entry.key.as_str(), "containers" | "initContainers" | "volumes")
                || names_images(&entry.value)
        }),
        Value::Sequence(items) => items.iter().any(names_images),
        _ => false,
    }
}

/// Containers are found at any depth, so that custom resources with pod templates work too.
fn visit_containers(node: &mut Node, replacement: &Replacement<'_>) {
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                let path = match entry.key.as_str() {
                    "containers" | "initContainers" => Some("image"),
                    "volumes" => Some("image/reference"),
                    _ => None,
                };
                if let Some(path) = path {
                    visit(&mut entry.value, path, None, &mut |image| replacement.apply(image));
                }
                visit_containers(&mut entry.value, replacement);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                visit_containers(item, replacement);
            }
        }
        _ => {}
    }
}

impl Replacement<'_> {
    fn apply(&self, image: &mut Node) {
        let Some(old) = image.text() else { return };
        if !self.pattern.is_match(old) {
            return;
        }
        let (mut name, mut tag, mut digest) = split(old);
        // The line that matters most is the one of the version, then the one of the name.
        let mut setter = None;
        if let Some(new_name) = self.new_name {
            name = new_name.text().unwrap_or("");
            setter = Some(new_name);
        }
        if let Some(suffix) = self.tag_suffix {
            tag = Some(format!("{}{}", tag.unwrap_or_default(), suffix.text().unwrap_or("")));
            digest = None;
            setter = Some(suffix);
        }
        if let Some(new_tag) = self.new_tag {
            tag = new_tag.text().map(str::to_owned);
            digest = None;
            setter = Some(new_tag);
        }
        if let Some(new_digest) = self.digest {
            tag = self.new_tag.and_then(Node::text).map(str::to_owned);
            digest = new_digest.text().map(str::to_owned);
            setter = Some(new_digest);
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
        if let Some(setter) = setter.filter(|_| new != old) {
            let image_set = Node::string(new, setter.mark.clone());
            image.override_with(image_set.derived(Derivation::Image));
        }
    }
}

/// Name, tag and digest of an image; a `:` in front of the last `/` belongs to a port.
fn split(image: &str) -> (&str, Option<String>, Option<String>) {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.to_owned())),
        None => (image, None),
    };
    let path = rest.rfind('/').map_or(0, |slash| slash + 1);
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
}
