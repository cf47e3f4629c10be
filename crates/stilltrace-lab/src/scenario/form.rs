//! The form of a scenario file.

use crate::form::{Field, Shape, needed, optional};
use crate::topology::form::{BEHAVIOUR, TRAFFIC};

const PHASES: Shape = Shape::Fields(&[
    needed("warm_s", Shape::Whole(0, 600)),
    needed("quiet_s", Shape::Whole(5, 600)),
    needed("fault_s", Shape::Whole(5, 600)),
    optional("recovery_s", Shape::Whole(0, 600)),
]);

const LAYOUT: Shape = Shape::Fields(&[
    optional("engine", Shape::Word(&["flux", "argo"])),
    optional("routing", Shape::Word(&["platform", "app", "overlay"])),
    optional("sizing", Shape::Word(&["app", "overlay"])),
    optional("grouping", Shape::Word(&["app", "team"])),
    optional("images", Shape::Word(&["kustomization", "deployment"])),
]);

const PRESET: Shape = Shape::Fields(&[
    needed("kind", Shape::Text),
    needed("of", Shape::Text),
    optional("name", Shape::Name),
    optional("field", Shape::Text),
    optional("value", Shape::Any),
    optional("archived", Shape::Truth),
]);

const EDIT: Shape = Shape::Fields(&[
    needed("kind", Shape::Text),
    needed("of", Shape::Text),
    optional("name", Shape::Name),
    optional("field", Shape::Text),
    optional("from", Shape::Any),
    optional("to", Shape::Any),
    optional("at", Shape::Text),
    optional("live", Shape::Truth),
]);

const EDGE: Shape =
    Shape::Fields(&[needed("source", Shape::Name), needed("destination", Shape::Name)]);

/// Verdicts that a scenario may expect.
pub(crate) const VERDICTS: &[&str] = &["cause", "not-the-platform", "no-anomaly"];
/// Kinds of causes outside the platform.
pub(crate) const INNOCENT: &[&str] = &[
    "none/app-regression",
    "none/load-growth",
    "none/noisy-neighbour",
    "none/slow-dependency",
    "none/node",
    "none/no-anomaly",
];

const EXPECT: Shape = Shape::Fields(&[
    needed("verdict", Shape::Word(VERDICTS)),
    needed("mechanism", Shape::Either(&[Shape::Name, Shape::Word(INNOCENT)])),
    optional("edge", EDGE),
]);

const ALSO: Shape = Shape::List(
    &Shape::Fields(&[
        needed("change", EDIT),
        needed("mechanism", Shape::Name),
        optional("edge", EDGE),
        optional("after_s", Shape::Number(0.0, 300.0)),
    ]),
    0,
);

const HAPPENS: Shape = Shape::Fields(&[
    optional("from_s", Shape::Number(-300.0, 300.0)),
    optional("traffic_factor", Shape::Number(0.0, 100.0)),
    optional(
        "client_retries",
        Shape::Fields(&[
            needed("attempts", Shape::Whole(1, 20)),
            needed("timeout_ms", Shape::Whole(1, 600_000)),
        ]),
    ),
    optional("behaviour", Shape::Map(&Shape::Fields(BEHAVIOUR))),
]);

/// Signals that a scenario may name.
pub(crate) const SIGNALS: &[&str] = &[
    "client-rate",
    "client-p50",
    "client-p99",
    "client-errors",
    "proxy-cpu",
    "proxy-cpu-15s",
    "proxy-cpu-100ms",
    "app-cpu",
    "app-cpu-100ms",
    "proxy-throttled",
    "app-throttled",
    "server-rate",
    "flagged",
    "pushes",
    "counter",
];

const MOVES: Shape = Shape::List(
    &Shape::Fields(&[
        needed("signal", Shape::Word(SIGNALS)),
        optional("of", Shape::Name),
        optional("flag", Shape::Text),
        optional("metric", Shape::Text),
        optional("labels", Shape::Map(&Shape::Text)),
        needed("direction", Shape::Word(&["rises", "falls", "steady"])),
        optional("by", Shape::Number(0.0, 10_000.0)),
        optional("returns", Shape::Truth),
    ]),
    0,
);

const RELEASES: Shape = Shape::List(
    &Shape::Fields(&[
        needed("of", Shape::Name),
        needed("tag", Shape::Text),
        needed("behaviour", Shape::Fields(BEHAVIOUR)),
    ]),
    0,
);

const BASE: Shape = Shape::List(&PRESET, 0);
const CURE: Shape = Shape::List(&EDIT, 1);
const DECOYS: Shape = Shape::List(&EDIT, super::FEWEST_DECOYS);
const BEHAVIOURS: Shape = Shape::Map(&Shape::Fields(BEHAVIOUR));
const NAMES: Shape = Shape::Word(&["written", "drawn"]);

/// The fields of a variant.
const VARIANT: Shape = Shape::Fields(&[
    optional("topology", Shape::Name),
    optional("victim", Shape::Name),
    optional("traffic", Shape::Fields(TRAFFIC)),
    optional("behaviour", BEHAVIOURS),
    optional("releases", RELEASES),
    optional("layout", LAYOUT),
    optional("names", NAMES),
    optional("base", BASE),
    optional("change", EDIT),
    optional("also", ALSO),
    optional("cure", CURE),
    optional("happens", HAPPENS),
    optional("decoys", DECOYS),
    optional("expect", EXPECT),
    optional("moves", MOVES),
]);

/// The fields of a scenario.
pub(crate) const SCENARIO: &[Field] = &[
    needed("title", Shape::Text),
    needed("topology", Shape::Name),
    needed("victim", Shape::Name),
    optional("traffic", Shape::Fields(TRAFFIC)),
    optional("behaviour", BEHAVIOURS),
    optional("releases", RELEASES),
    needed("phases", PHASES),
    needed("quick", PHASES),
    optional("layout", LAYOUT),
    optional("names", NAMES),
    optional("base", BASE),
    optional("change", EDIT),
    optional("also", ALSO),
    optional("cure", CURE),
    optional("happens", HAPPENS),
    needed("decoys", DECOYS),
    needed("expect", EXPECT),
    optional("moves", MOVES),
    optional("bystanders", Shape::Whole(0, 2_000)),
    optional("churn_every_s", Shape::Number(1.0, 600.0)),
    optional("statistics", Shape::Word(&["all", "stock"])),
    optional("profiles", Shape::List(&Shape::Word(&["static", "istio", "cluster"]), 1)),
    optional("variants", Shape::List(&VARIANT, 0)),
];
