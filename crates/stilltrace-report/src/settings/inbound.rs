//! Inbound ports: what a proxy demands from callers, and how it treats its own application.

use serde_json::{Value, json};
use stilltrace_model::{Inbound, TowardsApplication};

use super::cluster::describe_pool;
use super::object::Object;

/// One port of a workload.
pub(super) fn describe(inbound: &Inbound) -> Value {
    let mut object = Object::default();
    if let Some(mode) = &inbound.mutual_tls {
        object.set("mtls", mode, Some(json!(mode.value.to_string())));
    }
    if let Some(application) = &inbound.application {
        towards(&mut object, application);
    }
    object.into_value()
}

fn towards(object: &mut Object, application: &TowardsApplication) {
    describe_pool(object, &application.pool, application.retry_budget.as_ref());
    if let Some(retries) = &application.retries {
        let value = json!({"n": retries.value.attempts, "on": retries.value.retry_on});
        object.set("retries", retries, Some(value));
    }
    object.time("timeout_ms", &application.timeout);
}
