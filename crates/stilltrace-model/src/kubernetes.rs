//! What Kubernetes itself does with the pods of a workload: how many, where, and when they count as
//! ready.

use std::time::Duration;

use crate::{Millicores, NamedDefault, Origin, Setting};

/// An amount of memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl std::fmt::Display for Bytes {
    /// In the largest binary unit that leaves no fraction, as manifests write it: `512Mi`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [(1 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
        let fits = |(size, _): &&(u64, &str)| self.0 > 0 && self.0.is_multiple_of(*size);
        match units.iter().find(fits) {
            Some((size, unit)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Who decides the number of pods instead of the workload itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaler {
    /// Where the `HorizontalPodAutoscaler` or `ScaledObject` starts.
    pub origin: Origin,
    /// Never fewer pods than this.
    pub min: Setting<u32>,
    /// Never more pods than this.
    pub max: Setting<u32>,
    /// What is measured, such as `Resource cpu` or `External queue-length`, and the target as
    /// written: `80%` of the request, `500m` per pod.
    pub targets: Vec<(String, Setting<String>)>,
}

/// A `PodDisruptionBudget`: how many pods may be taken away at once by drains and upgrades.
#[derive(Debug, Clone, PartialEq)]
pub struct DisruptionBudget {
    /// Where the object starts.
    pub origin: Origin,
    /// Pods that must stay, as a number or in percent.
    pub min_available: Option<Setting<String>>,
    /// Pods that may be missing, as a number or in percent.
    pub max_unavailable: Option<Setting<String>>,
}

/// A rule that spreads pods over zones or nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct TopologySpread {
    /// Label of the nodes, such as `topology.kubernetes.io/zone`.
    pub key: Setting<String>,
    /// Largest difference of pods between two places.
    pub max_skew: Setting<u32>,
    /// Whether a pod that would break the rule waits (`true`) or starts all the same.
    pub strict: Setting<bool>,
}

/// What all containers of a pod may use together, and what is kept for them (`spec.resources` of a
/// pod, on by default since Kubernetes 1.34). `None` where the pod says nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct PodResources {
    /// Most CPU of all containers together.
    pub cpu_limit: Setting<Option<Millicores>>,
    /// CPU kept for the pod.
    pub cpu_request: Setting<Option<Millicores>>,
    /// Most memory of all containers together.
    pub memory_limit: Setting<Option<Bytes>>,
    /// Memory kept for the pod.
    pub memory_request: Setting<Option<Bytes>>,
}

impl Default for PodResources {
    /// A pod that says nothing.
    fn default() -> Self {
        let cpu = || Setting::default_of(None, NamedDefault::KUBERNETES);
        let memory = || Setting::default_of(None, NamedDefault::KUBERNETES);
        Self {
            cpu_limit: cpu(),
            cpu_request: cpu(),
            memory_limit: memory(),
            memory_request: memory(),
        }
    }
}

/// Placement and life of a workload's pods.
#[derive(Debug, Clone, PartialEq)]
pub struct PodRules {
    /// Who decides the number of pods, if not the workload.
    pub autoscaler: Option<Autoscaler>,
    /// Budgets whose selector matches the pods.
    pub disruption_budgets: Vec<DisruptionBudget>,
    /// How pods are spread.
    pub spread: Vec<TopologySpread>,
    /// Time between the signal to stop and the end by force.
    pub termination_grace: Setting<Duration>,
    /// What the containers of a pod share.
    pub resources: PodResources,
}

impl Default for PodRules {
    /// What holds for a workload that says nothing.
    fn default() -> Self {
        Self {
            autoscaler: None,
            disruption_budgets: Vec::new(),
            spread: Vec::new(),
            termination_grace: Setting::default_of(
                Duration::from_secs(30),
                NamedDefault::KUBERNETES,
            ),
            resources: PodResources::default(),
        }
    }
}
