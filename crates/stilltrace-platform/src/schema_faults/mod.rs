//! Fields that no kind has, and values that no field takes.
//!
//! Every object of Istio, of the Gateway API, of Argo CD and of Flux is compared with the fields of
//! its kind, and so are the documents of the mesh configuration wherever the reader finds them. What is misspelled or at
//! the wrong level has no effect, and nothing else would say so: the API server drops such a field
//! of an object, Istio that of a document. A value of the wrong type makes the API server refuse
//! the whole object, which then has no effect at all.
//!
//! The fields are those of the `CustomResourceDefinition` in the repository where it holds one, and
//! else those of the committed tables ([`tables`]).

mod definitions;
mod kinds;
mod message;

use std::collections::BTreeSet;
use std::sync::Arc;

use stilltrace_manifest::schema::{self, Fault, ShapeId, Table, tables};
use stilltrace_manifest::{Node, Tree};
use stilltrace_model::{ObjectRef, Refusal};

use crate::embedded;
use crate::gaps::Gaps;
use crate::installation::GENERATORS;
use crate::mesh_config::{GENERATED, is_mesh};
use crate::proxy_config::ANNOTATION;
use crate::source::Source;

use definitions::{Defined, Definitions, is_of_reconciler};
use kinds::UnknownKinds;

/// How many faults of one document are told one by one.
const MAX_OF_DOCUMENT: usize = 10;
/// How many faults of a cluster are told one by one.
const MAX_OF_CLUSTER: usize = 200;

/// Everything that was found in the objects of a cluster.
#[derive(Default)]
pub(crate) struct Found {
    faults: Vec<FaultOf>,
    /// Documents with more faults than are kept, and how many more each has.
    left_out: Vec<(Subject, usize)>,
    /// Faults of documents of which none is kept.
    more: usize,
    kinds: UnknownKinds,
}

/// A fault and the document that has it.
struct FaultOf {
    subject: Subject,
    fault: Fault,
}

/// A document that was looked at.
#[derive(Clone)]
pub(super) struct Subject {
    /// The object that it is, or that holds it.
    object: Arc<ObjectRef>,
    reader: Reader,
    /// Path from the object to the document; empty where it is the object itself.
    path: String,
}

/// Who reads a document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// The API server: the document is the object. Says whose fields it knows.
    ApiServer(&'static str),
    /// Istio's control plane; what it calls the document.
    Istio(&'static str),
}

/// Looks at all objects.
pub(crate) fn find(applied: &[Source], tree: &dyn Tree) -> Found {
    let definitions = Definitions::of(applied);
    let mut search = Search { definitions: &definitions, tree, found: Found::default() };
    for source in applied {
        search.look_at(source);
    }
    search.found
}

struct Search<'a> {
    definitions: &'a Definitions<'a>,
    tree: &'a dyn Tree,
    found: Found,
}

impl Search<'_> {
    fn look_at(&mut self, source: &Source) {
        let (group, kind) = (source.group(), source.id.kind.as_str());
        match (group, kind) {
            ("", "ConfigMap") if is_mesh(source) => {
                for (key, document) in [("mesh", "MeshConfig"), ("meshNetworks", "MeshNetworks")] {
                    self.text(source, &["data", key], document);
                }
            }
            ("apps", _) => {
                let path = ["spec", "template", "metadata", "annotations", ANNOTATION];
                self.text(source, &path, "ProxyConfig");
            }
            _ => {
                match self.definitions.of_kind(source) {
                    Defined::Shape(table, shape, of) => {
                        let reader = Reader::ApiServer(of);
                        let path = String::new();
                        self.document(source, (table, shape), &source.root, path, reader);
                    }
                    Defined::Nowhere(table) => self.found.kinds.add(source, table),
                    Defined::Elsewhere => {}
                }
                let holds = |(of, name, _): &&(&str, &str, &[&str])| *of == group && *name == kind;
                for (_, _, path) in GENERATORS.iter().filter(holds) {
                    let node = source.root.at(path).and_then(|values| values.get(GENERATED));
                    let path = format!("{}.{GENERATED}", path.join("."));
                    self.mesh(source, node, path, GENERATED_KIND);
                }
            }
        }
    }

    /// A document that is the text of a field.
    fn text(&mut self, source: &Source, path: &[&str], document: &'static str) {
        let Some(outer) = source.field().at(path) else { return };
        // A text that is no YAML mapping is reported by whoever needs its values.
        let inner = embedded::read(self.tree, outer.node());
        self.mesh(source, inner.as_ref(), outer.path().to_owned(), document);
    }

    fn mesh(&mut self, source: &Source, node: Option<&Node>, path: String, name: &'static str) {
        let table: &'static Table = &tables::MESH_CONFIG;
        if let (Some(node), Some(shape)) = (node, table.kind(tables::MESH, name)) {
            self.document(source, (table, shape), node, path, Reader::Istio(name));
        }
    }

    fn document(
        &mut self,
        source: &Source,
        (table, shape): (&Table, ShapeId),
        node: &Node,
        path: String,
        reader: Reader,
    ) {
        let left = MAX_OF_CLUSTER.saturating_sub(self.found.faults.len());
        let mut faults = schema::faults(table, shape, node, left.min(MAX_OF_DOCUMENT));
        faults.found.retain(|fault| !node.pointer(&fault.path).is_some_and(is_template));
        if faults.found.is_empty() {
            self.found.more += faults.more;
            return;
        }
        let subject = Subject { object: Arc::clone(&source.id), reader, path };
        if faults.more > 0 {
            self.found.left_out.push((subject.clone(), faults.more));
        }
        let faults = faults.found.into_iter();
        self.found.faults.extend(faults.map(|fault| FaultOf { subject: subject.clone(), fault }));
    }
}

/// Whether a value is an expression of a template that nobody filled in: to YAML, `{{ x }}` is a
/// mapping whose key is one.
fn is_template(node: &Node) -> bool {
    node.entries().first().is_some_and(|entry| entry.key.starts_with('{'))
}

fn group_of(object: &ObjectRef) -> &str {
    object.api_version.split_once('/').map_or("", |(group, _)| group)
}

/// What the values of [`GENERATED`] become.
const GENERATED_KIND: &str = "MeshConfig";

impl Found {
    /// Why the API server refuses objects. Only what is wrong in a `spec` counts: a name that YAML
    /// takes for a boolean is one to many readers that apply it. What applies objects is followed
    /// all the same: the cluster may have it from a time when it was right.
    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        let refuses = |one: &&FaultOf| {
            let by_server = matches!(one.subject.reader, Reader::ApiServer(_));
            let of_reconciler = is_of_reconciler(group_of(&one.subject.object));
            let in_spec = one.fault.path.starts_with("spec");
            by_server && !of_reconciler && one.fault.kind.refuses() && in_spec
        };
        let faults = self.faults.iter().filter(refuses);
        faults.map(|one| message::refusal(&one.subject, &one.fault)).collect()
    }

    /// Says all of it, but for what makes the API server refuse an object that is `refused` anyway.
    pub(crate) fn report(self, refused: &[Refusal], gaps: &Gaps) {
        let refused: BTreeSet<&ObjectRef> = refused.iter().map(|refusal| &refusal.object).collect();
        self.kinds.report(gaps);
        for FaultOf { subject, fault } in &self.faults {
            if fault.kind.refuses() {
                gaps.note_refused_value(&fault.mark);
                if refused.contains(&*subject.object) {
                    continue;
                }
            }
            gaps.add_gap(&message::of(subject, fault));
        }
        for (subject, more) in &self.left_out {
            gaps.add_gap(&message::more_of_document(subject, *more));
        }
        if self.more > 0 {
            gaps.add_gap(&message::more_of_cluster(self.more));
        }
    }
}
