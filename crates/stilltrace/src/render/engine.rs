//! Folders of trees into what Kustomize prints.

use stilltrace_manifest::{
    ParseCache,
    kustomize::{self, RenderOptions, Rendered},
};
use stilltrace_sources::files::FolderTree;

use super::{Arguments, LoadRestrictor, Reorder, roots::Root};

/// The trees with what was parsed of them, shared by all threads.
#[derive(Debug)]
pub(super) struct Engine {
    trees: Vec<(FolderTree, ParseCache)>,
    options: RenderOptions,
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
    pub(super) fn new(arguments: &Arguments, trees: Vec<FolderTree>) -> Self {
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
            ..RenderOptions::default()
        };
        let trees = trees.into_iter().map(|tree| (tree, ParseCache::new())).collect();
        Self { trees, options }
    }

    /// Renders one folder.
    pub(super) fn render(&self, root: &Root) -> Result<Rendered, Refusal> {
        // Roots are made together with their trees.
        let Some((tree, cache)) = self.trees.get(root.tree) else { return Ok(Rendered::default()) };
        kustomize::render(tree, &root.dir, &self.options, cache)
            .map_err(|refusal| Refusal { folder: root.typed.clone(), refusal })
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
