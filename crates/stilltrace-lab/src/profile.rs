//! Who configures the proxies of a mesh.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// The Istio whose code answers in profile `istio`.
pub const ISTIO_VERSION: &str = "1.31.0";
/// Variable that names the control plane's program.
const VARIABLE: &str = "STILLTRACE_ISTIO_XDS";
/// Where `cargo xtask lab tools` builds it.
const INSIDE: &str = ".cache/istio-xds/istio-xds";

/// Who configures the proxies of a mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Profile {
    /// The lab itself, by files, from what our own reader makes of the repository. All pods share a
    /// network namespace.
    #[default]
    Static,
    /// Istio's own control-plane code, over ADS, from the manifests that the repository renders to.
    /// Every pod has a network namespace with Istio's redirect rules.
    Istio,
    /// istiod, over ADS, from an API server that Argo CD or Flux fill from the repository. The rest is
    /// as in profile `istio`.
    Cluster,
}

impl Profile {
    /// `istio` where its control plane is at hand, else `static`.
    pub fn available() -> Self {
        if control_plane().is_ok() { Self::Istio } else { Self::Static }
    }

    /// The name on the command line and in captures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Istio => "istio",
            Self::Cluster => "cluster",
        }
    }
}

/// No control plane was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoControlPlane {
    /// The place that was looked at.
    looked_at: PathBuf,
}

impl fmt::Display for NoControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no istio-xds at {}; build it with `cargo xtask lab tools`, set {VARIABLE} to it, or take \
             `--profile static`",
            self.looked_at.display()
        )
    }
}

impl std::error::Error for NoControlPlane {}

/// The program: `STILLTRACE_ISTIO_XDS`, else what was built below `.cache` in the current directory
/// or a parent of it.
pub fn control_plane() -> Result<PathBuf, NoControlPlane> {
    let named = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    find_from(named, &env::current_dir().unwrap_or_default())
}

/// [`control_plane`] with its surroundings as arguments.
fn find_from(named: Option<PathBuf>, start: &Path) -> Result<PathBuf, NoControlPlane> {
    if let Some(path) = named {
        return if path.is_file() { Ok(path) } else { Err(NoControlPlane { looked_at: path }) };
    }
    let found = start.ancestors().map(|dir| dir.join(INSIDE)).find(|path| path.is_file());
    found.ok_or_else(|| NoControlPlane { looked_at: start.join(INSIDE) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_place_and_the_remedies() {
        let missing = find_from(Some("/nonexistent/xds".into()), Path::new("/"));
        let text = missing.map_err(|error| error.to_string());
        assert!(text.is_err_and(|text| {
            text.contains("/nonexistent/xds")
                && text.contains("cargo xtask lab tools")
                && text.contains("--profile static")
        }));
    }
}
