//! Prints the settings of a large mesh without holding them all as a tree.
//!
//! Clients of one namespace do the same with most of what they call, so the text of an edge and of
//! a route table is made once and copied.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, mpsc};
use std::thread;

use serde_json::Value;
use stilltrace_model::{Edge, Platform, SidecarProxy, Workload, WorkloadId};

use super::{Advised, ambient, cluster, gap, hazard, pods, proxy, refusal, rest, route};
use crate::json::compact;

/// What decides about the text of an edge, beside its service.
type EdgeKey<'a> = (&'a str, u16, usize, usize, Option<u32>);

/// The texts of `http` and `tcp` of a route table.
type TableText = (Option<Arc<str>>, Option<Arc<str>>);

/// Texts that were made already.
#[derive(Default)]
struct Made<'a> {
    edges: BTreeMap<EdgeKey<'a>, Arc<str>>,
    tables: BTreeMap<(usize, bool), TableText>,
}

/// Hands the document of [`super::document`] to `sink` as one line, part by part.
pub(super) fn write<'a>(platform: &'a Platform, hazards: &[Advised], sink: &mut dyn FnMut(&str)) {
    let mut edges: BTreeMap<&WorkloadId, Vec<&Edge>> = BTreeMap::new();
    for edge in platform.edges.values() {
        edges.entry(&edge.id.source).or_default().push(edge);
    }
    let gaps: Vec<Value> = platform.gaps.iter().map(gap).collect();
    let mut text = "{".to_owned();
    if let Some(ambient) = ambient::describe(platform) {
        text += "\"ambient\":";
        text += &compact(&ambient);
        text += ",";
    }
    text += "\"gaps\":";
    text += &compact(&gaps);
    text += ",\"hazards\":";
    text += &compact(&hazard::list(platform, hazards));
    if !platform.refused.is_empty() {
        let refused: Vec<Value> = platform.refused.iter().map(refusal).collect();
        text += ",\"invalid\":";
        text += &compact(&refused);
    }
    // Names are in the order of their texts, which is not that of namespaces: `a-b/c`, `a/c`.
    let named: BTreeMap<String, Described<'_>> = super::described(platform)
        .map(|(workload, proxy)| {
            let edges = edges.remove(&workload.id).unwrap_or_default();
            (workload.id.to_string(), Described { workload, proxy, edges })
        })
        .collect();
    let described: Vec<(String, Described<'_>)> = named.into_iter().collect();
    let groups: Vec<_> = described
        .chunk_by(|(_, a), (_, b)| a.workload.id.namespace == b.workload.id.namespace)
        .flat_map(|namespace| namespace.chunks(AT_ONCE))
        .collect();
    text += ",\"pods\":{";
    sink(&text);
    let pod = |(): &mut (), one: &Described<'_>, sink: &mut dyn FnMut(&str)| {
        sink(&compact(&pods::describe(platform, one.workload)));
    };
    in_order(&groups, pod, sink);
    sink(&format!("}},\"proxies\":{},\"workloads\":{{", compact(&proxy::all(platform))));
    let workload = |made: &mut Made<'a>, one: &Described<'a>, sink: &mut dyn FnMut(&str)| {
        made.workload(platform, one, sink);
    };
    in_order(&groups, workload, sink);
    sink("}}\n");
}

/// A workload and all that is told of it.
struct Described<'a> {
    workload: &'a Workload,
    proxy: &'a SidecarProxy,
    edges: Vec<&'a Edge>,
}

/// Workloads whose text is made at once, at most. They are of one namespace, so what they have in
/// common is seldom made twice.
const AT_ONCE: usize = 32;
/// Threads that make texts, at most; more of them would wait for who prints.
const THREADS: usize = 4;

/// Hands over the members of a mapping in order: the names that `groups` gives them, and what
/// `member` makes of each, on all cores. A thread keeps what it learns from member to member.
fn in_order<'a, K: Default>(
    groups: &[&[(String, Described<'a>)]],
    member: impl Fn(&mut K, &Described<'a>, &mut dyn FnMut(&str)) + Sync,
    sink: &mut dyn FnMut(&str),
) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
    let tell =
        |known: &mut K, index: usize, group: &[(String, Described<'a>)], text: &mut String| {
            for (place, (name, one)) in group.iter().enumerate() {
                text.push_str(if index + place > 0 { "," } else { "" });
                text.push_str(&compact(name));
                text.push(':');
                member(known, one, &mut |part| text.push_str(part));
            }
        };
    thread::scope(|scope| {
        let makers: Vec<_> = (0..threads)
            .map(|first| {
                let (made, texts) = mpsc::sync_channel(1);
                let (empty, spare) = mpsc::channel::<String>();
                let tell = &tell;
                scope.spawn(move || {
                    let mut known = K::default();
                    let own = groups.iter().enumerate().skip(first).step_by(threads);
                    for (index, group) in own {
                        // Texts are long, and growing one costs more than filling it.
                        let mut text = spare.try_recv().unwrap_or_default();
                        tell(&mut known, index, group, &mut text);
                        if made.send(text).is_err() {
                            break; // Nobody reads any more.
                        }
                    }
                });
                (texts, empty)
            })
            .collect();
        // A thread that panicked ends its texts, and the scope hands the panic on.
        for (_, (texts, empty)) in groups.iter().zip(makers.iter().cycle()) {
            let Ok(mut text) = texts.recv() else { break };
            sink(&text);
            text.clear();
            // Nobody needs it after the last text.
            let _ = empty.send(text);
        }
    });
}

/// What stands in a field of a workload.
enum Field {
    /// This text.
    Text(Arc<str>),
    /// Names and texts of its edges, in the order of the names.
    Edges(BTreeMap<String, Arc<str>>),
}

impl<'a> Made<'a> {
    /// Hands over one workload, its fields in the order of their names.
    fn workload(
        &mut self,
        platform: &'a Platform,
        described: &Described<'a>,
        sink: &mut dyn FnMut(&str),
    ) {
        let Described { workload, proxy, edges } = described;
        let mut fields: BTreeMap<String, Field> = BTreeMap::new();
        if let Value::Object(small) = rest(workload, proxy) {
            for (name, value) in small {
                fields.insert(name, Field::Text(compact(&value).into()));
            }
        }
        fields.insert("edges".to_owned(), Field::Edges(self.edges(platform, proxy, edges)));
        if let Some(table) = platform.routes.get(&workload.id) {
            let key = (Arc::as_ptr(table).addr(), workload.is_gateway);
            let (http, tcp) = self.tables.entry(key).or_insert_with(|| {
                let text = |value: Value| Arc::from(compact(&value));
                (route::http(table, workload.is_gateway).map(text), route::tcp(table).map(text))
            });
            let tables = [("http", http.clone()), ("tcp", tcp.clone())].into_iter();
            fields.extend(
                tables.filter_map(|(name, text)| Some((name.to_owned(), Field::Text(text?)))),
            );
        }
        sink("{");
        for (index, (name, field)) in fields.iter().enumerate() {
            sink(if index > 0 { "," } else { "" });
            sink(&compact(name));
            sink(":");
            match field {
                Field::Text(text) => sink(text),
                Field::Edges(edges) => hand_over(edges, sink),
            }
        }
        sink("}");
    }

    /// The edges of one workload, by host and port.
    fn edges(
        &mut self,
        platform: &'a Platform,
        proxy: &SidecarProxy,
        edges: &[&'a Edge],
    ) -> BTreeMap<String, Arc<str>> {
        let mut by_name: BTreeMap<String, Arc<str>> = BTreeMap::new();
        for edge in edges {
            let Some(service) = platform.services.get(&edge.id.destination) else { continue };
            let (policy, subsets) = (Arc::as_ptr(&edge.policy), Arc::as_ptr(&edge.subsets));
            let host = service.host.as_str();
            let key = (host, edge.id.port, policy.addr(), subsets.addr(), edge.endpoints);
            if let Some(patches) = proxy::of_edge(proxy, host, edge.id.port) {
                let mut described = cluster::describe(edge, service);
                described["patched_by"] = patches;
                by_name.insert(format!("{host}|{}", edge.id.port), compact(&described).into());
                continue;
            }
            let text = self
                .edges
                .entry(key)
                .or_insert_with(|| Arc::from(compact(&cluster::describe(edge, service))));
            by_name.insert(format!("{host}|{}", edge.id.port), Arc::clone(text));
        }
        by_name
    }
}

/// Hands over a mapping whose values are texts already.
fn hand_over(texts: &BTreeMap<String, Arc<str>>, sink: &mut dyn FnMut(&str)) {
    sink("{");
    for (index, (name, text)) in texts.iter().enumerate() {
        sink(if index > 0 { "," } else { "" });
        sink(&compact(name));
        sink(":");
        sink(text);
    }
    sink("}");
}
