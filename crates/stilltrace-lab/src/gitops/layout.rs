//! Which file holds what: the folders of the repository.
//!
//! Three questions are answered differently from repository to repository: whether applications
//! are grouped by team, where routing lives (with the platform, with the application, or patched
//! in the overlay of an environment), and where sizes and image tags are set. So the same fault
//! sits in another file of another shape.

mod apps;
mod clusters;
mod platform;
mod tenants;

use serde::Deserialize;

use super::cast::Cast;
use super::draw::Draw;
use super::emit::{self, Style};
use super::objects::{Manifest, extra};
use super::value::Value;
use crate::topology::{Service, Topology};

pub(crate) use clusters::Reconciler;

/// What a scenario says about the layout; the seed decides the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LayoutWish {
    /// What applies the repository to the cluster.
    pub(crate) engine: Option<Engine>,
    /// Where routing lives.
    pub(crate) routing: Option<Place>,
    /// Where CPU, memory and proxy annotations are set.
    pub(crate) sizing: Option<Sizing>,
    /// Whether applications are grouped by team.
    pub(crate) grouping: Option<Grouping>,
    /// Where image tags are set.
    pub(crate) images: Option<Images>,
}

/// What applies the repository to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Engine {
    /// Flux: `Kustomization` objects.
    Flux,
    /// Argo CD: `Application` objects.
    Argo,
}

/// Where routing objects live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    /// Under `platform/istio/routing`, owned by the platform team.
    Platform,
    /// Next to the application.
    App,
    /// Next to the application, with the values of an environment patched in its overlay.
    Overlay,
}

/// Where sizes are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sizing {
    /// In the application's Deployment.
    App,
    /// In a patch of the environment's overlay.
    Overlay,
}

/// How applications are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Grouping {
    /// `apps/SERVICE`.
    App,
    /// `apps/TEAM/SERVICE`.
    Team,
}

/// Where image tags are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Images {
    /// `images:` of the overlay's kustomization.
    Kustomization,
    /// In the Deployment.
    Deployment,
}

/// The layout of one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What applies the repository to the cluster.
    pub(crate) engine: Engine,
    /// Where routing lives.
    pub(crate) routing: Place,
    /// Where sizes are set.
    pub(crate) sizing: Sizing,
    /// Whether applications are grouped by team.
    pub(crate) grouping: Grouping,
    /// Where image tags are set.
    pub(crate) images: Images,
}

impl Layout {
    /// What the scenario wishes, the rest as the seed draws it.
    pub(crate) fn draw(wish: &LayoutWish, seed: u64) -> Self {
        let mut draw = Draw::new(seed, "layout");
        let mut one = |options: usize| draw.index(options);
        let drawn = Self {
            engine: [Engine::Flux, Engine::Argo][one(2)],
            routing: [Place::Platform, Place::App, Place::Overlay][one(3)],
            sizing: [Sizing::App, Sizing::Overlay][one(2)],
            grouping: [Grouping::App, Grouping::Team][one(2)],
            images: [Images::Kustomization, Images::Deployment][one(2)],
        };
        Self {
            engine: wish.engine.unwrap_or(drawn.engine),
            routing: wish.routing.unwrap_or(drawn.routing),
            sizing: wish.sizing.unwrap_or(drawn.sizing),
            grouping: wish.grouping.unwrap_or(drawn.grouping),
            images: wish.images.unwrap_or(drawn.images),
        }
    }
}

/// The folder of an application.
pub(crate) fn app_folder(layout: Layout, cast: &Cast, service: &Service) -> String {
    match layout.grouping {
        Grouping::App => format!("apps/{}", service.name),
        Grouping::Team => {
            format!("apps/{}/{}", cast.team_of(&service.namespace).name, service.name)
        }
    }
}

/// The folder of the overlay that the cluster runs.
pub(crate) fn live_overlay(team: &str) -> String {
    format!("tenants/{team}/overlays/prod")
}

/// The folder of what is left from before a service moved here; nothing applies it by itself.
pub(crate) fn archive_folder(service: &str) -> String {
    format!("archive/{service}")
}

/// The style in which a file is written, and what draws the rest of it.
pub(crate) fn style_of(path: &str, seed: u64) -> (Style, Draw) {
    let mut draw = Draw::new(seed, &format!("style of {path}"));
    (Style::draw(&mut draw), draw)
}

/// A file with the values that it will hold.
#[derive(Debug, Clone, PartialEq)]
struct Draft {
    path: String,
    documents: Vec<Value>,
}

/// What the drafts of all folders are made from.
struct Plan<'a> {
    topology: &'a Topology,
    cast: &'a Cast,
    layout: Layout,
    manifests: &'a [Manifest],
    seed: u64,
}

impl Plan<'_> {
    /// The folder of an application.
    fn app_folder(&self, service: &Service) -> String {
        app_folder(self.layout, self.cast, service)
    }

    /// The objects of a kind about a service or workload of a namespace.
    fn find(&self, kind: &str, namespace: &str, of: &str) -> Option<&Manifest> {
        self.manifests
            .iter()
            .find(|m| m.kind == kind && m.namespace == namespace && m.of == of && m.extra.is_none())
    }

    /// The objects in files of their own that only a scenario asked for.
    fn extras(&self, place: impl Fn(extra::Place, &Manifest) -> bool) -> Vec<(&str, &Manifest)> {
        self.manifests
            .iter()
            .filter_map(|m| m.extra.as_ref().map(|extra| (extra.file.as_str(), extra.place, m)))
            .filter(|(_, at, m)| place(*at, m))
            .map(|(file, _, m)| (file, m))
            .collect()
    }

    /// Whether routing lies with the platform, for services as for extras.
    fn routing_is_central(&self) -> bool {
        self.layout.routing == Place::Platform
    }
}

/// All files of the repository: path and content.
pub(crate) fn files(
    topology: &Topology,
    cast: &Cast,
    layout: Layout,
    manifests: &[Manifest],
    archived: &[Manifest],
    seed: u64,
) -> Vec<(String, String)> {
    let plan = Plan { topology, cast, layout, manifests, seed };
    let mut drafts = platform::drafts(&plan);
    for service in &topology.services {
        drafts.extend(apps::drafts(&plan, service));
    }
    drafts.extend(tenants::drafts(&plan));
    drafts.extend(clusters::drafts(&plan));
    drafts.extend(archived.iter().map(|manifest| {
        let file = format!("{}.yaml", manifest.kind.to_lowercase());
        let path = format!("{}/{file}", archive_folder(&manifest.of));
        Draft { path, documents: vec![manifest.with_namespace()] }
    }));
    let mut files: Vec<_> = drafts.into_iter().map(|draft| written(&plan, &draft)).collect();
    files.push(code_owners(&plan));
    files.push(("README.md".to_owned(), readme(&plan)));
    files.sort();
    files
}

/// The objects that apply the repository to the cluster.
pub(crate) fn reconcilers(topology: &Topology, cast: &Cast, layout: Layout) -> Vec<Reconciler> {
    clusters::reconcilers(&Plan { topology, cast, layout, manifests: &[], seed: 0 })
}

/// A draft as text, in the style of whoever wrote this file.
fn written(plan: &Plan, draft: &Draft) -> (String, String) {
    // Keyed by the order of folders and kinds, not by names, would be fairer; style carries no
    // meaning, so the path is good enough.
    let (style, mut draw) = style_of(&draft.path, plan.seed);
    let team = plan.cast.team_for_path(&draft.path, |part| namespace_of(plan.topology, part));
    let handle = format!("@{}/{}", plan.cast.organisation, team.name);
    let header = match draw.between(0, 9) {
        0 => vec![format!("Owner: {handle}")],
        1 => vec![format!("Questions: {handle}"), "Please keep the order of keys.".to_owned()],
        2 => vec!["See the handbook before changing anything here.".to_owned()],
        _ => Vec::new(),
    };
    (draft.path.clone(), emit::write(&draft.documents, &header, &style, &mut draw))
}

/// The namespace of the service with this name.
pub(crate) fn namespace_of(topology: &Topology, service: &str) -> Option<String> {
    topology.services.iter().find(|s| s.name == service).map(|s| s.namespace.clone())
}

fn code_owners(plan: &Plan) -> (String, String) {
    let organisation = plan.cast.organisation;
    let rule = |pattern: &str, team: &str| format!("{pattern}  @{organisation}/{team}");
    let mut lines = vec!["# Last match wins.".to_owned(), rule("*", &plan.cast.platform.name)];
    for service in &plan.topology.services {
        let team = &plan.cast.team_of(&service.namespace).name;
        lines.push(rule(&format!("/{}/", plan.app_folder(service)), team));
    }
    for (_, team) in plan.cast.tenants() {
        lines.push(rule(&format!("/tenants/{}/", team.name), &team.name));
    }
    let text = lines.join("\n") + "\n";
    let path = if plan.seed.is_multiple_of(2) { ".github/CODEOWNERS" } else { "CODEOWNERS" };
    (path.to_owned(), text)
}

fn readme(plan: &Plan) -> String {
    format!(
        "# {} platform\n\nWhat runs in `{}`. Applications under `apps/`, their environments under \
         `tenants/`, the mesh under `platform/`.\n\nOpen a pull request; the owners of the files \
         are asked for a review.\n",
        plan.cast.organisation, plan.cast.cluster
    )
}

/// A `kustomization.yaml` with resources and further fields.
fn kustomization(folder: &str, resources: Vec<String>, more: Vec<(&str, Value)>) -> Draft {
    let mut entries = vec![
        ("apiVersion".to_owned(), Value::from("kustomize.config.k8s.io/v1beta1")),
        ("kind".to_owned(), Value::from("Kustomization")),
    ];
    entries.push(("resources".to_owned(), Value::from(resources)));
    entries.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Draft { path: format!("{folder}/kustomization.yaml"), documents: vec![Value::Map(entries)] }
}
