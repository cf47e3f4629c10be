//! Which files a folder takes in when it is applied, without building it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use stilltrace_manifest::tree::join;
use stilltrace_manifest::{Node, Value};

use super::files::{Files, is_within};

/// Fields of a kustomization that name other folders or files of objects.
const OBJECTS: [&str; 3] = ["resources", "bases", "components"];

/// The files that applying one folder takes in.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Files whose objects end up in the cluster.
    pub(crate) objects: BTreeSet<String>,
    /// Patches, values and whatever else a kustomization on the way names.
    pub(crate) others: BTreeSet<String>,
    folders: BTreeSet<String>,
}

/// Files by folder that takes them in.
pub(crate) struct Reach<'a> {
    files: &'a Files<'a>,
    known: RefCell<BTreeMap<String, Rc<Taken>>>,
}

impl<'a> Reach<'a> {
    /// Nothing is looked at before it is asked for.
    pub(crate) fn new(files: &'a Files<'a>) -> Self {
        Self { files, known: RefCell::default() }
    }

    /// What applying `folder` takes in: what its kustomization and those it refers to name, or,
    /// without one, all manifests in it and, when `deep`, below.
    pub(crate) fn of(&self, folder: &str, deep: bool) -> Rc<Taken> {
        // A kustomization takes in what it names, however deep that lies.
        let is_kustomization = self.files.kustomization(folder).is_some();
        let by_depth = deep && !is_kustomization;
        let key = if by_depth { format!("{folder}/**") } else { folder.to_owned() };
        if let Some(known) = self.known.borrow().get(&key) {
            return Rc::clone(known);
        }
        let mut taken = Taken::default();
        if is_kustomization {
            self.kustomization(folder, &mut taken);
        } else {
            self.plain(folder, deep, &mut taken);
        }
        let taken = Rc::new(taken);
        self.known.borrow_mut().insert(key, Rc::clone(&taken));
        taken
    }

    fn plain(&self, folder: &str, deep: bool, taken: &mut Taken) {
        let mut skip: Option<String> = None;
        for path in self.files.below(folder) {
            let parent = stilltrace_manifest::tree::parent(path);
            if parent != folder {
                if !deep || skip.as_ref().is_some_and(|outer| is_within(path, outer)) {
                    continue;
                }
                if let Some(outer) = self.files.outermost_kustomization(folder, parent) {
                    self.kustomization(&outer, taken);
                    skip = Some(outer);
                    continue;
                }
            }
            if self.files.is_manifest(path) {
                taken.objects.insert(path.clone());
            }
        }
    }

    fn kustomization(&self, folder: &str, taken: &mut Taken) {
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            if !taken.folders.insert(folder.clone()) {
                continue;
            }
            for path in self.files.referenced(&folder) {
                if self.files.kustomization(&path).is_some() {
                    open.push(path);
                } else {
                    taken.objects.insert(path);
                }
            }
            taken.others.extend(self.files.named(&folder));
        }
    }
}

impl Files<'_> {
    /// The first folder below `folder` on the way down to `inner` that has a kustomization.
    pub(crate) fn outermost_kustomization(&self, folder: &str, inner: &str) -> Option<String> {
        let start = if folder.is_empty() { 0 } else { folder.len() + 1 };
        let ends = inner.match_indices('/').map(|(at, _)| at).filter(|at| *at >= start);
        let mut candidates = ends.chain([inner.len()]).filter_map(|end| inner.get(..end));
        candidates.find(|path| self.kustomization(path).is_some()).map(str::to_owned)
    }

    /// The paths that the kustomization of a folder takes objects from, as far as they may lie in
    /// the tree.
    pub(crate) fn referenced(&self, folder: &str) -> Vec<String> {
        let Some(root) = self.kustomization(folder).and_then(|file| self.document(file)) else {
            return Vec::new();
        };
        let lists = OBJECTS.iter().filter_map(|field| root.get(field));
        let lists = lists.filter(|list| matches!(list.value, Value::Sequence(_)));
        let entries = lists.flat_map(Node::items).filter_map(Node::text);
        entries.filter_map(|path| join(folder, path)).collect()
    }

    /// Every file that any value of the folder's kustomization names.
    fn named(&self, folder: &str) -> Vec<String> {
        let Some(root) = self.kustomization(folder).and_then(|file| self.document(file)) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut open = vec![&*root];
        while let Some(node) = open.pop() {
            match &node.value {
                Value::Sequence(items) => open.extend(items),
                Value::Mapping(entries) => open.extend(entries.iter().map(|entry| &entry.value)),
                // `key=file` in generators.
                Value::Scalar(scalar) => {
                    let path = scalar.text.rsplit_once('=').map_or(&*scalar.text, |(_, path)| path);
                    let path = join(folder, path).filter(|path| self.has_file(path));
                    found.extend(path);
                }
                Value::Null => {}
            }
        }
        found
    }

    /// Files that kustomizations name for something else than their objects: patches and values.
    /// What such a file holds looks like an object and is none.
    pub(crate) fn patches(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut objects = BTreeSet::new();
        for (folder, _) in self.kustomizations() {
            found.extend(self.named(folder));
            objects.extend(self.referenced(folder));
        }
        found.retain(|path| !objects.contains(path));
        found
    }

    /// Folders with a kustomization that no other kustomization refers to, sorted. Components
    /// are not meant to be applied on their own.
    pub(crate) fn roots(&self) -> Vec<String> {
        let mut referenced = BTreeSet::new();
        let mut components = BTreeSet::new();
        for (folder, file) in self.kustomizations() {
            referenced.extend(self.referenced(folder));
            let document = self.document(file);
            let kind = document.as_ref().and_then(|root| root.get("kind")).and_then(Node::text);
            if kind == Some("Component") {
                components.insert(folder);
            }
        }
        let free = |folder: &&str| !referenced.contains(*folder) && !components.contains(*folder);
        self.kustomizations().map(|(folder, _)| folder).filter(free).map(str::to_owned).collect()
    }
}
