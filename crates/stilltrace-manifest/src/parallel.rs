//! The same work for many items, on all cores, in the order of the items.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Bytes of a worker's stack: as many as the main thread has.
const STACK: usize = 8 << 20;

/// What `work` gives for every item.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    map_with(items, || (), |(), item| work(item))
}

/// What `work` gives for every item. Each thread keeps a state of its own from item to item, made by
/// `new`: what it holds must not change any result, for which thread takes which item is open.
pub fn map_with<T: Sync, R: Send, S>(
    items: &[T],
    new: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        let mut state = new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(&mut state, item);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    thread::scope(|scope| {
        for _ in 1..workers {
            // With fewer threads than wanted, the others do the work.
            let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        }
        run();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::{map, map_with};

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1_000).collect();
        assert_eq!(map(&items, |item| item * 2), (0..1_000).map(|n| n * 2).collect::<Vec<_>>());
        assert!(map(&[] as &[usize], |item| *item).is_empty());
    }

    #[test]
    fn every_thread_begins_with_a_state_of_its_own() {
        let items: Vec<usize> = (0..1_000).collect();
        let count = |seen: &mut usize, _: &usize| {
            *seen += 1;
            *seen
        };
        let counts = map_with(&items, || 0, count);
        let began = counts.iter().filter(|count| **count == 1).count();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        assert!((1..=threads).contains(&began), "{began}");
    }
}
