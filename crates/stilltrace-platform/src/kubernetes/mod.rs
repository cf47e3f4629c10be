//! Settings of Kubernetes itself: numbers, places and life of pods.
//!
//! Defaults are those of the API server's defaulting (`pkg/apis/core/v1/defaults.go` and
//! `pkg/apis/autoscaling/v2/defaults.go` of Kubernetes 1.36).

mod autoscaler;
mod disruption;
mod limit_range;
mod probes;
mod progressive;
mod refused;
mod selector;
mod shared;
mod spread;
mod target_port;
mod vertical;

use std::time::Duration;

use stilltrace_model::{PodRules, Setting, Workload};

pub(crate) use limit_range::{Filler, LimitRanges};
pub(crate) use probes::{agent, probes};

use crate::defaults;
use crate::field::Field;
use crate::inventory::Inventory;
use crate::workloads::Pods;
use autoscaler::Autoscalers;
use disruption::Budgets;

/// Objects that say something about pods written elsewhere.
pub(crate) struct Rules<'a> {
    autoscalers: Autoscalers<'a>,
    budgets: Budgets<'a>,
}

impl<'a> Rules<'a> {
    /// Sorts the objects by whom they are about.
    pub(crate) fn read(inventory: &Inventory<'a>) -> Self {
        let autoscalers = Autoscalers::new(inventory);
        Self { autoscalers, budgets: disruption::budgets(inventory) }
    }

    /// Placement and life of a workload's pods.
    pub(crate) fn of(&self, pods: &Pods<'_>) -> PodRules {
        let grace = ["spec", "terminationGracePeriodSeconds"];
        PodRules {
            autoscaler: self.autoscalers.of(pods),
            disruption_budgets: disruption::of(pods, &self.budgets),
            spread: spread::of(pods),
            termination_grace: seconds(&pods.template, &grace, 30, false),
            resources: shared::of(pods),
        }
    }
}

/// Names what other controllers write over Git's values, and services that miss their pods' ports.
pub(crate) fn report(inventory: &Inventory<'_>, pods: &[Pods<'_>]) {
    target_port::report(inventory, pods);
    progressive::report(inventory);
    vertical::report(inventory);
}

/// Names what cannot work for a workload as it is.
pub(crate) fn report_workload(workload: &Workload, pods: &Pods<'_>, ranges: &LimitRanges<'_>) {
    refused::report(workload, pods, ranges);
    autoscaler::report_blind(workload, pods);
    spread::report_useless(pods);
    probes::report_unanswered(workload, pods);
}

/// A number of seconds below `block`, or Kubernetes' default, which a 0 may ask for.
fn seconds(
    block: &Field<'_>,
    path: &[&str],
    default: u32,
    zero_is_unset: bool,
) -> Setting<Duration> {
    let number = if zero_is_unset { positive } else { number };
    number(block, path, default).map(|seconds| Duration::from_secs(u64::from(*seconds)))
}

/// The same where a 0 is as good as nothing (`SetDefaults_Probe`).
fn positive(block: &Field<'_>, path: &[&str], default: u32) -> Setting<u32> {
    let mut setting = number(block, path, default);
    if setting.value == 0 {
        let zero =
            std::mem::replace(&mut setting, Setting::default_of(default, defaults::KUBERNETES));
        setting.overrode.push(zero.origin);
    }
    setting
}

/// A whole number below `block`, or Kubernetes' default.
fn number(block: &Field<'_>, path: &[&str], default: u32) -> Setting<u32> {
    let written = block.at(path).and_then(|field| Some(field.setting(field.count()?)));
    written.unwrap_or_else(|| Setting::default_of(default, defaults::KUBERNETES))
}
