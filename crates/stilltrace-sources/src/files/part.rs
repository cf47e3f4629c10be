//! A tree of which only one folder is listed.

use stilltrace_manifest::{Tree, TreeError};

/// Lists the files of one folder and still reads all others, which a kustomization may refer to.
pub struct Part<'a> {
    whole: &'a dyn Tree,
    folder: &'a str,
}

impl<'a> Part<'a> {
    /// The files below `folder` of `whole`; all of them where it is empty.
    pub fn new(whole: &'a dyn Tree, folder: &'a str) -> Self {
        Self { whole, folder }
    }
}

impl Tree for Part<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        self.whole.read(path)
    }

    fn files(&self) -> Result<Vec<String>, TreeError> {
        let mut files = self.whole.files()?;
        files.retain(|path| is_below(path, self.folder));
        Ok(files)
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        self.whole.content_id(path)
    }
}

/// Whether a file lies in or below a folder; the empty folder holds all.
fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure is the test's result")]

    use stilltrace_manifest::{MemoryTree, Tree};

    use super::Part;

    #[test]
    fn a_part_lists_one_folder_and_reads_all() {
        let whole =
            MemoryTree::new().with("a/x.yaml", "1").with("ab/y.yaml", "2").with("a/b/z.yaml", "3");
        let part = Part::new(&whole, "a");
        assert_eq!(part.files().unwrap(), ["a/b/z.yaml", "a/x.yaml"]);
        assert!(part.read("ab/y.yaml").unwrap().is_some());
        assert_eq!(Part::new(&whole, "").files().unwrap().len(), 3);
    }
}
