//! Where Flux objects read their files from, and which folder of this repository that is.

use stilltrace_manifest::schema::nearest_value;
use stilltrace_manifest::yaml::Text;
use stilltrace_manifest::{Mark, Node, Object};

use super::kustomization::HOME;
use crate::gitops::claim::{Reason, Refusal};
use crate::gitops::context::Context;

/// How the paths of a source map to paths of this repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// Folders of the source and of the repository, for sources put together from parts; empty for
    /// a source that is the repository.
    parts: Vec<(String, String)>,
    is_assembled: bool,
}

impl View {
    /// The path in the repository of a path in the source.
    pub(crate) fn in_repository(&self, path: &str, at: &Mark) -> Result<String, Refusal> {
        let missing = || Refusal {
            reason: Reason::NoFolder,
            at: at.clone(),
            what: format!("the folder `{path}` is not in its source"),
        };
        let inside = crate::gitops::files::folder(path).ok_or_else(missing)?;
        if !self.is_assembled {
            return Ok(inside);
        }
        // The longest part wins: the others are further out.
        let mut best: Option<(usize, String)> = None;
        for (to, from) in &self.parts {
            let rest = match inside.strip_prefix(to.as_str()) {
                Some(rest) if to.is_empty() => rest,
                Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                    rest.trim_start_matches('/')
                }
                _ => continue,
            };
            let parts = [from.as_str(), rest];
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            if best.as_ref().is_none_or(|(length, _)| to.len() > *length) {
                best = Some((to.len(), parts.join("/")));
            }
        }
        best.map(|(_, path)| path).ok_or_else(missing)
    }
}

/// The source that a reference of `object` names.
///
/// A `GitRepository` that Git does not hold is taken for this repository: it is what Flux was
/// installed with.
pub(crate) fn of(
    reference: Option<&Node>,
    object: &Object,
    context: &Context<'_>,
) -> Result<View, Refusal> {
    let Some(reference) = reference else { return Ok(View::default()) };
    let text = |key: &str| reference.get(key).and_then(Node::text);
    let kind = text("kind").unwrap_or("GitRepository");
    let name = text("name").unwrap_or_default();
    let namespace = text("namespace").or(object.namespace()).unwrap_or(HOME);
    let refuse =
        |what: String| Refusal { reason: Reason::Artifact, at: reference.mark.clone(), what };
    match kind {
        "GitRepository" => match find(kind, namespace, name, context) {
            Some(source) => git(source, context).map(|()| View::default()),
            None => Ok(View::default()),
        },
        "ExternalArtifact" => match generator(namespace, name, context) {
            Some((generator, artifact)) => assembled(generator, artifact, context),
            None => Err(refuse(format!("nothing in Git says what the artifact `{name}` holds"))),
        },
        _ => Err(refuse(format!("its files come from {kind} `{name}`, which is not in Git"))),
    }
}

/// The file that holds the source which `object` names: a source, or what makes an artifact.
pub(crate) fn file(object: &Object, context: &Context<'_>) -> Option<String> {
    let reference = object.root.at(&["spec", "sourceRef"])?;
    let text = |key: &str| reference.get(key).and_then(Node::text);
    let (kind, name) = (text("kind").unwrap_or("GitRepository"), text("name")?);
    let namespace = text("namespace").or(object.namespace()).unwrap_or(HOME);
    let source = match kind {
        "ExternalArtifact" => generator(namespace, name, context).map(|(generator, _)| generator),
        _ => find(kind, namespace, name, context),
    };
    source.map(|source| source.mark().path.to_string())
}

/// A reference to a source that Git does not hold.
pub(crate) struct Missing<'o> {
    /// The reference.
    pub(crate) at: &'o Node,
    /// Kind, namespace and name of the source.
    pub(crate) source: String,
    /// The closest of the names that there are.
    pub(crate) near: Option<Text>,
    /// Whether Git holds any source of the kind.
    pub(crate) has_others: bool,
}

/// The reference of `object` to a source that Git does not hold. What Flux itself was installed with
/// is not asked about, and where Git holds no other source of the kind, neither are those that the
/// object is refused for anyway, nor the one that Flux calls its own.
pub(crate) fn missing<'o>(object: &'o Object, context: &Context<'_>) -> Option<Missing<'o>> {
    let reference = object.root.at(&["spec", "sourceRef"]);
    let of_chart = || object.root.at(&["spec", "chart", "spec", "sourceRef"]);
    let reference = reference.or_else(of_chart)?;
    let text = |key: &str| reference.get(key).and_then(Node::text);
    let (kind, name) = (text("kind").unwrap_or("GitRepository"), text("name")?);
    let namespace = text("namespace").or(object.namespace()).unwrap_or(HOME);
    let installs = context.written.reconcilers.iter().any(|one| one.kind() == "FluxInstance");
    let own = installs && name == HOME;
    if own || name.contains("${") || find(kind, namespace, name, context).is_some() {
        return None;
    }
    let others = context.written.sources.iter().filter(|source| source.kind() == kind);
    let others: Vec<Text> = others.map(|source| Text::from(source.name())).collect();
    let has_others = !others.is_empty();
    if !has_others && (kind != "GitRepository" || name == HOME) {
        return None;
    }
    let (near, source) = (nearest_value(name, &others), format!("{kind} {namespace}/{name}"));
    Some(Missing { at: reference, source, near, has_others })
}

/// A source by kind and name. Manifests in folders may leave out the namespace that a kustomization
/// gives them, so one without a namespace fits any.
fn find<'a>(kind: &str, namespace: &str, name: &str, context: &Context<'a>) -> Option<&'a Object> {
    let named = context.written.sources.iter();
    let mut named = named.filter(|source| source.kind() == kind && source.name() == name);
    let exact = named.clone().find(|source| source.namespace() == Some(namespace));
    exact.or_else(|| named.find(|source| source.namespace().is_none()))
}

/// Refuses a `GitRepository` that is another repository or another revision.
fn git(source: &Object, context: &Context<'_>) -> Result<(), Refusal> {
    let Some(url) = source.root.at(&["spec", "url"]) else { return Ok(()) };
    let reference = source.root.at(&["spec", "ref"]);
    let exact = ["commit", "name", "semver", "tag", "branch"];
    let revision = exact.iter().find_map(|key| reference?.get(key));
    context.accept(url, revision)
}

/// The `ArtifactGenerator` that makes an artifact, and its entry for it.
fn generator<'a>(
    namespace: &str,
    name: &str,
    context: &Context<'a>,
) -> Option<(&'a Object, &'a Node)> {
    let generators = context.written.sources.iter();
    let generators = generators.filter(|source| source.kind() == "ArtifactGenerator");
    let mut fitting = generators.filter_map(|generator| {
        let fits = generator.namespace().is_none_or(|own| own == namespace);
        let artifacts = generator.root.at(&["spec", "artifacts"]).map(Node::items)?;
        let named = |artifact: &&Node| artifact.get("name").and_then(Node::text) == Some(name);
        artifacts.iter().find(named).filter(|_| fits).map(|artifact| (generator, artifact))
    });
    let home = home_folder(context);
    let all: Vec<(&Object, &Node)> = fitting.by_ref().collect();
    // Several clusters of one repository each have their own generator of the same name.
    let near = all.iter().find(|(generator, _)| {
        home.as_ref().is_some_and(|home| generator.mark().path.contains(home.as_str()))
    });
    near.or(all.first()).copied()
}

/// The part of a path that belongs to the cluster at hand.
fn home_folder(context: &Context<'_>) -> Option<String> {
    let home = &context.home.home;
    (!home.is_empty()).then(|| format!("/{home}/"))
}

/// The view of an artifact that is copied together from Git repositories.
fn assembled(generator: &Object, artifact: &Node, context: &Context<'_>) -> Result<View, Refusal> {
    let sources = generator.root.at(&["spec", "sources"]).map(Node::items).unwrap_or_default();
    let mut parts = Vec::new();
    let mut refused = None;
    for copy in artifact.get("copy").map(Node::items).unwrap_or_default() {
        let text = |key: &str| copy.get(key).and_then(Node::text).unwrap_or_default();
        let Some((alias, from)) = text("from").strip_prefix('@').and_then(|f| f.split_once('/'))
        else {
            continue;
        };
        let aliased = |source: &&Node| source.get("alias").and_then(Node::text) == Some(alias);
        let source = sources.iter().find(aliased);
        match of(source, generator, context) {
            Ok(_) => parts.push(part(from, text("to"))),
            Err(refusal) => refused = Some(refusal),
        }
    }
    match refused {
        Some(refusal) if parts.is_empty() => Err(refusal),
        _ => Ok(View { parts, is_assembled: true }),
    }
}

/// One copy: the folder in the artifact and the folder of the repository that it holds.
fn part(from: &str, to: &str) -> (String, String) {
    let clean = |path: &str| path.trim_matches('/').trim_start_matches("./").to_owned();
    let target = clean(to.strip_prefix("@artifact").unwrap_or(to));
    let contents = from.strip_suffix("/**").or_else(|| from.strip_suffix("/*"));
    let contents = contents.or((from == "**" || from == "*").then_some(""));
    match contents {
        Some(folder) => (target, clean(folder)),
        // A folder without a pattern is copied as a whole, into a target that ends in a slash.
        None if to.ends_with('/') => {
            let name = crate::gitops::files::name_of(from.trim_end_matches('/'));
            let parts = [target.as_str(), name];
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            (parts.join("/"), clean(from))
        }
        None => (target, clean(from)),
    }
}

/// The ignore rules of a Git source: `spec.ignore` of the repository that `object` reads.
pub(crate) fn ignored<'a>(object: &Object, context: &Context<'a>) -> Option<&'a str> {
    let reference = object.root.at(&["spec", "sourceRef"])?;
    let name = reference.get("name").and_then(Node::text)?;
    let namespace = reference.get("namespace").and_then(Node::text).or(object.namespace());
    let source = find("GitRepository", namespace.unwrap_or(HOME), name, context)?;
    source.root.at(&["spec", "ignore"]).and_then(Node::text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_map_folders_of_the_artifact_to_the_repository() {
        for (from, to, expected) in [
            ("infrastructure/**", "@artifact/", ("", "infrastructure")),
            ("apps/production/**", "@artifact/production/", ("production", "apps/production")),
            ("apps", "@artifact/all/", ("all/apps", "apps")),
            ("apps", "@artifact/all", ("all", "apps")),
            ("**", "@artifact/", ("", "")),
        ] {
            let (artifact, repository) = part(from, to);
            assert_eq!((artifact.as_str(), repository.as_str()), expected, "{from} {to}");
        }
    }
}
