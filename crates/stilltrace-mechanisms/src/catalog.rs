//! One line per mechanism, generated from the files below `catalog/` by the test of this crate.

use crate::Mechanism;

mod ambient {
    pub(super) mod policy_without_waypoint;
}
mod balancing {
    pub(super) mod load_balancer_policy;
    pub(super) mod outlier_never_ejects;
    pub(super) mod outlier_over_ejection;
    pub(super) mod weight_exceeds_capacity;
}
mod control_plane {
    pub(super) mod unscoped_endpoint_churn;
}
mod identity {
    pub(super) mod tls_mode_mismatch;
}
mod pools {
    pub(super) mod one_request_per_connection;
    pub(super) mod pending_limit_too_low;
    pub(super) mod too_few_connections;
}
mod references {
    pub(super) mod destination_port_unspecified;
    pub(super) mod missing_subset;
    pub(super) mod unknown_host;
}
mod resources {
    pub(super) mod app_cpu_limit;
    pub(super) mod sidecar_cpu_limit;
}
mod retries {
    pub(super) mod missing_per_try_timeout;
    pub(super) mod nested_retries;
    pub(super) mod retry_storm;
    pub(super) mod timeout_below_dependency;
    pub(super) mod timeout_removed;
}
mod routing {
    pub(super) mod leftover_fault;
    pub(super) mod leftover_mirror;
    pub(super) mod policy_not_visible;
}
mod telemetry {
    pub(super) mod access_log_everywhere;
    pub(super) mod full_tracing;
    pub(super) mod stats_scrape_cost;
}

/// All mechanisms, sorted by name.
pub(crate) static ENTRIES: &[&dyn Mechanism] = &[
    &telemetry::access_log_everywhere::AccessLogEverywhere,
    &resources::app_cpu_limit::AppCpuLimit,
    &references::destination_port_unspecified::DestinationPortUnspecified,
    &telemetry::full_tracing::FullTracing,
    &routing::leftover_fault::LeftoverFault,
    &routing::leftover_mirror::LeftoverMirror,
    &balancing::load_balancer_policy::LoadBalancerPolicy,
    &retries::missing_per_try_timeout::MissingPerTryTimeout,
    &references::missing_subset::MissingSubset,
    &retries::nested_retries::NestedRetries,
    &pools::one_request_per_connection::OneRequestPerConnection,
    &balancing::outlier_never_ejects::OutlierNeverEjects,
    &balancing::outlier_over_ejection::OutlierOverEjection,
    &pools::pending_limit_too_low::PendingLimitTooLow,
    &routing::policy_not_visible::PolicyNotVisible,
    &ambient::policy_without_waypoint::PolicyWithoutWaypoint,
    &retries::retry_storm::RetryStorm,
    &resources::sidecar_cpu_limit::SidecarCpuLimit,
    &telemetry::stats_scrape_cost::StatsScrapeCost,
    &retries::timeout_below_dependency::TimeoutBelowDependency,
    &retries::timeout_removed::TimeoutRemoved,
    &identity::tls_mode_mismatch::TlsModeMismatch,
    &pools::too_few_connections::TooFewConnections,
    &references::unknown_host::UnknownHost,
    &control_plane::unscoped_endpoint_churn::UnscopedEndpointChurn,
    &balancing::weight_exceeds_capacity::WeightExceedsCapacity,
];
