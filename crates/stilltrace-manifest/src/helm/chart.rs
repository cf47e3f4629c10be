//! A chart of the tree with the dependencies that lie in the tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::call::ChartFiles;
use super::dependencies;
use super::request::MissingDependencies;
use crate::problem::{Problem, ProblemKind};
use crate::tree::{Tree, join};
use crate::yaml::{Node, ParseCache};

/// Largest chart, in bytes of all its files; Helm's own limit for a packed one is 20 MB.
pub(super) const LARGEST: usize = 32 << 20;
/// Most files of a chart.
const MOST_FILES: usize = 5_000;

/// A chart as it is handed to Helm.
#[derive(Debug, Clone, Default)]
pub(super) struct Chart {
    /// Files by their path below the chart's folder.
    pub(super) files: ChartFiles,
    /// Where files lie in the tree when not at the same path below the chart's folder: the folder
    /// in the chart and the folder or archive in the tree.
    pub(super) moved: BTreeMap<String, String>,
    /// The chart's folder in the tree.
    pub(super) folder: String,
    /// Files that Helm gets in another form, as trees with the places of the original.
    pub(super) changed: BTreeMap<String, Arc<Node>>,
    /// What is left out, and why.
    pub(super) problems: Vec<Problem>,
}

impl Chart {
    /// Reads the chart in `folder`.
    ///
    /// # Errors
    /// When there is no chart, it is too large, or a dependency is missing and must not be.
    pub(super) fn read(
        tree: &dyn Tree,
        folder: &str,
        missing: MissingDependencies,
        cache: &ParseCache,
    ) -> Result<Self, Box<Problem>> {
        let folder = folder.trim_end_matches('/');
        let folder = join("", folder).unwrap_or_else(|| folder.to_owned());
        let mut chart = Self { folder: folder.clone(), ..Self::default() };
        chart.files = read_folder(tree, &folder)?;
        if !chart.files.contains_key("Chart.yaml") {
            let text = "no Chart.yaml, so there is no chart here";
            return Err(Box::new(Problem::of_file(&folder, ProblemKind::Missing, text)));
        }
        dependencies::unpack(&mut chart)?;
        dependencies::vendor(&mut chart, tree, missing, cache)?;
        chart.leave_out_remote_schemas();
        Ok(chart)
    }

    /// The path in the tree of a file of the chart; for a packed dependency the archive's path and
    /// the path inside it.
    pub(super) fn path_of(&self, file: &str) -> Arc<str> {
        let moved = self.moved.iter().rev().find_map(|(inside, outside)| {
            let rest = file.strip_prefix(inside.as_str())?.strip_prefix('/')?;
            Some(format!("{outside}/{rest}"))
        });
        let path = moved.unwrap_or_else(|| match self.folder.as_str() {
            "" => file.to_owned(),
            folder => format!("{folder}/{file}"),
        });
        Arc::from(path)
    }

    /// The text of a file, if it is one.
    pub(super) fn text(&self, file: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(file)?).ok()
    }

    /// The first document of a YAML file of the chart.
    pub(super) fn yaml(&self, file: &str, cache: &ParseCache) -> Option<Arc<Node>> {
        if let Some(changed) = self.changed.get(file) {
            return Some(Arc::clone(changed));
        }
        let bytes = self.files.get(file)?;
        let parsed = cache.parse(&self.path_of(file), None, bytes);
        parsed.documents.first().map(|document| Arc::clone(&document.root))
    }

    /// Folders of this chart and of all charts below it, each with a `/` at its end but the root.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        let charts = self.files.keys().filter_map(|file| file.strip_suffix("Chart.yaml"));
        charts.filter(|folder| is_chart_folder(folder))
    }

    /// Removes the schemas of values, so that no value is refused for its type.
    pub(super) fn leave_out_schemas(&mut self) {
        self.files.retain(|file, _| !is_schema(file));
    }

    /// Removes schemas that refer to other places: Helm would ask the network for them.
    fn leave_out_remote_schemas(&mut self) {
        let is_remote = |file: &String| is_schema(file) && self.text(file).is_some_and(refers_away);
        let remote: Vec<String> =
            self.files.keys().filter(|file| is_remote(file)).cloned().collect();
        for file in remote {
            let text = "the schema refers to other files or addresses, so values are not compared \
                        with it; put the definitions into the schema itself";
            let path = self.path_of(&file);
            self.problems.push(Problem::of_file(&path, ProblemKind::Unsupported, text));
            self.files.remove(&file);
        }
    }
}

/// Whether `folder` (empty, or ending in `/`) is a chart by its place: `charts/NAME/` and so on.
fn is_chart_folder(folder: &str) -> bool {
    let names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    names.chunks(2).all(|pair| matches!(pair, ["charts", _]))
}

fn is_schema(file: &str) -> bool {
    file.rsplit('/').next() == Some("values.schema.json")
}

/// Whether a JSON schema has a `$ref` that does not stay inside it.
fn refers_away(schema: &str) -> bool {
    schema.split("\"$ref\"").skip(1).any(|after| {
        let target = after.trim_start().strip_prefix(':').map(str::trim_start);
        !target.is_some_and(|target| target.starts_with("\"#"))
    })
}

/// All files below a folder of the tree, by their path below it.
pub(super) fn read_folder(tree: &dyn Tree, folder: &str) -> Result<ChartFiles, Box<Problem>> {
    let refused = |kind, text: String| Box::new(Problem::of_file(folder, kind, text));
    let listing = tree.files().map_err(|error| refused(ProblemKind::Missing, error.to_string()))?;
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let first = listing.partition_point(|path| path.as_str() < prefix.as_str());
    let below = listing.iter().skip(first).take_while(|path| path.starts_with(&prefix));
    let mut files = ChartFiles::new();
    let mut total = 0_usize;
    for path in below {
        let bytes = match tree.read(path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            Err(error) => return Err(refused(ProblemKind::Missing, error.to_string())),
        };
        total = total.saturating_add(bytes.len());
        if total > LARGEST || files.len() >= MOST_FILES {
            let text = format!(
                "the chart has more than {MOST_FILES} files or {LARGEST} bytes; keep what is no \
                 part of it elsewhere"
            );
            return Err(refused(ProblemKind::Budget, text));
        }
        files.insert(path[prefix.len()..].to_owned(), Arc::from(bytes));
    }
    Ok(files)
}
