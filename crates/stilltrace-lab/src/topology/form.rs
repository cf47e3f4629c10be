//! The form of a topology file.

use crate::form::{Field, Shape, needed, optional};

/// Longest time that may be asked for, in microseconds: ten minutes.
const LONG_US: i64 = 600_000_000;
/// The same in milliseconds.
const LONG_MS: i64 = 600_000;

/// A time: a mean, or a distribution.
const TIME: Shape = Shape::Either(&[
    Shape::Whole(0, LONG_US),
    Shape::Fields(&[
        needed("mean", Shape::Whole(0, LONG_US)),
        optional("spread", Shape::Number(0.0, 1.0)),
        optional("tail_share", Shape::Number(0.0, 1.0)),
        optional("tail_us", Shape::Whole(0, LONG_US)),
    ]),
]);

const SLOW: Shape = Shape::Fields(&[
    needed("every_ms", Shape::Whole(1, LONG_MS)),
    needed("for_ms", Shape::Whole(0, LONG_MS)),
    needed("extra_us", Shape::Whole(0, LONG_US)),
    optional("after_ms", Shape::Whole(0, LONG_MS)),
]);

const FAIL: Shape = Shape::Fields(&[
    needed("every_ms", Shape::Whole(1, LONG_MS)),
    needed("for_ms", Shape::Whole(0, LONG_MS)),
    needed("share", Shape::Number(0.0, 1.0)),
    optional("status", Shape::Whole(400, 599)),
    optional("after_ms", Shape::Whole(0, LONG_MS)),
]);

/// What a service does in the background.
pub(crate) const LOAD: Shape = Shape::Fields(&[
    optional("cores", Shape::Number(0.0, 64.0)),
    optional("memory_mb", Shape::Whole(0, 65_536)),
    optional("after_ms", Shape::Whole(0, LONG_MS)),
    optional("until_ms", Shape::Whole(0, LONG_MS)),
]);

/// The fields of a behaviour.
pub(crate) const BEHAVIOUR: &[Field] = &[
    optional("cpu_us", TIME),
    optional("sleep_us", TIME),
    optional("pool", Shape::Whole(1, 100_000)),
    optional("queue", Shape::Whole(0, 100_000)),
    optional("slow", SLOW),
    optional("fail", FAIL),
    optional("flaky", Shape::Number(0.0, 1.0)),
    optional("response_bytes", Shape::Whole(0, 1 << 20)),
    optional("keep_alive_ms", Shape::Whole(1, LONG_MS)),
    optional("background", LOAD),
];

const CALLS: Shape = Shape::List(
    &Shape::Either(&[
        Shape::Text,
        Shape::Fields(&[
            needed("to", Shape::Text),
            optional("path", Shape::Text),
            optional("times", Shape::Whole(1, 20)),
        ]),
    ]),
    0,
);

const WORKLOAD: Shape = Shape::Fields(&[
    needed("name", Shape::Name),
    optional("replicas", Shape::Whole(1, 24)),
    optional("labels", Shape::Map(&Shape::Text)),
    optional("behaviour", Shape::Fields(BEHAVIOUR)),
]);

/// What services speak.
pub(crate) const PROTOCOLS: &[&str] = &["http", "http2", "grpc", "tcp"];

const SERVICE: Shape = Shape::Fields(&[
    needed("name", Shape::Name),
    needed("namespace", Shape::Name),
    optional("port", Shape::Whole(1, 65_535)),
    optional("protocol", Shape::Word(PROTOCOLS)),
    optional("service_account", Shape::Name),
    optional("replicas", Shape::Whole(1, 24)),
    optional("workloads", Shape::List(&WORKLOAD, 1)),
    optional("labels", Shape::Map(&Shape::Text)),
    optional("calls", CALLS),
    optional("call_order", Shape::Word(&["sequential", "parallel"])),
    optional("threads", Shape::Whole(1, 16)),
    optional("releases", Shape::Map(&Shape::Fields(BEHAVIOUR))),
    // The behaviour stands beside the rest.
    BEHAVIOUR[0],
    BEHAVIOUR[1],
    BEHAVIOUR[2],
    BEHAVIOUR[3],
    BEHAVIOUR[4],
    BEHAVIOUR[5],
    BEHAVIOUR[6],
    BEHAVIOUR[7],
    BEHAVIOUR[8],
    BEHAVIOUR[9],
]);

/// The fields of `traffic`.
pub(crate) const TRAFFIC: &[Field] = &[
    optional("rate", Shape::Number(0.001, super::MAX_RATE)),
    optional("host", Shape::Text),
    optional("path", Shape::Text),
    optional("timeout_ms", Shape::Whole(1, LONG_MS)),
    optional(
        "peaks",
        Shape::Fields(&[
            needed("every_s", Shape::Number(0.1, 600.0)),
            needed("for_s", Shape::Number(0.0, 600.0)),
            needed("factor", Shape::Number(0.0, 100.0)),
        ]),
    ),
    optional(
        "ramp",
        Shape::Fields(&[
            needed("from_s", Shape::Number(0.0, 3_600.0)),
            needed("to_s", Shape::Number(0.0, 3_600.0)),
            needed("factor", Shape::Number(0.0, 100.0)),
        ]),
    ),
];

/// The fields of a topology.
pub(crate) const TOPOLOGY: &[Field] = &[
    needed(
        "gateway",
        Shape::Fields(&[
            optional("name", Shape::Name),
            optional("namespace", Shape::Name),
            optional("service_account", Shape::Name),
            needed("calls", CALLS),
        ]),
    ),
    needed("services", Shape::List(&SERVICE, 1)),
    optional("traffic", Shape::Fields(TRAFFIC)),
];
