//! Builds kustomizations on all cores before anybody asks for them.
//!
//! Manifests are parsed by then. For the few other files that a kustomization names, every thread
//! reads the tree where it can be shared; else, as with revisions of a repository, the thread that
//! owns the tree reads them for the others. That thread also runs Helm for charts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use stilltrace_manifest::helm::{HelmCall, HelmRefusal, HelmRenderer};
use stilltrace_manifest::kustomize::Means;
use stilltrace_manifest::{Build, ParseCache, Tree, TreeError, kustomize};

/// Folders below which the threads cost more than they save.
const FEW: usize = 16;
/// Threads that build, at most.
const MAX_THREADS: usize = 8;
/// Bytes of a thread's stack: as many as the main thread has.
const STACK: usize = 8 << 20;

/// The content of a file, where there is one.
type Content = Result<Option<Vec<u8>>, TreeError>;
/// What Helm prints for each of several calls.
type Printed = Vec<Result<String, HelmRefusal>>;

/// What a thread asks of the one that owns the tree, and where the answer is sent to.
enum Question {
    File(String, mpsc::Sender<Content>),
    Charts(Vec<HelmCall>, mpsc::Sender<Printed>),
}

/// What folders are built from.
pub(super) struct Repository<'r> {
    /// Its files.
    pub(super) tree: &'r dyn Tree,
    /// The paths of all files, sorted.
    pub(super) paths: &'r [String],
    /// The id of a path's content.
    pub(super) id: &'r (dyn Fn(&str) -> Option<[u8; 20]> + Sync),
    /// What builds may use beside the files.
    pub(super) means: Means<'r>,
}

/// What building every folder gives, in any order. Few folders are left to whoever asks for them.
pub(super) fn build_all<'f>(
    repository: &Repository<'_>,
    folders: &[&'f str],
    cache: &ParseCache,
) -> Vec<(&'f str, Arc<Build>)> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    if threads < 2 || folders.len() < FEW {
        return Vec::new();
    }
    let Repository { tree, paths, id, means } = *repository;
    let (has_helm, shared) = (means.helm.is_some(), tree.shared());
    let Means { vendored, withheld, .. } = means;
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(folders.len()));
    let (questions, asked) = mpsc::channel::<Question>();
    thread::scope(|scope| {
        for _ in 0..threads {
            let asking = Asking { shared, questions: questions.clone(), paths, id };
            let work = || {
                // Moved here, so that the last thread to end closes the channel.
                let asking = asking;
                let helm = has_helm.then_some(&asking as &dyn HelmRenderer);
                let means = Means { helm, vendored, withheld };
                while let Some(folder) = folders.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let build = Arc::new(kustomize::build_by(&asking, folder, means, cache));
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((*folder, build));
                }
            };
            // Without any thread nothing is built here, which costs only time.
            let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        }
        drop(questions);
        for question in asked {
            answer(question, tree, means.helm);
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Answers; a thread that no longer listens needs no answer.
fn answer(question: Question, tree: &dyn Tree, helm: Option<&dyn HelmRenderer>) {
    match question {
        Question::File(path, to) => {
            let _ = to.send(tree.read(&path));
        }
        Question::Charts(calls, to) => {
            let _ = to.send(helm.map(|helm| helm.render_all(&calls)).unwrap_or_default());
        }
    }
}

/// A tree whose files another thread reads, unless it can be shared; that thread also runs Helm.
struct Asking<'t> {
    shared: Option<&'t (dyn Tree + Sync)>,
    questions: mpsc::Sender<Question>,
    /// Sorted.
    paths: &'t [String],
    id: &'t (dyn Fn(&str) -> Option<[u8; 20]> + Sync),
}

impl Asking<'_> {
    /// The answer to a question; `None` if nobody answers any more.
    fn ask<T>(&self, question: impl FnOnce(mpsc::Sender<T>) -> Question) -> Option<T> {
        let (to, answer) = mpsc::channel();
        self.questions.send(question(to)).ok()?;
        answer.recv().ok()
    }
}

impl Tree for Asking<'_> {
    fn read(&self, path: &str) -> Content {
        if let Some(tree) = self.shared {
            return tree.read(path);
        }
        let nobody = || TreeError::Unreadable {
            path: path.to_owned(),
            reason: "nobody reads files any more".to_owned(),
        };
        self.ask(|to| Question::File(path.to_owned(), to)).ok_or_else(nobody)?
    }

    fn files(&self) -> Result<Vec<String>, TreeError> {
        Ok(self.paths.to_vec())
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        (self.id)(path)
    }
}

impl HelmRenderer for Asking<'_> {
    fn render(&self, call: &HelmCall) -> Result<String, HelmRefusal> {
        let calls = std::slice::from_ref(call);
        self.render_all(calls).pop().unwrap_or_else(|| Err(unanswered()))
    }

    fn render_all(&self, calls: &[HelmCall]) -> Printed {
        let printed = self.ask(|to| Question::Charts(calls.to_vec(), to)).unwrap_or_default();
        let missing = calls.len().saturating_sub(printed.len());
        printed.into_iter().chain((0..missing).map(|_| Err(unanswered()))).collect()
    }
}

/// Only while the owner of the tree is ending.
fn unanswered() -> HelmRefusal {
    HelmRefusal::Absent { reason: "nobody runs helm any more".to_owned() }
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
            let repository =
                Repository { tree, paths: &paths, id: &|_| None, means: Means::default() };
            let mut together = build_all(&repository, &asked, &cache);
            together.sort_by_key(|(folder, _)| asked.iter().position(|one| one == folder));
            let few_cores = thread::available_parallelism().map_or(1, usize::from) < 2;
            assert_eq!(together.len(), if few_cores { 0 } else { asked.len() });
            for ((folder, build), alone) in together.iter().zip(&alone) {
                assert_eq!(**build, *alone, "{folder}");
            }
            assert!(build_all(&repository, &asked[..3], &cache).is_empty());
        }
    }
}
