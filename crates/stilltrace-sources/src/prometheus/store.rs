//! Captured samples, indexed.

use std::collections::BTreeMap;

use stilltrace_capture::RawSeries;

use super::selector::{Selector, Test};

/// Labels by which series are found; the others are compared one by one. Each has many values, of
/// which a query names one.
const INDEXED: [&str; 4] =
    ["source_workload", "destination_service_name", "destination_workload", "namespace"];

/// Raw series by metric and by the labels that queries name.
#[derive(Debug)]
pub struct SampleStore<'a> {
    series: &'a [RawSeries],
    metrics: BTreeMap<&'a str, Metric<'a>>,
}

#[derive(Debug, Default)]
struct Metric<'a> {
    all: Vec<usize>,
    by_label: BTreeMap<(&'static str, &'a str), Vec<usize>>,
}

impl<'a> SampleStore<'a> {
    /// Indexes series; their order decides the order of sums, so sort them first.
    pub fn new(series: &'a [RawSeries]) -> Self {
        let mut metrics: BTreeMap<&str, Metric<'_>> = BTreeMap::new();
        for (at, one) in series.iter().enumerate() {
            let metric = metrics.entry(&one.metric).or_default();
            metric.all.push(at);
            for label in INDEXED {
                let value = one.label(label).unwrap_or_default();
                metric.by_label.entry((label, value)).or_default().push(at);
            }
        }
        Self { series, metrics }
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// A series by the number that [`SampleStore::select`] gave it.
    pub fn series(&self, at: usize) -> Option<&'a RawSeries> {
        self.series.get(at)
    }

    /// Numbers of the selected series, in order.
    pub fn select(&self, selector: &Selector) -> Vec<usize> {
        let Some(metric) = self.metrics.get(selector.metric.as_str()) else { return Vec::new() };
        let mut smallest = &metric.all;
        for matcher in &selector.matchers {
            let Test::Is(value) = &matcher.test else { continue };
            if !INDEXED.contains(&matcher.label) {
                continue;
            }
            match metric.by_label.get(&(matcher.label, value.as_str())) {
                Some(found) if found.len() < smallest.len() => smallest = found,
                Some(_) => {}
                None => return Vec::new(),
            }
        }
        let selected = |at: &usize| self.series.get(*at).is_some_and(|one| selector.selects(one));
        smallest.iter().copied().filter(selected).collect()
    }
}
