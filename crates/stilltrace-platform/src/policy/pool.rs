//! Connection pool, retry budget and keep-alive.

use std::time::Duration;

use stilltrace_model::{Http2, Pool, RetryBudget, Setting, TcpKeepalive};

use super::blocks::Layer;
use crate::defaults;
use crate::field::Field;
use crate::mesh_config::MeshConfig;
use crate::ports;

/// The side and the port that a pool is for.
pub(super) struct Side<'p> {
    /// Protocol of the port.
    pub(super) protocol: &'p str,
    /// What decides about the protocol.
    pub(super) named_by: stilltrace_model::Origin,
    /// Whether the pool is that of a caller; a server's own proxy never upgrades to HTTP/2.
    pub(super) outbound: bool,
    /// Whether the proxy is a sidecar: gateways do not sniff.
    pub(super) sidecar: bool,
}

/// The pool of a block with the mesh's defaults filled in.
pub(super) fn read(
    layer: &Layer<'_>,
    mesh: &MeshConfig,
    document: Option<&Field<'_>>,
    side: &Side<'_>,
) -> Pool {
    let idle = |kind: &'static str| {
        let read = |field: &Field<'_>| field.duration().map(Some);
        layer.setting(&[kind, "idleTimeout"], read, || Setting::default_of(None, defaults::ENVOY))
    };
    let http_idle = idle("http");
    let http2 = http2(layer, mesh, side);
    let explicit = http2.value == Some(Http2::Always);
    Pool {
        max_connections: bound(layer, &["tcp", "maxConnections"]),
        connect_timeout: layer
            .setting(&["tcp", "connectTimeout"], Field::duration, || mesh.connect_timeout.clone()),
        max_pending_requests: bound(layer, &["http", "http1MaxPendingRequests"]),
        max_requests: bound(layer, &["http", "http2MaxRequests"]),
        max_requests_per_connection: limit(layer, &["http", "maxRequestsPerConnection"]),
        max_retries: bound(layer, &["http", "maxRetries"]),
        idle_timeout: if http_idle.is_written() { http_idle } else { idle("tcp") },
        max_connection_duration: layer.setting(
            &["tcp", "maxConnectionDuration"],
            |field| field.duration().map(Some),
            || Setting::default_of(None, defaults::ENVOY),
        ),
        // Istio sets it on connections that are always HTTP/2 and on no others.
        max_concurrent_streams: if explicit {
            limit(layer, &["http", "maxConcurrentStreams"])
        } else {
            Setting::default_of(None, defaults::ENVOY)
        },
        http2,
        keepalive: keepalive(layer, document).map(Box::new),
    }
}

/// A limit. Zero counts as unset, but the line that says so is named.
fn limit(layer: &Layer<'_>, path: &[&str]) -> Setting<Option<u32>> {
    let read = |field: &Field<'_>| field.count().map(|limit| (limit > 0).then_some(limit));
    layer.setting(path, read, || Setting::default_of(None, defaults::ISTIO))
}

/// A limit of what is in flight, of which one would think that zero lets nothing through.
fn bound(layer: &Layer<'_>, path: &[&str]) -> Setting<Option<u32>> {
    if let Some(zero) = layer.at(path).filter(|field| field.count() == Some(0)) {
        let name = path.last().copied().unwrap_or_default();
        // `applyConnectionPool` writes a threshold only where it is more than 0.
        zero.source().gaps.add(
            format!("{}: {}: `{name}: 0` is no limit at all", zero.origin(), zero.source().id),
            "Istio takes 0 for unset, and its default is unlimited",
            format!("leave `{name}` out, or set it to at least 1"),
        );
    }
    limit(layer, path)
}

/// HTTP/2 by the client's choice, by the port's protocol, by sniffing, by an upgrade.
fn http2(layer: &Layer<'_>, mesh: &MeshConfig, side: &Side<'_>) -> Setting<Option<Http2>> {
    let of_port = |mode| Setting::new(Some(mode), side.named_by.clone());
    let follows = layer.at(&["http", "useClientProtocol"]).filter(|f| f.flag() == Some(true));
    if let Some(field) = follows {
        return field.setting(Some(Http2::AsDownstream));
    }
    if ports::is_http2(side.protocol) {
        return of_port(Http2::Always);
    }
    if side.protocol == "auto" && side.sidecar {
        return of_port(Http2::AsDownstream);
    }
    if !side.outbound {
        return Setting::default_of(None, defaults::ISTIO);
    }
    let written = layer.at(&["http", "h2UpgradePolicy"]);
    match written.as_ref().and_then(|field| Some((field, field.text()?))) {
        Some((field, "UPGRADE")) => field.setting(Some(Http2::Always)),
        Some((field, "DO_NOT_UPGRADE")) => field.setting(None),
        _ if !ports::is_http(side.protocol) => Setting::default_of(None, defaults::NOT_HTTP),
        _ => mesh.upgrade_http2.map(|on| on.then_some(Http2::Always)),
    }
}

/// Keep-alive of the mesh, field by field under that of the block.
fn keepalive(layer: &Layer<'_>, document: Option<&Field<'_>>) -> Option<TcpKeepalive> {
    let own = layer.at(&["tcp", "tcpKeepalive"]);
    let broad = document.and_then(|document| document.get("tcpKeepalive"));
    let first = own.as_ref().or(broad.as_ref())?;
    let field = |key: &str, read: &dyn Fn(&Field<'_>) -> Option<u32>| {
        let of = |block: &Option<Field<'_>>| {
            let field = block.as_ref()?.get(key)?;
            Some(field.setting(Some(read(&field)?)))
        };
        match (of(&own), of(&broad)) {
            (Some(mut setting), broader) => {
                setting.overrode.extend(broader.map(|broader| broader.origin));
                setting
            }
            (None, Some(setting)) => setting,
            (None, None) => Setting::default_of(None, defaults::SYSTEM),
        }
    };
    let seconds = |field: &Field<'_>| whole_seconds(field.duration()?);
    Some(TcpKeepalive {
        origin: first.key_origin(),
        probes: field("probes", &|field| field.count().filter(|probes| *probes > 0)),
        time: field("time", &seconds),
        interval: field("interval", &seconds),
    })
}

fn whole_seconds(time: Duration) -> Option<u32> {
    u32::try_from(time.as_secs()).ok()
}

/// The retry budget, if a block is present.
pub(super) fn retry_budget(layer: &Layer<'_>) -> Option<RetryBudget> {
    layer.block.as_ref()?;
    Some(RetryBudget {
        percent: layer.setting(
            &["percent"],
            |field| field.at(&["value"]).map_or_else(|| field.percent(), |value| value.percent()),
            || Setting::default_of(defaults::RETRY_BUDGET_PERCENT, defaults::ISTIO),
        ),
        min_concurrency: layer.setting(
            &["minRetryConcurrency"],
            |field| field.count().filter(|minimum| *minimum > 0),
            || Setting::default_of(defaults::RETRY_BUDGET_MINIMUM, defaults::ISTIO),
        ),
    })
}
