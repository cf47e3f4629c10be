//! How far up kustomizations reach, where no repository says what belongs together.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// Folders that are looked at.
const MAX_FOLDERS: usize = 20_000;
/// Bytes of a kustomization that are looked at: the references of real ones fit many times.
const MAX_BYTES: u64 = 1 << 20;
/// Names a kustomization may have.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// How the names of manifests end.
const MANIFESTS: [&str; 3] = [".yaml", ".yml", ".json"];

/// The lowest folder that holds all of `folders` and every path that their kustomizations name.
///
/// `folders` are absolute and without symbolic links. Every word of a kustomization that could be a
/// path counts, so the folder may be higher than needed, never lower. Nothing is parsed and nothing
/// is an error here: whoever builds the kustomizations reports what is wrong with them.
pub fn common_root(folders: &[PathBuf]) -> PathBuf {
    let Some((first, others)) = folders.split_first() else { return PathBuf::from("/") };
    let mut root = others.iter().fold(first.clone(), |root, folder| common(&root, folder));
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    let mut pending: Vec<PathBuf> = folders.to_vec();
    while let Some(folder) = pending.pop() {
        if seen.len() > MAX_FOLDERS || !seen.insert(folder.clone()) {
            continue;
        }
        let Some(text) = kustomization(&folder) else { continue };
        for word in words(&text) {
            let Some(named) = joined(&folder, word) else { continue };
            let is_above = !named.starts_with(&root);
            if is_above {
                root = common(&root, &named);
            }
            if (is_above || !seen.contains(&named)) && named.is_dir() {
                pending.push(named);
            }
        }
    }
    root
}

fn common(a: &Path, b: &Path) -> PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

fn kustomization(folder: &Path) -> Option<String> {
    let file = NAMES.iter().find_map(|name| fs::File::open(folder.join(name)).ok())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Words that could name a folder: neither keys nor addresses nor absolute.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(|line| line.split(" #").next().unwrap_or(line));
    let lines = lines.filter(|line| !line.trim_start().starts_with('#'));
    let ends = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | '{' | '}' | ',' | '"' | '\'');
    lines.flat_map(move |line| line.split(ends)).filter(|word| {
        !matches!(*word, "" | "-" | ".")
            && !word.ends_with(':')
            && !word.contains("://")
            && !word.starts_with('/')
            // A folder called like a manifest is not worth looking at every manifest.
            && (word.starts_with("..") || !MANIFESTS.iter().any(|end| word.ends_with(end)))
    })
}

/// The path without `.` and `..`; `None` where it would leave the file system.
fn joined(folder: &Path, word: &str) -> Option<PathBuf> {
    let mut path = folder.to_path_buf();
    for part in Path::new(word).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if path.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_that_could_be_paths_are_found_in_every_notation() {
        let text = "resources:\n- ../base # why\n#- ../no\nbases: [\"../a\", '../b']\n- x: {path: ../c/d.yaml}\n- https://e/../f\n- /g\n";
        let found: Vec<&str> = words(text).collect();
        assert_eq!(found, ["../base", "../a", "../b", "../c/d.yaml"]);
    }
}
