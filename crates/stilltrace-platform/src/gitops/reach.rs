//! Which files a folder takes in when it is applied, without building it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::files::{Files, is_within};
use super::links::Links;

/// The files that applying one folder takes in.
#[derive(Debug, Default)]
pub(crate) struct Taken<'a> {
    /// Files whose objects end up in the cluster.
    pub(crate) objects: BTreeSet<&'a str>,
    /// Patches, values and whatever else a kustomization on the way names.
    pub(crate) others: BTreeSet<&'a str>,
    folders: BTreeSet<&'a str>,
}

/// Files by folder that takes them in.
pub(crate) struct Reach<'a> {
    files: &'a Files<'a>,
    known: RefCell<BTreeMap<String, Rc<Taken<'a>>>>,
}

impl<'a> Reach<'a> {
    /// Nothing is looked at before it is asked for.
    pub(crate) fn new(files: &'a Files<'a>) -> Self {
        Self { files, known: RefCell::default() }
    }

    /// What applying `folder` takes in: what its kustomization and those it refers to name, or,
    /// without one, all manifests in it and, when `deep`, below.
    pub(crate) fn of(&self, folder: &str, deep: bool) -> Rc<Taken<'a>> {
        // A kustomization takes in what it names, however deep that lies.
        let kustomization = self.files.kustomization_of(folder);
        let by_depth = deep && kustomization.is_none();
        let key = if by_depth { format!("{folder}/**") } else { folder.to_owned() };
        if let Some(known) = self.known.borrow().get(&key) {
            return Rc::clone(known);
        }
        let mut taken = Taken::default();
        if let Some((folder, _)) = kustomization {
            self.kustomization(folder, &mut taken);
        } else {
            self.plain(folder, deep, &mut taken);
        }
        let taken = Rc::new(taken);
        self.known.borrow_mut().insert(key, Rc::clone(&taken));
        taken
    }

    fn plain(&self, folder: &str, deep: bool, taken: &mut Taken<'a>) {
        let mut skip: Option<&str> = None;
        for path in self.files.below(folder) {
            let parent = stilltrace_manifest::tree::parent(path);
            if parent != folder {
                if !deep || skip.is_some_and(|outer| is_within(path, outer)) {
                    continue;
                }
                if let Some(outer) = self.files.outermost_kustomization(folder, parent) {
                    self.kustomization(outer, taken);
                    skip = Some(outer);
                    continue;
                }
            }
            if self.files.is_manifest(path) {
                taken.objects.insert(path);
            }
        }
    }

    fn kustomization(&self, folder: &'a str, taken: &mut Taken<'a>) {
        let mut open = vec![folder];
        while let Some(folder) = open.pop() {
            if !taken.folders.insert(folder) {
                continue;
            }
            let Some(links) = self.files.links(folder) else { continue };
            for path in &links.objects {
                if self.files.kustomization(path).is_some() {
                    open.push(path);
                } else {
                    taken.objects.insert(path);
                }
            }
            taken.others.extend(links.files.iter().map(String::as_str));
        }
    }
}

impl Files<'_> {
    /// The first folder below `folder` on the way down to `inner` that has a kustomization.
    pub(crate) fn outermost_kustomization(&self, folder: &str, inner: &str) -> Option<&str> {
        let start = if folder.is_empty() { 0 } else { folder.len() + 1 };
        let ends = inner.match_indices('/').map(|(at, _)| at).filter(|at| *at >= start);
        let mut candidates = ends.chain([inner.len()]).filter_map(|end| inner.get(..end));
        candidates.find_map(|path| self.kustomization_of(path)).map(|(folder, _)| folder)
    }

    /// Files that kustomizations name for something else than their objects: patches and values.
    /// What such a file holds looks like an object and is none.
    pub(crate) fn patches(&self) -> BTreeSet<&str> {
        let all = || self.all_links().map(|(_, links)| links);
        let objects: BTreeSet<&str> =
            all().flat_map(|links| &links.objects).map(String::as_str).collect();
        let named = all().flat_map(|links| &links.files).map(String::as_str);
        named.filter(|path| !objects.contains(path)).collect()
    }

    /// Folders with a kustomization that no other kustomization refers to, sorted. Components
    /// are not meant to be applied on their own.
    pub(crate) fn roots(&self) -> Vec<String> {
        let all = self.all_links();
        let referenced: BTreeSet<&str> =
            all.flat_map(|(_, links)| &links.objects).map(String::as_str).collect();
        let free =
            |(folder, links): &(&str, &Links)| !links.is_component && !referenced.contains(folder);
        self.all_links().filter(free).map(|(folder, _)| folder.to_owned()).collect()
    }
}
