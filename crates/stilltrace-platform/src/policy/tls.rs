//! Transport security towards a destination.

use stilltrace_model::{Origin, Setting, TlsMode};

use super::blocks::{Blocks, port_level};
use super::{Client, Dial};
use crate::defaults;
use crate::destination_rule::Rule;
use crate::field::Field;

/// The mode in effect. Without a `tls` block, `automatic` is what the mesh does by itself.
pub(super) fn mode(
    blocks: &Blocks<'_>,
    client: &Client,
    selective: bool,
    automatic: &Setting<TlsMode>,
    dial: &Dial,
) -> Setting<TlsMode> {
    let layer = &blocks.tls;
    let by_itself = || by_itself(automatic, dial);
    let Some(block) = &layer.block else {
        let mut setting = by_itself();
        setting.overrode.extend(layer.lost(&["mode"]));
        return setting;
    };
    let read = |field: &Field<'_>| match field.text()? {
        "DISABLE" => Some(TlsMode::Disable),
        "SIMPLE" => Some(TlsMode::Simple),
        "MUTUAL" => Some(TlsMode::Mutual),
        "ISTIO_MUTUAL" => Some(TlsMode::IstioMutual),
        _ => {
            field.report("DISABLE, SIMPLE, MUTUAL or ISTIO_MUTUAL");
            None
        }
    };
    let written = layer.setting(&["mode"], read, || match block.get("mode") {
        // A block without a mode switches TLS off.
        None => Setting::new(TlsMode::Disable, block.key_origin()),
        Some(_) => by_itself(),
    });
    match unusable(block, written.value, client, selective) {
        Some(origin) => {
            let mut setting = Setting::new(TlsMode::Disable, origin);
            setting.overrode.push(written.origin);
            setting.overrode.extend(written.overrode);
            setting
        }
        None => written,
    }
}

/// What keeps Istio from configuring TLS that is asked for; requests then go out in plaintext.
///
/// A sidecar ignores credentials that a rule without a selector names, and mutual TLS needs a
/// certificate with its key.
fn unusable(block: &Field<'_>, mode: TlsMode, client: &Client, selective: bool) -> Option<Origin> {
    let text = |key: &str| block.get(key)?.text().map(str::to_owned);
    let present = |key: &str| text(key).is_some_and(|text| !text.is_empty());
    let credential = block.get("credentialName");
    let named = text("credentialName").filter(|name| !name.is_empty());
    match (mode, named) {
        (TlsMode::Simple | TlsMode::Mutual, Some(name)) => {
            let locked = client.sidecar && !selective && !name.starts_with("configmap://");
            credential.filter(|_| locked).map(|field| field.origin())
        }
        (TlsMode::Mutual, None) => {
            let complete = present("clientCertificate") && present("privateKey");
            (!complete).then(|| block.key_origin())
        }
        _ => None,
    }
}

/// Transport security where no rule says. A proxy that does not choose the endpoint cannot choose
/// per endpoint either: all pods have a proxy, or none counts as having one.
fn by_itself(automatic: &Setting<TlsMode>, dial: &Dial) -> Setting<TlsMode> {
    automatic.map(|mode| match mode {
        TlsMode::Auto if dial.asked && !dial.all_proxied => TlsMode::Disable,
        TlsMode::Auto if dial.original => TlsMode::IstioMutual,
        mode => *mode,
    })
}

/// The server name of TLS that is not the mesh's own.
pub(super) fn sni(blocks: &Blocks<'_>, mode: TlsMode) -> Option<Setting<String>> {
    let field = blocks.tls.at(&["sni"])?;
    let text = field.text().filter(|text| !text.is_empty())?;
    matches!(mode, TlsMode::Simple | TlsMode::Mutual).then(|| field.setting(text.to_owned()))
}

/// Whether the rule's own mode decides which endpoints are marked for mutual TLS: `Some` where it
/// has one. Unlike blocks, a port-level entry without `tls` leaves the mode of its policy.
pub(super) fn marks(
    rule: Option<&Rule<'_>>,
    subset: Option<&Field<'_>>,
    port: u16,
) -> Option<bool> {
    let of = |policy: &Field<'_>| {
        let entry = port_level(policy, port).and_then(|entry| entry.get("tls"));
        let block = entry.or_else(|| policy.get("tls"))?;
        let mode = block.get("mode");
        Some(mode.and_then(|mode| mode.text()) == Some("ISTIO_MUTUAL"))
    };
    let of_rule = |rule: &Rule<'_>| {
        let own = rule.policy.as_ref().and_then(of);
        own.or_else(|| rule.backend.as_ref().and_then(of))
    };
    subset.and_then(of).or_else(|| rule.and_then(of_rule))
}

/// What the mesh does towards hosts outside.
pub(super) fn outside() -> Setting<TlsMode> {
    Setting::default_of(TlsMode::Disable, defaults::OUTSIDE)
}
