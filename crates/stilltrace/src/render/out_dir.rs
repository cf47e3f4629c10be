//! Many folders into one, a file each.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, bail};

use stilltrace_manifest::parallel;

use super::{Form, answer, engine::Engine, progress::Progress, roots::Root};
use crate::{
    context::Context,
    output::{self, Outcome},
};

/// Renders every folder into a file of its own; those that are refused are named at the end.
pub(super) fn write(
    folder: &Path,
    roots: &[Root],
    engine: &Engine,
    form: Form,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let files = files(roots, form)?;
    fs::create_dir_all(folder)
        .with_context(|| format!("{}: the folder cannot be made", folder.display()))?;
    let progress = Progress::new("rendering", files.len(), context);
    let outcomes = parallel::map(&files, |(name, root)| {
        let written = one(folder, name, root, engine, form);
        progress.step();
        written
    });
    progress.end();
    let refused: Vec<Vec<String>> = outcomes.into_iter().filter_map(Result::err).collect();
    for lines in &refused {
        output::lines(lines);
    }
    let written = files.len() - refused.len();
    context.remarks.note(&format!(
        "{written} of {} folders written to {}",
        files.len(),
        folder.display()
    ));
    Ok(if refused.is_empty() { Outcome::Done } else { Outcome::Failed })
}

/// Renders and writes one folder; `Err` says why not, in lines for people.
fn one(
    folder: &Path,
    name: &str,
    root: &Root,
    engine: &Engine,
    form: Form,
) -> Result<(), Vec<String>> {
    let file = folder.join(name);
    let text = answer(root, engine, form).map_err(|refusal| {
        let mut lines = refusal.lines();
        if file.exists() {
            lines.push(format!("{}: is of an earlier run", file.display()));
        }
        lines
    })?;
    place(&file, &text)
        .map_err(|error| vec![format!("{}: cannot be written: {error}", file.display())])
}

/// Writes the whole file or none of it.
fn place(file: &Path, text: &str) -> io::Result<()> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let written = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, file));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// The file of every folder, named after its path in the repository: `apps/prod` is
/// `apps__prod.yaml`. A folder that was named twice is rendered once.
fn files(roots: &[Root], form: Form) -> anyhow::Result<Vec<(String, &Root)>> {
    let mut files: BTreeMap<String, &Root> = BTreeMap::new();
    for root in roots {
        let stem =
            if root.dir.is_empty() { "root".to_owned() } else { root.dir.replace('/', "__") };
        let name = format!("{stem}.{}", form.extension());
        if let Some(other) = files.get(&name) {
            if (other.tree, &other.dir) == (root.tree, &root.dir) {
                continue;
            }
            bail!(
                "{} and {} would both be written to {name}; render them in two runs",
                other.typed,
                root.typed
            );
        }
        files.insert(name, root);
    }
    Ok(files.into_iter().collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure is the test's result")]

    use super::{Form, Root, files};

    fn root(tree: usize, dir: &str) -> Root {
        Root { typed: format!("{tree}:{dir}"), tree, dir: dir.to_owned() }
    }

    #[test]
    fn files_are_named_after_the_path() {
        let roots = [root(0, "env/prod"), root(0, ""), root(0, "env/prod")];
        let files = files(&roots, Form::Plain).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["env__prod.yaml", "root.yaml"]);
    }

    #[test]
    fn two_folders_never_share_a_file() {
        let message = |roots: &[Root]| files(roots, Form::Json).unwrap_err().to_string();
        let clash = message(&[root(0, "env/prod"), root(1, "env/prod")]);
        assert!(clash.contains("0:env/prod and 1:env/prod"), "{clash}");
        assert!(message(&[root(0, "a/b"), root(0, "a__b")]).contains("a__b.json"));
    }
}
