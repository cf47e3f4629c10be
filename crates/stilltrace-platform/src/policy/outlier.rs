//! Outlier detection.

use std::time::Duration;

use stilltrace_model::{OutlierDetection, Setting};

use super::blocks::Layer;
use crate::defaults;
use crate::field::Field;
use crate::services::Distribution;

/// The detection of a block with Envoy's defaults filled in; `None` without a block.
///
/// A service with a `distribution` is sent endpoints that are not ready, so that a share of healthy
/// ones would let requests through to the others: Istio leaves the share out.
pub(super) fn read(
    layer: &Layer<'_>,
    distribution: Option<&Setting<Distribution>>,
) -> Option<OutlierDetection> {
    let block = layer.block.as_ref()?;
    let count = |key: &'static str, default: u32, zero_is_unset: bool| {
        let read = |field: &Field<'_>| field.count().filter(|n| *n > 0 || !zero_is_unset);
        layer.setting(&[key], read, || Setting::default_of(default, defaults::ENVOY))
    };
    let time = |key: &'static str, default: Duration| {
        layer.setting(&[key], Field::duration, || Setting::default_of(default, defaults::ENVOY))
    };
    let optional = |key: &'static str, zero_is_unset: bool| {
        let read = |field: &Field<'_>| field.count().filter(|n| *n > 0 || !zero_is_unset).map(Some);
        layer.setting(&[key], read, || Setting::default_of(None, defaults::ENVOY))
    };
    let split = layer.setting(&["splitExternalLocalOriginErrors"], Field::flag, || {
        Setting::default_of(false, defaults::ENVOY)
    });
    let mut share = layer
        .setting(&["minHealthPercent"], Field::count, || Setting::default_of(0, defaults::ISTIO));
    if let Some(distribution) = distribution.filter(|_| share.value > 0) {
        share.overrode.insert(0, share.origin);
        share.origin = distribution.origin.clone();
        share.value = 0;
    }
    let never = ["consecutive5xxErrors", "consecutiveErrors"];
    let never = never.iter().any(|key| block.get(key).and_then(|field| field.count()) == Some(0));
    let gateway = block.get("consecutiveGatewayErrors").and_then(|field| field.count());
    let ejects = !never || gateway.is_some_and(|count| count > 0);
    let zero = block.get("maxEjectionPercent").filter(|field| field.count() == Some(0));
    if let Some(zero) = zero.filter(|_| ejects) {
        // `applyOutlierDetection` writes the share only where it is more than 0.
        zero.source().gaps.add(
            format!(
                "{}: {}: `maxEjectionPercent: 0` does not mean that nothing is ejected",
                zero.origin(),
                zero.source().id
            ),
            format!(
                "Istio takes 0 for unset, and Envoy then ejects up to {}%",
                defaults::MAX_EJECTION_PERCENT
            ),
            "leave out outlierDetection, or set `consecutive5xxErrors: 0`, to eject nothing",
        );
    }
    Some(OutlierDetection {
        origin: block.key_origin(),
        consecutive_5xx: count("consecutive5xxErrors", defaults::CONSECUTIVE_5XX, false),
        interval: time("interval", defaults::OUTLIER_INTERVAL),
        base_ejection_time: time("baseEjectionTime", defaults::BASE_EJECTION),
        max_ejection_percent: count("maxEjectionPercent", defaults::MAX_EJECTION_PERCENT, true),
        consecutive_gateway_failure: optional("consecutiveGatewayErrors", false),
        // Failures of the client's own side only have a count of their own when they are split off.
        consecutive_local_origin_failure: if split.value {
            optional("consecutiveLocalOriginFailures", true)
        } else {
            Setting::default_of(None, defaults::ENVOY)
        },
        split_local_origin: split,
        min_health_percent: share,
    })
}
