//! Passing the time of a run, with what other teams do meanwhile.

use std::time::Duration;

use super::{RunError, now_ms};
use crate::mesh::Mesh;

/// Rollouts among the services that nobody calls, one every so often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Churn {
    /// Time between two, in milliseconds; none at all if absent.
    every_ms: Option<i64>,
    /// When the next one is due, in milliseconds of Unix time.
    next_ms: i64,
}

impl Churn {
    /// A rollout every so many seconds from now on; none if absent.
    pub(super) fn new(seconds: Option<f64>) -> Self {
        let every_ms = seconds.map(|seconds| ((seconds * 1e3) as i64).max(1));
        Self { every_ms, next_ms: now_ms().saturating_add(every_ms.unwrap_or(i64::MAX)) }
    }

    /// Waits until `until_ms`, with the rollouts that are due before.
    pub(super) fn wait_until(&mut self, mesh: &mut Mesh, until_ms: i64) -> Result<(), RunError> {
        while self.next_ms < until_ms {
            sleep_until(self.next_ms);
            mesh.roll_out_bystanders()?;
            // One that is late is not made up for.
            self.next_ms = self.next_ms.max(now_ms()) + self.every_ms.unwrap_or(i64::MAX / 2);
        }
        sleep_until(until_ms);
        Ok(())
    }
}

fn sleep_until(at_ms: i64) {
    let wait = u64::try_from(at_ms - now_ms()).unwrap_or(0);
    std::thread::sleep(Duration::from_millis(wait));
}
