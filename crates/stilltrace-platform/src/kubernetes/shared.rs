//! What the containers of one pod share: `spec.resources` of the pod (Kubernetes 1.36).

use stilltrace_model::{Bytes, Millicores, PodResources, Setting};

use crate::field::Field;
use crate::resources::{Amount, Share};
use crate::workloads::Pods;

/// What the pod itself may use and what is kept for it.
pub(super) fn of(pods: &Pods<'_>) -> PodResources {
    let Some(spec) = pods.template.get("spec").filter(|spec| spec.get("resources").is_some())
    else {
        return PodResources::default();
    };
    let cpu = completed::<Millicores>(&spec);
    let memory = completed::<Bytes>(&spec);
    PodResources {
        cpu_limit: cpu.limit,
        cpu_request: cpu.request,
        memory_limit: memory.limit,
        memory_request: memory.request,
    }
}

/// A request that is not written is what the containers request together, which is theirs to show;
/// where none does, it follows the limit (`defaultPodRequests`).
fn completed<T: Amount>(spec: &Field<'_>) -> Share<T> {
    let mut share = Share::<T>::written(spec);
    if share.request.value.is_none() && share.limit.value.is_some() {
        let lists = ["containers", "initContainers"];
        let containers = lists.iter().flat_map(|list| spec.list(list));
        let mut own = containers.map(|container| Share::<T>::written(&container));
        let asks = |amount: &Setting<Option<T>>| amount.value.is_some();
        if !own.any(|own| asks(&own.request) || asks(&own.limit)) {
            share.request = share.limit.clone();
        }
    }
    share
}
