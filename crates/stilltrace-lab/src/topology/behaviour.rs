//! What an application does with a request, as data.

use serde::{Deserialize, Serialize};

/// What an application does with one request.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// CPU time per request, burnt on the application's own thread, in microseconds.
    pub cpu_us: Spread,
    /// Time a request waits for something outside (a database, a disk), in microseconds.
    pub sleep_us: Spread,
    /// How many requests wait at the same time; absent = all. Work goes on after its caller has
    /// given up, as in a server that does not notice a closed connection.
    pub pool: Option<u32>,
    /// How many requests wait for a place in the pool; any number if absent. What comes on top fails
    /// at once with status 503.
    pub queue: Option<u32>,
    /// Recurring phases in which the wait is longer.
    pub slow: Option<SlowPhases>,
    /// Recurring phases in which requests fail.
    pub fail: Option<FailPhases>,
    /// Share of requests, 0 to 1, that fail at any time with status 503.
    pub flaky: f64,
    /// Size of an answer in bytes.
    pub response_bytes: Option<u32>,
    /// How long the server keeps an idle connection, in milliseconds; for ever if absent.
    pub keep_alive_ms: Option<u64>,
    /// What the application does beside its requests.
    pub background: Option<Background>,
    /// Another behaviour for a while. Scenarios set it, with what happens in their fault phase.
    pub later: Option<Later>,
}

/// Work that no request asked for, as of a batch job beside the services.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Background {
    /// CPU that it tries to use, in cores.
    pub cores: f64,
    /// Memory that it fills and reads over and over, in MB.
    pub memory_mb: u64,
    /// Start after the mesh is up, in milliseconds.
    pub after_ms: u64,
    /// End after the mesh is up, in milliseconds; never if 0.
    pub until_ms: u64,
}

/// Another behaviour from `after_ms` to `until_ms` after the mesh is up.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// Start, in milliseconds.
    pub after_ms: u64,
    /// End, in milliseconds.
    pub until_ms: u64,
    /// The behaviour meanwhile.
    pub behaviour: Box<Behaviour>,
}

/// Phases of a longer wait: `for_ms` long, one every `every_ms`, the first after `after_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SlowPhases {
    /// Distance between the starts of two phases, in milliseconds.
    pub every_ms: u64,
    /// Length of a phase, in milliseconds.
    pub for_ms: u64,
    /// Added to the wait of every request that starts waiting in a phase, in microseconds.
    pub extra_us: u64,
    /// Start of the first phase after the mesh is up, in milliseconds.
    #[serde(default)]
    pub after_ms: u64,
}

/// Phases of failing: `for_ms` long, one every `every_ms`, the first after `after_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailPhases {
    /// Distance between the starts of two phases, in milliseconds.
    pub every_ms: u64,
    /// Length of a phase, in milliseconds.
    pub for_ms: u64,
    /// Share of requests, 0 to 1, that fail in a phase.
    pub share: f64,
    /// Status of a failed request.
    #[serde(default = "unavailable")]
    pub status: u16,
    /// Start of the first phase after the mesh is up, in milliseconds.
    #[serde(default)]
    pub after_ms: u64,
}

/// A time drawn anew for each request: uniform in `mean × (1 ± spread)`, with an optional tail.
///
/// In YAML a bare number is the mean with a spread of 0.5.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, Serialize)]
#[serde(from = "SpreadInput")]
pub struct Spread {
    /// Mean of the uniform part, in microseconds.
    pub mean: u64,
    /// Half width of the uniform part as a share of the mean, 0 to 1.
    pub spread: f64,
    /// Share of requests, 0 to 1, that take `tail_us` instead.
    pub tail_share: f64,
    /// Length of the tail, in microseconds.
    pub tail_us: u64,
}

impl Spread {
    /// A mean with the usual spread of 0.5.
    pub fn around(mean: u64) -> Self {
        Self { mean, spread: 0.5, ..Self::default() }
    }
}

/// The two ways to write a [`Spread`].
#[derive(Deserialize)]
#[serde(untagged)]
enum SpreadInput {
    /// `sleep_us: 2500`
    Mean(u64),
    /// `sleep_us: {mean: 2500, spread: 0.2, tail_share: 0.05, tail_us: 60000}`
    Full {
        mean: u64,
        #[serde(default = "half")]
        spread: f64,
        #[serde(default)]
        tail_share: f64,
        #[serde(default)]
        tail_us: u64,
    },
}

impl From<SpreadInput> for Spread {
    fn from(input: SpreadInput) -> Self {
        match input {
            SpreadInput::Mean(mean) => Self::around(mean),
            SpreadInput::Full { mean, spread, tail_share, tail_us } => {
                Self { mean, spread, tail_share, tail_us }
            }
        }
    }
}

fn half() -> f64 {
    0.5
}

fn unavailable() -> u16 {
    503
}
