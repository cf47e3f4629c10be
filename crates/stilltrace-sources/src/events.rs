//! Recorded events.

use stilltrace_model::{Capture, Event, Plan};

use crate::source::Source;

/// Events shorter before the window than this still matter to it, in seconds: a sync or a rollout
/// just before takes a moment to show.
const LEAD_SECONDS: f64 = 7_200.0;

/// Recorded events, sorted by time.
pub struct RecordedEvents<'a> {
    events: &'a [Event],
}

impl<'a> RecordedEvents<'a> {
    /// Answers from recorded events.
    pub fn new(events: &'a [Event]) -> Self {
        Self { events }
    }
}

impl Source for RecordedEvents<'_> {
    fn name(&self) -> &'static str {
        "events"
    }

    fn answer(&self, plan: &Plan, capture: &mut Capture) {
        let from = plan.window.from.plus_seconds(-LEAD_SECONDS);
        let near =
            self.events.iter().filter(|event| from <= event.time && event.time < plan.window.to);
        capture.events.extend(near.cloned());
        capture.events.sort_by_key(|event| event.time);
    }
}
