//! Generators and transformers that are written as objects.
//!
//! `generators`, `transformers` and `validators` list objects of `apiVersion: builtin` whose kind
//! names what they do and whose fields say how. They do what the fields of a kustomization do, but
//! with fields of their own choice. Kinds of other groups are programs; Kustomize runs them only on
//! request, and this build never does.

mod iam_policy;
mod value_add;

use crate::problem::{Problem, ProblemKind};
use crate::yaml::{Mark, Node};

use super::charts::{self, Chart};
use super::config::read_specs;
use super::fields::FieldSpec;
use super::generate::{self, Kind};
use super::hash::add_hashes;
use super::images::replace_images;
use super::labels::add_pairs;
use super::loader::Loader;
use super::names::{End, NamespaceChange, Subjects, extend_names};
use super::patches::{apply_json_patch, apply_patch, apply_path_or_text, apply_text};
use super::replacements;
use super::replicas::set_replicas;
use super::resource::{Behavior, Resource};

/// What a plugin needs beside its own object.
pub(super) struct Context<'a, 'b> {
    pub(super) loader: &'a mut Loader<'b>,
    /// The directory whose kustomization lists the plugin; files are named relative to it.
    pub(super) dir: &'a str,
}

/// Makes the objects of one generator, each with what to do when there is one already.
pub(super) fn generate(
    context: &mut Context<'_, '_>,
    plugin: &Resource,
) -> Result<Vec<(Resource, Behavior)>, Problem> {
    check_builtin(plugin)?;
    let root = &plugin.object.root;
    let made = match plugin.object.kind() {
        "ConfigMapGenerator" => generate::make(context, root, Kind::ConfigMap, None)?,
        "SecretGenerator" => generate::make(context, root, Kind::Secret, None)?,
        "HelmChartInflationGenerator" => {
            let made = charts::inflate(context, &Chart::of_object(root))?;
            return Ok(made.into_iter().map(|resource| (resource, Behavior::Create)).collect());
        }
        "IAMPolicyGenerator" => (iam_policy::make(root)?, Behavior::Create),
        kind => return Err(unknown(plugin, kind, "generator")),
    };
    Ok(vec![made])
}

/// Applies one transformer.
pub(super) fn transform(
    context: &mut Context<'_, '_>,
    plugin: &Resource,
    resources: &mut Vec<Resource>,
) -> Result<(), Problem> {
    check_builtin(plugin)?;
    let root = &*plugin.object.root;
    match plugin.object.kind() {
        "AnnotationsTransformer" => pairs(root, "annotations", resources),
        "HashTransformer" => {
            add_hashes(resources);
            Ok(())
        }
        "ImageTagTransformer" => {
            let image = root.get("imageTag").unwrap_or(root);
            replace_images(resources, image, &specs(root)?)
        }
        "LabelTransformer" => pairs(root, "labels", resources),
        "NamespaceTransformer" => namespace(root, resources),
        "PatchJson6902Transformer" => {
            apply_json_patch(context.loader, context.dir, root, "jsonOp", resources)
        }
        "PatchStrategicMergeTransformer" => strategic(context, root, resources),
        "PatchTransformer" => apply_patch(context.loader, context.dir, root, resources),
        "PrefixSuffixTransformer" => {
            extend(root, End::Prefix, resources)?;
            extend(root, End::Suffix, resources)
        }
        "PrefixTransformer" => extend(root, End::Prefix, resources),
        "ReplacementTransformer" => {
            let entries = root.get("replacements").map_or(&[][..], Node::items);
            replacements::apply(context, entries, resources)
        }
        "ReplicaCountTransformer" => {
            let replica = root.get("replica").unwrap_or(root);
            set_replicas(resources, replica, &specs(root)?)
        }
        "SuffixTransformer" => extend(root, End::Suffix, resources),
        "ValueAddTransformer" => value_add::apply(context, root, resources),
        kind => Err(unknown(plugin, kind, "transformer")),
    }
}

fn check_builtin(plugin: &Resource) -> Result<(), Problem> {
    if plugin.object.api_version() == "builtin" {
        return Ok(());
    }
    let text = format!(
        "`{}` is a program, which is not run; plugins of `apiVersion: builtin` are evaluated",
        plugin.object.kind()
    );
    Err(Problem::at(plugin.object.mark(), ProblemKind::Invalid, text))
}

fn unknown(plugin: &Resource, kind: &str, what: &str) -> Problem {
    let text = format!("`{kind}` is no {what}");
    Problem::at(plugin.object.mark(), ProblemKind::Invalid, text)
}

fn specs(root: &Node) -> Result<Vec<FieldSpec>, Problem> {
    root.get("fieldSpecs").map_or(Ok(Vec::new()), read_specs)
}

fn pairs(root: &Node, key: &str, resources: &mut [Resource]) -> Result<(), Problem> {
    let Some(pairs) = root.get(key) else { return Ok(()) };
    add_pairs(resources, pairs, &specs(root)?)
}

/// The text of a field with its place; an absent one is empty.
fn text<'a>(root: &'a Node, path: &[&str]) -> (&'a str, &'a Mark) {
    let node = root.at(path);
    (node.and_then(Node::text).unwrap_or(""), node.map_or(&root.mark, |node| &node.mark))
}

fn namespace(root: &Node, resources: &mut [Resource]) -> Result<(), Problem> {
    let (mode, mark) = text(root, &["setRoleBindingSubjects"]);
    let subjects = match mode {
        "" | "defaultOnly" => Subjects::Default,
        "allServiceAccounts" => Subjects::ServiceAccounts,
        "none" => Subjects::None,
        other => {
            let text = format!(
                "`{other}` is no mode; known are `defaultOnly`, `allServiceAccounts` and `none`"
            );
            return Err(Problem::at(mark, ProblemKind::Invalid, text));
        }
    };
    let (namespace, mark) = text(root, &["metadata", "namespace"]);
    if namespace.is_empty() {
        return Ok(());
    }
    let unset_only = root.get("unsetOnly").and_then(Node::as_bool).unwrap_or(false);
    let specs = specs(root)?;
    NamespaceChange { namespace, mark, specs: &specs, unset_only, subjects }.apply(resources)
}

fn extend(root: &Node, end: End, resources: &mut [Resource]) -> Result<(), Problem> {
    let added = match end {
        End::Prefix => text(root, &["prefix"]),
        End::Suffix => text(root, &["suffix"]),
    };
    if root.get("fieldSpecs").is_none_or(Node::is_null) {
        let text = "a prefix or suffix needs `fieldSpecs`, such as `- path: metadata/name`";
        return Err(Problem::at(&root.mark, ProblemKind::Invalid, text));
    }
    extend_names(resources, end, added, &specs(root)?)
}

fn strategic(
    context: &mut Context<'_, '_>,
    root: &Node,
    resources: &mut Vec<Resource>,
) -> Result<(), Problem> {
    let paths = root.get("paths").map_or(&[][..], Node::items);
    let patches = root.get("patches").filter(|text| text.text().is_some_and(|t| !t.is_empty()));
    if paths.is_empty() && patches.is_none() {
        let text = "neither `paths` nor `patches` is given";
        return Err(Problem::at(&root.mark, ProblemKind::Invalid, text));
    }
    for path in paths {
        apply_path_or_text(context.loader, context.dir, path, resources)?;
    }
    patches.map_or(Ok(()), |patches| apply_text(context.loader, patches, resources))
}
