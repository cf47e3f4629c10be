//! The programs of a control plane, as `cargo xtask lab tools cluster` leaves them.

use std::env;
use std::path::{Path, PathBuf};

use crate::mesh::MeshError;

/// Variable that names the folder.
const VARIABLE: &str = "STILLTRACE_CONTROL_PLANE";
/// Where the programs are installed.
const INSIDE: &str = ".cache/control-plane";
/// All that must be there.
const NEEDED: [&str; 10] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "argocd",
    "source-controller",
    "kustomize-controller",
    "istiod",
    "kubectl",
    "redis-server",
    "crds",
];

/// The folder with all programs and the definitions of their kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// The folder.
    folder: PathBuf,
}

impl Tools {
    /// `STILLTRACE_CONTROL_PLANE`, else what was installed below `.cache` in the current directory
    /// or a parent of it.
    ///
    /// # Errors
    /// When one of the programs is missing; names it, and how to get it.
    pub fn find() -> Result<Self, MeshError> {
        let named = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self::find_from(named, &env::current_dir().unwrap_or_default())
    }

    /// [`Self::find`] with its surroundings as arguments.
    fn find_from(named: Option<PathBuf>, start: &Path) -> Result<Self, MeshError> {
        let inside = || start.ancestors().map(|dir| dir.join(INSIDE)).find(|path| path.is_dir());
        let folder = named.or_else(inside).unwrap_or_else(|| start.join(INSIDE));
        let missing = NEEDED.iter().map(|name| folder.join(name)).find(|path| !path.exists());
        match missing {
            None => Ok(Self { folder }),
            Some(path) => Err(MeshError::Missing {
                remedy: format!(
                    "no {}; install it with `cargo xtask lab tools cluster`, or set {VARIABLE} to a \
                     folder that has it",
                    path.display()
                ),
            }),
        }
    }

    /// One of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_what_is_missing_and_the_remedy() {
        let missing = Tools::find_from(Some("/nonexistent".into()), Path::new("/"));
        let text = missing.map_err(|error| error.to_string());
        assert!(text.is_err_and(|text| {
            text.contains("/nonexistent/etcd") && text.contains("cargo xtask lab tools cluster")
        }));
    }
}
