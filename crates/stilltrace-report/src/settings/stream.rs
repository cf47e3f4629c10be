//! Prints the settings of a large mesh without holding them all as a tree.
//!
//! Clients of one namespace do the same with most of what they call, so the text of an edge and of
//! a route table is made once and copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use stilltrace_model::{Edge, Platform, SidecarProxy, Workload, WorkloadId};

use super::{Advised, cluster, gap, hazard, pods, proxy, refusal, rest, route};
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
pub(super) fn write(platform: &Platform, hazards: &[Advised], sink: &mut dyn FnMut(&str)) {
    let mut edges: BTreeMap<&WorkloadId, Vec<&Edge>> = BTreeMap::new();
    for edge in platform.edges.values() {
        edges.entry(&edge.id.source).or_default().push(edge);
    }
    let gaps: Vec<Value> = platform.gaps.iter().map(gap).collect();
    let mut text = format!("{{\"gaps\":{}", compact(&gaps));
    text += ",\"hazards\":";
    text += &compact(&hazard::list(platform, hazards));
    if !platform.refused.is_empty() {
        let refused: Vec<Value> = platform.refused.iter().map(refusal).collect();
        text += ",\"invalid\":";
        text += &compact(&refused);
    }
    // Names are in the order of their texts, which is not that of namespaces: `a-b/c`, `a/c`.
    let described: BTreeMap<String, (&Workload, &SidecarProxy)> =
        super::described(platform).map(|one| (one.0.id.to_string(), one)).collect();
    text += ",\"pods\":{";
    for (index, (name, (workload, _))) in described.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text += &compact(name);
        text.push(':');
        text += &compact(&pods::describe(workload));
        sink(&text);
        text.clear();
    }
    text += "},\"proxies\":";
    text += &compact(&proxy::all(platform));
    text += ",\"workloads\":{";
    let mut made = Made::default();
    for (index, (name, (workload, proxy))) in described.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text += &compact(name);
        text.push(':');
        let own = edges.get(&workload.id).map(Vec::as_slice).unwrap_or_default();
        made.workload(platform, workload, proxy, own, &mut text);
        sink(&text);
        text.clear();
    }
    text += "}}\n";
    sink(&text);
}

impl<'a> Made<'a> {
    /// Appends one workload, its fields in the order of their names.
    fn workload(
        &mut self,
        platform: &'a Platform,
        workload: &Workload,
        proxy: &SidecarProxy,
        edges: &[&'a Edge],
        text: &mut String,
    ) {
        let mut fields: BTreeMap<String, Arc<str>> = BTreeMap::new();
        if let Value::Object(small) = rest(workload, proxy) {
            for (name, value) in small {
                fields.insert(name, Arc::from(compact(&value)));
            }
        }
        fields.insert("edges".to_owned(), Arc::from(self.edges(platform, proxy, edges)));
        if let Some(table) = platform.routes.get(&workload.id) {
            let key = (Arc::as_ptr(table).addr(), workload.is_gateway);
            let (http, tcp) = self.tables.entry(key).or_insert_with(|| {
                let text = |value: Value| Arc::from(compact(&value));
                (route::http(table, workload.is_gateway).map(text), route::tcp(table).map(text))
            });
            fields.extend(http.clone().map(|text| ("http".to_owned(), text)));
            fields.extend(tcp.clone().map(|text| ("tcp".to_owned(), text)));
        }
        text.push('{');
        for (index, (name, value)) in fields.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&compact(name));
            text.push(':');
            text.push_str(value);
        }
        text.push('}');
    }

    /// The edges of one workload, by host and port.
    fn edges(
        &mut self,
        platform: &'a Platform,
        proxy: &SidecarProxy,
        edges: &[&'a Edge],
    ) -> String {
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
        let mut all = String::from("{");
        for (index, (name, text)) in by_name.iter().enumerate() {
            if index > 0 {
                all.push(',');
            }
            all.push_str(&compact(&json!(name)));
            all.push(':');
            all.push_str(text);
        }
        all.push('}');
        all
    }
}
