//! Folders of trees into what Kustomize prints.

use stilltrace_manifest::{
    ParseCache,
    helm::{Effort, HelmRenderer, NoHelm},
    kustomize::{self, RenderOptions, Rendered},
};
use stilltrace_sources::{HelmProgram, files::FolderTree};

use super::{Arguments, Form, LoadRestrictor, Reorder, roots::Root};

/// The trees with what was parsed of them, shared by all threads.
pub(super) struct Engine {
    trees: Vec<(FolderTree, ParseCache)>,
    options: RenderOptions,
    helm: Box<dyn HelmRenderer + Sync>,
}

/// Why a folder is not rendered.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The folder as typed.
    folder: String,
    refusal: kustomize::Refusal,
}

impl Engine {
    /// An engine over these trees.
    pub(super) fn new(arguments: &Arguments, form: Form, trees: Vec<FolderTree>) -> Self {
        let options = RenderOptions {
            reorder: match arguments.reorder {
                Some(Reorder::None) => kustomize::Reorder::None,
                Some(Reorder::Legacy) | None => kustomize::Reorder::Legacy,
            },
            load_restrictor: match arguments.load_restrictor {
                LoadRestrictor::RootOnly => kustomize::LoadRestrictor::RootOnly,
                LoadRestrictor::None => kustomize::LoadRestrictor::None,
            },
            enable_helm: arguments.enable_helm,
            vendored: arguments.vendored.clone(),
            helm_kube_version: arguments.helm_kube_version.clone(),
            helm_api_versions: arguments.helm_api_versions.clone(),
            // Positions cost several runs of Helm, and nobody sees them in the plain form.
            chart_effort: if form == Form::Plain {
                Effort { renders: 1 }
            } else {
                Effort::default()
            },
        };
        let trees = trees.into_iter().map(|tree| (tree, ParseCache::new())).collect();
        Self { trees, options, helm: helm(arguments) }
    }

    /// Renders one folder.
    pub(super) fn render(&self, root: &Root) -> Result<Rendered, Refusal> {
        // Roots are made together with their trees.
        let Some((tree, cache)) = self.trees.get(root.tree) else { return Ok(Rendered::default()) };
        kustomize::render_with(tree, &root.dir, &self.options, &*self.helm, cache)
            .map_err(|refusal| Refusal { folder: root.typed.clone(), refusal })
    }
}

/// The Helm that was named, or one that says why there is none.
fn helm(arguments: &Arguments) -> Box<dyn HelmRenderer + Sync> {
    let found = match &arguments.helm_command {
        _ if !arguments.enable_helm => return Box::new(NoHelm::default()),
        Some(name) => HelmProgram::named(name),
        None => HelmProgram::find(),
    };
    match found {
        Ok(helm) => Box::new(helm),
        Err(refusal) => Box::new(NoHelm::because(refusal.to_string())),
    }
}

impl Refusal {
    /// For people: the folder, the place, what is wrong and what would help.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}: not rendered: {}", self.folder, self.refusal)];
        if self.refusal.is_gap() {
            lines.push("kustomize may render it; this program does not".to_owned());
        }
        lines
    }
}
