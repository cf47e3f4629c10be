//! What an `AppProject` permits: sources, destinations and the namespaces of applications.
//!
//! An application that its project does not permit is not synced at all. Projects are read as they
//! are written; where several files say something of one project (a patch beside its base), one
//! that permits is enough. What Git does not tell counts as permitted. The rules are those of Argo
//! CD's `AppProject.IsSourcePermitted`, `IsDestinationPermitted` and `IsAppNamespacePermitted`.

use stilltrace_manifest::{Node, Object};

use super::application::Application;
use super::permit::Permit;
use crate::gitops::claim::{Reason, Refusal};
use crate::gitops::context::without_user;
use crate::gitops::glob::{Stars, matches};

/// The cluster and namespace that an application goes to, as far as Git tells.
pub(super) struct Destination<'a> {
    /// The name of the cluster.
    pub(super) name: Option<&'a str>,
    /// The address of its API server.
    pub(super) server: Option<&'a str>,
    /// The namespace; empty for none.
    pub(super) namespace: &'a str,
}

/// Refuses an application or one source of it that its project does not permit; hands out what the
/// project says of objects.
pub(super) fn permit(
    application: &Application<'_>,
    source: &Node,
) -> Result<Option<Permit>, Refusal> {
    let name = application.spec.get("project").and_then(Node::text).unwrap_or("default");
    let projects: Vec<Object> = application
        .context
        .written
        .projects
        .iter()
        .filter(|project| project.name() == name && project.root.get("spec").is_some())
        .cloned()
        .collect();
    let Some(first) = projects.first() else { return Ok(None) };
    let refuse = |at: &Node, what: String| {
        Err(Refusal { reason: Reason::NotPermitted, at: at.mark.clone(), what })
    };
    let says = format!("its project `{name}` ({}) does not permit", first.mark());
    let url = source.get("repoURL");
    let address = url.and_then(Node::text).unwrap_or_default();
    if !projects.iter().any(|project| permits_source(project, address)) {
        let what = format!("{says} the source `{}`", without_user(address));
        return refuse(url.unwrap_or(source), what);
    }
    let to = application.destination();
    if !projects.iter().any(|project| permits_destination(project, &to)) {
        let cluster = to.name.or(to.server).unwrap_or_default();
        let what = format!("{says} the namespace `{}` of cluster `{cluster}`", to.namespace);
        return refuse(application.spec.get("destination").unwrap_or(application.spec), what);
    }
    let home = application.object.namespace();
    if !projects.iter().any(|project| permits_home(project, home)) {
        let what = format!("{says} applications in namespace `{}`", home.unwrap_or_default());
        return refuse(&application.object.root, what);
    }
    let (cluster, server) = (to.name.map(str::to_owned), to.server.map(str::to_owned));
    Ok(Some(Permit { name: name.to_owned(), projects, cluster, server }))
}

/// The items of a list of a project.
pub(super) fn items<'p>(project: &'p Object, field: &str) -> &'p [Node] {
    project.root.at(&["spec", field]).map(Node::items).unwrap_or_default()
}

/// Whether a pattern with an optional `!` in front matches.
fn fits(pattern: &str, text: &str, stars: Stars) -> bool {
    match pattern.strip_prefix('!') {
        Some(denied) => !matches(denied, text, stars),
        None => pattern == "*" || matches(pattern, text, stars),
    }
}

fn permits_source(project: &Object, address: &str) -> bool {
    let address = normal(address);
    let mut permitted = false;
    for pattern in items(project, "sourceRepos").iter().filter_map(Node::text) {
        let is_denial = pattern.starts_with('!');
        let pattern = match pattern.strip_prefix('!') {
            Some(rest) => format!("!{}", normal(rest)),
            None => normal(pattern),
        };
        if fits(&pattern, &address, Stars::Names) {
            permitted = true;
        } else if is_denial {
            return false;
        }
    }
    permitted
}

/// An address as Argo CD compares it.
fn normal(address: &str) -> String {
    let mut address = address.trim().to_lowercase();
    let has_scheme = address.contains("://");
    if !has_scheme && address.contains('@') {
        address = address.replacen(':', "/", 1);
    }
    let address = address.strip_suffix(".git").unwrap_or(&address);
    address.strip_prefix("ssh://").unwrap_or(address).to_owned()
}

/// Whether a project permits a namespace of a cluster.
pub(super) fn permits_destination(project: &Object, to: &Destination<'_>) -> bool {
    let mut permitted = false;
    for item in items(project, "destinations") {
        let text = |field: &str| item.get(field).and_then(Node::text).unwrap_or_default();
        let (name, server, namespace) = (text("name"), text("server"), text("namespace"));
        let fits_field = |pattern: &str, known: Option<&str>| {
            known.map(|known| fits(pattern, known, Stars::Everything))
        };
        let (by_name, by_server) = (fits_field(name, to.name), fits_field(server, to.server));
        let unknown =
            by_name.is_none() && !name.is_empty() || by_server.is_none() && !server.is_empty();
        let in_namespace = fits(namespace, to.namespace, Stars::Everything);
        let (by_name, by_server) = (by_name.unwrap_or(false), by_server.unwrap_or(false));
        if (by_name || by_server || unknown) && in_namespace {
            permitted = true;
            continue;
        }
        let denied = |pattern: &str, fits: bool| !fits && pattern.starts_with('!');
        if in_namespace && (denied(name, by_name) || denied(server, by_server))
            || denied(namespace, in_namespace) && by_server
        {
            return false;
        }
    }
    permitted
}

/// Applications beside their project are always permitted; elsewhere `sourceNamespaces` says,
/// whose patterns may be regular expressions between slashes, which count as fitting.
fn permits_home(project: &Object, home: Option<&str>) -> bool {
    let (Some(home), Some(own)) = (home, project.namespace()) else { return true };
    let mut patterns = items(project, "sourceNamespaces").iter().filter_map(Node::text);
    let is_expression = |pattern: &str| pattern.len() > 1 && pattern.starts_with('/');
    home == own || patterns.any(|p| is_expression(p) || matches(p, home, Stars::Everything))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure is the test's result")]

    use stilltrace_manifest::yaml::{Budget, parse};

    use super::*;

    fn project(spec: &str) -> Object {
        let text = format!(
            "{{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {{name: p, namespace: argocd}}, spec: {spec}}}"
        );
        let parsed = parse("p.yaml", text.as_bytes(), &Budget::default());
        Object::from_node(std::sync::Arc::clone(&parsed.documents[0].root)).unwrap()
    }

    #[test]
    fn sources_are_compared_without_case_and_suffix() {
        let allowed = project("{sourceRepos: ['https://github.com/me/*']}");
        assert!(permits_source(&allowed, "https://GitHub.com/me/shop.git"));
        assert!(!permits_source(&allowed, "https://github.com/me/deep/shop"), "a star is one name");
        assert!(!permits_source(&allowed, "https://github.com/you/shop"));
        assert!(!permits_source(&project("{sourceRepos: []}"), "https://github.com/me/shop"));
        let ssh = project("{sourceRepos: ['git@github.com:me/shop.git']}");
        assert!(permits_source(&ssh, "ssh://git@github.com/me/shop"));
    }

    #[test]
    fn a_denied_source_is_refused_whatever_else_is_allowed() {
        let denied = project("{sourceRepos: ['*', '!https://github.com/you/*']}");
        assert!(permits_source(&denied, "https://github.com/me/shop"));
        assert!(!permits_source(&denied, "https://github.com/you/shop"));
    }

    #[test]
    fn a_destination_needs_cluster_and_namespace() {
        let allowed = project("{destinations: [{server: 'https://one', namespace: 'team-*'}]}");
        let to = |server, namespace| Destination { name: None, server: Some(server), namespace };
        assert!(permits_destination(&allowed, &to("https://one", "team-a")));
        assert!(!permits_destination(&allowed, &to("https://one", "kube-system")));
        assert!(!permits_destination(&allowed, &to("https://two", "team-a")));
        let named = Destination { name: Some("one"), server: None, namespace: "team-a" };
        assert!(permits_destination(&allowed, &named), "the address of `one` is not in Git");
        let denied = project(
            "{destinations: [{server: '*', namespace: '*'}, {server: '*', namespace: '!kube-system'}]}",
        );
        assert!(permits_destination(&denied, &to("https://one", "team-a")));
        assert!(!permits_destination(&denied, &to("https://one", "kube-system")));
    }

    #[test]
    fn an_application_elsewhere_needs_its_namespace_listed() {
        let listed = project("{sourceNamespaces: ['team-*']}");
        assert!(permits_home(&listed, Some("team-a")) && permits_home(&listed, Some("argocd")));
        assert!(!permits_home(&listed, Some("other")));
    }
}
