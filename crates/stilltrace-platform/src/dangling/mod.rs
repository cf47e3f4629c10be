//! Names references that lead nowhere: nothing refuses them, and nothing in the cluster says so.
//!
//! A gateway that does not exist, a host that no gateway takes or no service has, a selector that selects no pod, a
//! route behind one that takes everything: each leaves what is written without effect. What is
//! missing may be installed by something that was not read, so each is told as a gap with both ways
//! out, never as a certain mistake. Meanings as in Istio's analyzers (IST0101, IST0127, IST0130,
//! IST0132), release 1.31.

mod gateways;
mod hosts;
mod selectors;
mod unreachable;

use crate::age::Guess;
use crate::gaps::Gaps;
use crate::inventory::Inventory;
use crate::source::Source;

/// Names all of them among the objects of a cluster; `root` is the namespace of the whole mesh.
pub(crate) fn report(applied: &[Source], root: &str, gaps: &Gaps) {
    let inventory = Inventory::new(applied, Guess::FirstByName);
    gateways::report(&inventory, gaps);
    hosts::report(&inventory, gaps);
    selectors::report(&inventory, root, gaps);
    unreachable::report(&inventory, gaps);
}

/// The first few of several, and how many more there are.
fn some(all: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = all.iter().take(SHOWN).map(String::as_str).collect();
    match all.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
