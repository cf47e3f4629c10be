//! Which share of the requests is traced, and who takes the spans.
//!
//! A provider's own sampler comes before `randomSamplingPercentage`, that before the proxy's
//! configuration, and that before Istio's default (`Telemetries.Tracing` and
//! `configureTracingFromTelemetry`, release 1.31). Where neither a `Telemetry` nor
//! `defaultProviders` speaks of tracing, the proxy's configuration alone decides, unless
//! `enableTracing` is off.

use stilltrace_model::{Origin, Setting};

use super::providers::Providers;
use super::{End, over};
use crate::defaults;
use crate::edges::Mesh;
use crate::field::Field;
use crate::proxy_config::Layers;

/// Tracers that Istio still starts with a proxy, by the name of their block.
const OF_PROXIES: [&str; 3] = ["zipkin", "lightstep", "datadog"];

/// The share of requests traced, in percent, and the tracer.
type Traced = (Setting<f64>, Setting<Option<String>>);

/// What the levels of `Telemetry` say at one end, each field by whoever spoke last.
struct Spoken<'a> {
    /// The provider's name, written in a `Telemetry` or as the mesh's default.
    provider: Option<(&'a str, Field<'a>)>,
    share: Option<Setting<f64>>,
    silenced: Option<Setting<bool>>,
}

/// Tracing at one end of requests.
pub(super) fn of(
    levels: &[Field<'_>],
    end: End,
    providers: &Providers<'_>,
    mesh: &Mesh<'_>,
    config: &Layers<'_>,
) -> Traced {
    let document = mesh.document.as_ref();
    let entries: Vec<Field<'_>> = levels.iter().flat_map(|level| level.list("tracing")).collect();
    let default = default_provider(document);
    if entries.is_empty() && default.is_none() {
        return of_proxy(mesh, config);
    }
    let spoken = spoken(&entries, end, default);
    let base = sampling(mesh, config);
    let share = match spoken.share {
        Some(share) => over(share, base),
        None => base,
    };
    let off = || Setting::default_of(None, defaults::NO_TRACER);
    let Some((name, field)) = spoken.provider else {
        return (over(Setting::default_of(0.0, defaults::NO_TRACER), share), off());
    };
    if let Some(silenced) = spoken.silenced.filter(|silenced| silenced.value) {
        let zero = Setting { value: 0.0, origin: silenced.origin, overrode: silenced.overrode };
        return (over(zero, share), field.setting(Some(name.to_owned())));
    }
    let Some(provider) = providers.find(name).filter(|provider| provider.takes_spans()) else {
        return (over(field.setting(0.0), share), field.setting(None));
    };
    if let Some(broken) = provider.broken() {
        let none = Setting { overrode: vec![field.origin()], ..broken.setting(None) };
        return (over(broken.setting(0.0), share), none);
    }
    let tracer = field.setting(Some(provider.name().to_owned()));
    match provider.sampler() {
        Some(sampler) => (over(Setting::new(100.0, sampler.key_origin()), share), tracer),
        None => (share, tracer),
    }
}

/// The first of the mesh's default providers.
fn default_provider<'a>(mesh: Option<&Field<'a>>) -> Option<(&'a str, Field<'a>)> {
    let first = mesh?.at(&["defaultProviders", "tracing"])?.items().into_iter().next()?;
    Some((first.text()?, first))
}

/// Goes through the entries; of the providers of one, only the first counts.
fn spoken<'a>(
    entries: &[Field<'a>],
    end: End,
    default: Option<(&'a str, Field<'a>)>,
) -> Spoken<'a> {
    let mut spoken = Spoken { provider: default, share: None, silenced: None };
    for entry in entries {
        let mode = entry.at(&["match", "mode"]);
        if !end.is_meant(mode.and_then(|mode| mode.text())) {
            continue;
        }
        let named = entry.list("providers").into_iter().next();
        if let Some(named) = named.and_then(|provider| provider.get("name")) {
            spoken.provider = named.text().map(|name| (name, named)).or(spoken.provider);
        }
        let share = entry.get("randomSamplingPercentage");
        if let Some(own) = share.and_then(|field| Some(field.setting(field.percent()?))) {
            spoken.share = Some(later(own, spoken.share));
        }
        let silenced = entry.get("disableSpanReporting");
        if let Some(own) = silenced.and_then(|field| Some(field.setting(field.flag()?))) {
            spoken.silenced = Some(later(own, spoken.silenced));
        }
    }
    spoken
}

fn later<T>(own: Setting<T>, earlier: Option<Setting<T>>) -> Setting<T> {
    match earlier {
        Some(earlier) => over(own, earlier),
        None => own,
    }
}

/// Tracing of proxies that no `Telemetry` speaks of.
fn of_proxy(mesh: &Mesh<'_>, config: &Layers<'_>) -> Traced {
    let share = sampling(mesh, config);
    let switch = mesh.document.as_ref().and_then(|document| document.get("enableTracing"));
    if let Some(switch) = switch.filter(|switch| switch.flag() == Some(false)) {
        return (over(switch.setting(0.0), share), switch.setting(None));
    }
    let block = config.block("tracing");
    let tracer = block.and_then(|(block, weaker)| {
        let (kind, field) = OF_PROXIES.iter().find_map(|kind| Some((kind, block.get(kind)?)))?;
        let mut setting = Setting::new(Some((*kind).to_owned()), field.key_origin());
        setting.overrode.extend(weaker);
        Some(setting)
    });
    (share, tracer.unwrap_or_else(|| Setting::default_of(None, defaults::NO_TRACER)))
}

/// The share in the proxy's own configuration, where 0 stands for istiod's
/// (`proxyConfigSamplingValue`, release 1.31).
fn sampling(mesh: &Mesh<'_>, config: &Layers<'_>) -> Setting<f64> {
    let base = mesh.sampling.clone();
    let Some((block, weaker)) = config.block("tracing") else { return base };
    let below = |base: Setting<f64>, mut overrode: Vec<Origin>| {
        overrode.extend(base.overrode);
        Setting { overrode, ..base }
    };
    let Some(field) = block.get("sampling") else {
        // The block takes the place of weaker ones with all that they say.
        return Setting { overrode: weaker, ..base };
    };
    let share = field.percent().filter(|share| *share > 0.0);
    let mut setting = match share {
        Some(share) => over(field.setting(share), base),
        None => below(base, vec![field.origin()]),
    };
    setting.overrode.extend(weaker);
    setting
}
