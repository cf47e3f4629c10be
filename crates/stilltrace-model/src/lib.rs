//! The nouns that the stages of Stilltrace hand each other.
//!
//! One way, nothing flows back: a [`Question`] becomes a [`Platform`] (what is in effect and who
//! set it), the platform yields [`Hazard`]s, a hazard [`Prediction`]s, the predictions a
//! [`Plan`], the plan a [`Capture`] (what was seen), and all of it a [`Diagnosis`].
//!
//! This crate has no dependencies, does no I/O, knows no clock and derives no serialisation: the
//! stable formats are the report and the capture bundle, each written by its own crate.

mod capture;
mod change;
mod diagnosis;
mod entity;
mod hazard;
mod kubernetes;
mod named_default;
mod origin;
mod plan;
mod platform;
mod probe;
mod question;
mod setting;
pub mod signal;
mod time;
mod workload;

pub use capture::{
    Bearing, Bursts, Call, Capture, Event, EventKind, Gap, LineRecord, Reporter, Series,
};
pub use change::{Change, SettingChange};
pub use diagnosis::{
    Cause, Diagnosis, Evidence, Frame, Indicator, Inputs, Judged, Layer, Measure, Picture, Reading,
    Rejected, Symptom, Verdict,
};
pub use entity::{ContainerId, EdgeId, Entity, PodName, ServiceId, WorkloadId};
pub use hazard::{Certainty, Edit, Expect, Fix, Hazard, Prediction, Safety, Weight};
pub use kubernetes::{Autoscaler, Bytes, DisruptionBudget, PodResources, PodRules, TopologySpread};
pub use named_default::{NamedDefault, Software};
pub use origin::{CommitId, CommitInfo, Location, ObjectRef, Origin, Owner, Side};
pub use plan::{Line, Plan, Want};
pub use platform::{
    AbortStatus, Alternative, Ambient, Answer, Contested, Destination, Discovery, Edge,
    EndpointCount, FaultRule, FilterPatch, HashKey, HashTable, Http2, Inbound, InboundPort,
    InboundRetries, Ineffective, Injected, LoadBalancer, Locality, Mirror, MutualTls,
    NamedCondition, OutlierDetection, PatchReach, PatchedPart, PathCondition, Platform, Pool,
    Reconciler, ReconcilerKind, Refusal, Retries, RetryBudget, Rewrite, Route, RouteMatch,
    RouteTable, Service, Subsets, Target, TcpKeepalive, TcpRoute, TextCondition, TlsMode,
    TowardsApplication, TrafficPolicy, VirtualHost, Warmup, Waypoint, WaypointTakes,
    WhyIneffective,
};
pub use probe::{Probe, ProbeAgent, ProbeKind, ProbeQuestion, ProbeWay};
pub use question::Question;
pub use setting::Setting;
pub use signal::Signal;
pub use time::{Timestamp, Window};
pub use workload::{
    AppContainer, Millicores, OutboundPolicy, PassedBy, Recording, Scope, SidecarProxy, Telemetry,
    Workload,
};
