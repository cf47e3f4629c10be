//! Builds kustomizations on all cores before anybody asks for them.
//!
//! Manifests are parsed by then. For the few other files that a kustomization names, every thread
//! reads the tree where it can be shared; else, as with revisions of a repository, the thread that
//! owns the tree reads them for the others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use stilltrace_manifest::{Build, ParseCache, Tree, TreeError, kustomize};

/// Folders below which the threads cost more than they save.
const FEW: usize = 16;
/// Threads that build, at most.
const MAX_THREADS: usize = 8;
/// Bytes of a thread's stack: as many as the main thread has.
const STACK: usize = 8 << 20;

/// The content of a file, where there is one.
type Content = Result<Option<Vec<u8>>, TreeError>;
/// A path, and where its content is sent to.
type Question = (String, mpsc::Sender<Content>);

/// What building every folder gives, in the order of the folders. Few folders are left to whoever
/// asks for them. `id` gives the id of a path's content.
pub(super) fn build_all<'f>(
    tree: &dyn Tree,
    paths: &[String],
    id: &(dyn Fn(&str) -> Option<[u8; 20]> + Sync),
    folders: &[&'f str],
    cache: &ParseCache,
) -> Vec<(&'f str, Arc<Build>)> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    if threads < 2 || folders.len() < FEW {
        return Vec::new();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(folders.len()));
    let (questions, asked) = mpsc::channel::<Question>();
    thread::scope(|scope| {
        for _ in 0..threads {
            let tree = Asking { shared: tree.shared(), questions: questions.clone(), paths, id };
            let work = || {
                // Moved here, so that the last thread to end closes the channel.
                let tree = tree;
                while let Some(folder) = folders.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let build = Arc::new(kustomize::build_with(&tree, folder, cache));
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((*folder, build));
                }
            };
            // Without any thread nothing is built here, which costs only time.
            let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        }
        drop(questions);
        for (path, answer) in asked {
            // A thread that no longer listens needs no answer.
            let _ = answer.send(tree.read(&path));
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A tree whose files another thread reads, unless it can be shared.
struct Asking<'t> {
    shared: Option<&'t (dyn Tree + Sync)>,
    questions: mpsc::Sender<Question>,
    /// Sorted.
    paths: &'t [String],
    id: &'t (dyn Fn(&str) -> Option<[u8; 20]> + Sync),
}

impl Tree for Asking<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        if let Some(tree) = self.shared {
            return tree.read(path);
        }
        let (sender, answer) = mpsc::channel();
        let closed = || TreeError::Unreadable {
            path: path.to_owned(),
            reason: "nobody reads files any more".to_owned(),
        };
        self.questions.send((path.to_owned(), sender)).map_err(|_| closed())?;
        answer.recv().map_err(|_| closed())?
    }

    fn files(&self) -> Result<Vec<String>, TreeError> {
        Ok(self.paths.to_vec())
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        (self.id)(path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure is the test's result")]

    use stilltrace_manifest::MemoryTree;

    use super::*;

    /// A tree that only one thread can read.
    struct Unshared(MemoryTree);

    impl Tree for Unshared {
        fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
            self.0.read(path)
        }

        fn files(&self) -> Result<Vec<String>, TreeError> {
            self.0.files()
        }
    }

    #[test]
    fn folders_built_on_all_cores_are_the_same_builds() {
        let mut files = MemoryTree::new();
        let mut folders = Vec::new();
        for number in 0..50 {
            let folder = format!("apps/{number}");
            let generator = "configMapGenerator: [{name: motd, files: [motd.txt]}]\n";
            let missing = if number % 7 == 0 { "resources: [absent.yaml]\n" } else { "" };
            files = files
                .with(&format!("{folder}/kustomization.yaml"), &format!("{generator}{missing}"))
                .with(&format!("{folder}/motd.txt"), &format!("number {number}"));
            folders.push(folder);
        }
        let (paths, cache) = (files.files().unwrap(), ParseCache::new());
        let asked: Vec<&str> = folders.iter().map(String::as_str).collect();
        let alone: Vec<Build> =
            asked.iter().map(|folder| kustomize::build_with(&files, folder, &cache)).collect();
        assert!(alone.iter().all(|build| build.objects.len() == 1));
        let unshared = Unshared(files.clone());
        for tree in [&files as &dyn Tree, &unshared] {
            let mut together = build_all(tree, &paths, &|_| None, &asked, &cache);
            together.sort_by_key(|(folder, _)| asked.iter().position(|one| one == folder));
            let few_cores = thread::available_parallelism().map_or(1, usize::from) < 2;
            assert_eq!(together.len(), if few_cores { 0 } else { asked.len() });
            for ((folder, build), alone) in together.iter().zip(&alone) {
                assert_eq!(**build, *alone, "{folder}");
            }
        }
        assert!(build_all(&files, &paths, &|_| None, &asked[..3], &cache).is_empty());
    }
}
