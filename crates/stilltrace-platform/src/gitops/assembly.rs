//! The objects of one cluster while they are collected.

use std::collections::BTreeMap;
use std::sync::Arc;

use stilltrace_manifest::kustomize::is_cluster_scoped;
use stilltrace_manifest::yaml::Derivation;
use stilltrace_manifest::{Node, Object, Value};
use stilltrace_model::{Contested, Reconciler};

use super::amend::mapping;
use super::claim::{Claim, ManagedNamespace, Placement};
use super::marks::Marks;
use super::opaque;
use crate::field::location;
use crate::gaps::Gaps;
use crate::source::Source;

/// Group, kind, namespace and name of an object.
type Key = (String, String, String, String);

/// Objects of a cluster by identity.
#[derive(Default)]
pub(crate) struct Assembly {
    objects: BTreeMap<Key, Source>,
    contested: BTreeMap<Key, Contested>,
    reconcilers: Vec<Arc<Reconciler>>,
    /// Namespaces that Argo CD creates unless somebody else does.
    namespaces: Vec<(ManagedNamespace, Option<Arc<Reconciler>>)>,
    /// Secrets that other objects stand for, by kind.
    sealed: BTreeMap<&'static str, usize>,
    /// Collects what readers of this cluster cannot read.
    pub(crate) gaps: Arc<Gaps>,
}

impl Assembly {
    /// How many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// An object of the core group.
    pub(crate) fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<Object> {
        let key = (String::new(), kind.to_owned(), namespace.to_owned(), name.to_owned());
        self.objects.get(&key).map(|source| Object { root: Arc::clone(&source.root) })
    }

    /// Adds what a claim creates; where nobody says who applies it, `marks` do. Of two objects of one identity the first stays.
    pub(crate) fn add(&mut self, claim: &Claim, objects: &[Object], marks: &Marks) {
        if let Some(reconciler) = &claim.reconciler {
            self.reconcilers.push(Arc::clone(reconciler));
        }
        if let Some(namespace) = &claim.namespace {
            self.namespaces.push((namespace.clone(), claim.reconciler.clone()));
        }
        for object in objects {
            if let Some(kind) = opaque::makes_secret(object) {
                *self.sealed.entry(kind).or_default() += 1;
            }
            self.insert(object, claim, marks);
        }
    }

    fn insert(&mut self, object: &Object, claim: &Claim, marks: &Marks) {
        let namespace = place(object, &claim.placement);
        let reconciler = claim.reconciler.clone().or_else(|| marks.writer(object, &namespace));
        let source = Source::new(object, namespace, reconciler, &self.gaps);
        let key = (
            source.group().to_owned(),
            source.id.kind.clone(),
            source.id.namespace.clone(),
            source.id.name.clone(),
        );
        let Some(first) = self.objects.get(&key) else {
            self.objects.insert(key, source);
            return;
        };
        let same = Arc::ptr_eq(&first.root, &source.root)
            || first.root.mark == source.root.mark && first.root == source.root;
        if !same {
            self.gaps.add(
                format!("{} is applied twice: {}", first.id, twice(first, &source)),
                "the last one applied wins, and Git does not say which that is; the first is shown",
                "remove one of them, or read one cluster's folder at a time",
            );
        }
        let (Some(one), Some(two)) = (&first.reconciler, &source.reconciler) else { return };
        if one.object == two.object {
            return;
        }
        let contested = self.contested.entry(key).or_insert_with(|| Contested {
            object: Arc::clone(&first.id),
            claims: vec![(location(&first.root.mark), Reconciler::clone(one))],
            differs: false,
        });
        contested.differs |= !same;
        if !contested.claims.iter().any(|(_, known)| known.object == two.object) {
            contested.claims.push((location(&source.root.mark), Reconciler::clone(two)));
        }
    }

    /// The objects sorted by kind, namespace and name, what several reconcilers claim, and all
    /// reconcilers.
    pub(crate) fn finish(mut self) -> (Vec<Source>, Vec<Contested>, Vec<Reconciler>, Arc<Gaps>) {
        for (namespace, reconciler) in std::mem::take(&mut self.namespaces) {
            let name = namespace.name.text().unwrap_or_default().to_owned();
            let key = (String::new(), "Namespace".to_owned(), String::new(), name);
            if let Some(object) = created(&namespace).filter(|_| !self.objects.contains_key(&key)) {
                let source = Source::new(&object, String::new(), reconciler, &self.gaps);
                self.objects.insert(key, source);
            }
        }
        for (kind, count) in &self.sealed {
            self.gaps.add(
                format!("{count} Secrets come from objects of kind {kind}"),
                "their values are not in Git and not part of the answer",
                "nothing to do: Stilltrace reads no Secrets",
            );
        }
        let mut reconcilers: Vec<Reconciler> = Vec::new();
        for reconciler in &self.reconcilers {
            if !reconcilers.iter().any(|known| known == &**reconciler) {
                reconcilers.push(Reconciler::clone(reconciler));
            }
        }
        let contested = self.contested.into_values().collect();
        (self.objects.into_values().collect(), contested, reconcilers, self.gaps)
    }
}

/// The namespace object that Argo CD creates.
fn created(namespace: &ManagedNamespace) -> Option<Object> {
    let mark = &namespace.metadata.mark;
    let made = |text: &str| Node::string(text, mark.clone()).derived(Derivation::Generated);
    let mut metadata = namespace.metadata.clone();
    if metadata.is_null() {
        metadata.value = Value::Mapping(Vec::new());
    }
    metadata.set("name", &namespace.name.mark, namespace.name.clone());
    let parts = [
        ("apiVersion", Some(made("v1"))),
        ("kind", Some(made("Namespace"))),
        ("metadata", Some(metadata)),
    ];
    Object::from_node(mapping(mark, parts))
}

/// The namespace that an object ends up in; empty for cluster-scoped kinds.
pub(crate) fn place(object: &Object, placement: &Placement) -> String {
    if is_cluster_scoped(object.group(), object.kind()) {
        return String::new();
    }
    let written = object.namespace();
    let namespace = match placement {
        Placement::Fallback(target) => written.unwrap_or(target),
        Placement::AsWritten => written.unwrap_or("default"),
    };
    namespace.to_owned()
}

/// Where two objects of one name come from; of one line, who makes what of it.
fn twice(first: &Source, second: &Source) -> String {
    let (one, two) = (first.root.mark.to_string(), second.root.mark.to_string());
    if one != two {
        return format!("{one} and {two}");
    }
    match (&first.reconciler, &second.reconciler) {
        (Some(first), Some(second)) if first.object != second.object => {
            format!(
                "{one}, changed in one way by {} and in another by {}",
                first.object, second.object
            )
        }
        _ => format!("{one}, built in two folders that change it in different ways"),
    }
}
