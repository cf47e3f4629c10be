//! Megabytes of manifests per second.

use std::time::Instant;

use serde_json::{Value, json};
use stilltrace_manifest::yaml::{Parsed, parse};
use stilltrace_manifest::{Budget, ParseCache, Tree, TreeError};

use crate::rounded;

/// Runs of which the fastest counts: other programs can only slow a run down.
const RUNS: usize = 5;

type Files = [(String, Vec<u8>)];

/// Files in memory whose content id is their position.
struct InMemory<'a>(&'a Files);

impl InMemory<'_> {
    fn position(&self, path: &str) -> Option<usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(path)).ok()
    }
}

impl Tree for InMemory<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        Ok(self.position(path).map(|position| self.0[position].1.clone()))
    }

    fn files(&self) -> Result<Vec<String>, TreeError> {
        Ok(self.0.iter().map(|(path, _)| path.clone()).collect())
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        let mut id = [0; 20];
        id[..8].copy_from_slice(&self.position(path)?.to_le_bytes());
        Some(id)
    }
}

fn fastest(mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

/// Parses all files on one core and on all.
pub(crate) fn measure(files: &Files) -> Value {
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let all = || -> Vec<Parsed> {
        files.iter().map(|(path, bytes)| parse(path, bytes, &Budget::default())).collect()
    };
    let parsed = all();
    let documents: Vec<_> = parsed.iter().flat_map(|parsed| &parsed.documents).collect();
    let nodes: usize = documents.iter().map(|document| document.nodes).sum();
    let one = fastest(|| drop(all()));
    let many = fastest(|| {
        let cache = ParseCache::new();
        cache.warm(&InMemory(files), files.iter().map(|(path, _)| path.as_str()));
    });
    let rate = |seconds: f64| rounded(bytes as f64 / 1e6 / seconds);
    json!({
        "files": files.len(),
        "bytes": bytes,
        "documents": documents.len(),
        "values": nodes,
        "seconds_one_core": rounded(one),
        "megabytes_per_second_one_core": rate(one),
        "seconds_all_cores": rounded(many),
        "megabytes_per_second_all_cores": rate(many),
    })
}
