//! Which release of Istio the repository installs, and what that release does otherwise.
//!
//! Settings are computed as Istio 1.31 computes them. Where Git says that another release is
//! installed, every known difference that can change a setting is named as a gap, so that nobody
//! takes a value for certain that the older control plane computes in another way. The table is
//! data: a new release is a new entry.

use std::sync::Arc;

use stilltrace_manifest::Object;
use stilltrace_model::Setting;

use crate::field::Field;
use crate::gaps::Gaps;
use crate::inventory::Inventory;
use crate::source::Source;

/// The release whose rules the reader follows.
pub(crate) const COMPUTED: Release = Release { major: 1, minor: 31 };

/// A release, without its patch level: behaviour changes with the minor number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    major: u32,
    minor: u32,
}

/// What changed with a release.
struct Difference {
    /// The first release with the behaviour that is computed.
    since: Release,
    /// What a release before it does, and which settings that touches.
    before: &'static str,
}

const fn since(minor: u32, before: &'static str) -> Difference {
    Difference { since: Release { major: 1, minor }, before }
}

/// Differences that touch settings, oldest first. From the compatibility profiles that Istio 1.31
/// ships (`manifests/helm-profiles/compatibility-version-1.25` to `1.30`), which list the switches
/// that bring an older behaviour back.
const DIFFERENCES: [Difference; 6] = [
    since(27, "proxies are ordinary containers, not native sidecars: start and stop order differ"),
    since(28, "mirrored requests carry `-shadow` behind the host name"),
    since(29, "proxies do not report how much of a circuit breaker's limit is left"),
    since(
        30,
        "where several namespaces hold one host, a Sidecar takes the alphabetically first one",
    ),
    since(31, "endpoints that are not ready are not sent to proxies"),
    since(31, "managed gateways may be merged with Istio gateways of other namespaces"),
];

/// The release that the repository installs, with the line that says so, and a gap where it is not
/// the one that is computed. `None` where nothing in the repository says.
pub(crate) fn installed(
    inventory: &Inventory<'_>,
    written: &[Object],
    gaps: &Arc<Gaps>,
) -> Option<Setting<String>> {
    let version = find(inventory, written, gaps)?;
    let release = Release::parse(&version.value)?;
    if release != COMPUTED {
        report(&version, release, gaps);
    }
    Some(version)
}

impl Release {
    /// Reads `1.28`, `1.28.3`, `v1.28.3-distroless`; `None` for words such as `latest`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim_start_matches('v').split(['.', '-', '_', '+']);
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some(Self { major, minor })
    }
}

fn report(version: &Setting<String>, release: Release, gaps: &Gaps) {
    let place = version.origin.location().map(ToString::to_string).unwrap_or_default();
    let what = format!(
        "{place}: Istio {} is installed; settings are computed as Istio {}.{} does",
        version.value, COMPUTED.major, COMPUTED.minor
    );
    let differing = DIFFERENCES.iter().filter(|difference| release < difference.since);
    let known: Vec<&str> = differing.map(|difference| difference.before).collect();
    let why = if release > COMPUTED {
        "a later release may compute some of them in another way".to_owned()
    } else if known.is_empty() {
        "no difference that touches a setting is known".to_owned()
    } else {
        format!("before the release that is computed: {}", known.join("; "))
    };
    gaps.add(what, why, "compare settings in doubt with `istioctl proxy-config` on one pod");
}

/// The first line that names the version: what installs the control plane, else its own pods.
fn find(
    inventory: &Inventory<'_>,
    written: &[Object],
    gaps: &Arc<Gaps>,
) -> Option<Setting<String>> {
    type Reader = fn(&Source) -> Option<Setting<String>>;
    let kinds: [(&str, &str, Reader); 5] = [
        ("install.istio.io", "IstioOperator", operator),
        ("sailoperator.io", "Istio", sail),
        ("helm.toolkit.fluxcd.io", "HelmRelease", helm_release),
        ("argoproj.io", "Application", application),
        ("apps", "Deployment", deployment),
    ];
    for (group, kind, read) in kinds {
        if let Some(version) = inventory.of(group, kind).iter().find_map(|source| read(source)) {
            return Some(version);
        }
        // Who applies the objects of reconcilers is often not part of the repository.
        let objects = written.iter().filter(|o| o.group() == group && o.kind() == kind);
        let namespace = |o: &Object| o.namespace().unwrap_or_default().to_owned();
        let mut sources = objects.map(|o| Source::new(o, namespace(o), None, gaps));
        if kind != "Deployment"
            && let Some(version) = sources.find_map(|source| read(&source))
        {
            return Some(version);
        }
    }
    None
}

fn at(source: &Source, path: &[&str]) -> Option<Setting<String>> {
    version(&source.field().at(path)?)
}

fn version(field: &Field<'_>) -> Option<Setting<String>> {
    let text = field.node().text()?;
    Release::parse(text)?;
    Some(field.setting(text.trim_start_matches('v').to_owned()))
}

fn operator(source: &Source) -> Option<Setting<String>> {
    at(source, &["spec", "tag"])
}

fn sail(source: &Source) -> Option<Setting<String>> {
    at(source, &["spec", "version"])
}

fn helm_release(source: &Source) -> Option<Setting<String>> {
    let chart = source.field().at(&["spec", "chart", "spec"])?;
    is_control_plane(chart.get("chart")?.node().text()?).then_some(())?;
    version(&chart.get("version")?)
}

fn application(source: &Source) -> Option<Setting<String>> {
    let spec = source.spec()?;
    let mut sources = spec.list("sources");
    sources.extend(spec.get("source"));
    sources.iter().find_map(|one| {
        is_control_plane(one.get("chart")?.node().text()?).then_some(())?;
        version(&one.get("targetRevision")?)
    })
}

/// The tag of the control plane's own image.
fn deployment(source: &Source) -> Option<Setting<String>> {
    let containers = source.field().at(&["spec", "template", "spec", "containers"])?.items();
    containers.iter().find_map(|container| {
        let image = container.get("image")?;
        let (name, tag) = image.node().text()?.rsplit_once(':')?;
        let is_pilot = name.rsplit('/').next() == Some("pilot");
        (is_pilot && Release::parse(tag).is_some()).then(|| image.setting(tag.to_owned()))
    })
}

/// Whether a Helm chart holds the control plane; its version is that of Istio.
fn is_control_plane(chart: &str) -> bool {
    matches!(chart.rsplit('/').next(), Some("istiod" | "istio-discovery"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use stilltrace_manifest::MemoryTree;

    use super::*;
    use crate::{ParseCache, read};

    fn gaps_of(text: &str) -> (Option<Setting<String>>, Vec<String>) {
        let tree = MemoryTree::new().with("all.yaml", text);
        let platform = read(&tree, &mut ParseCache::new());
        let told = platform.gaps.iter().filter(|gap| !gap.what.starts_with("nothing found"));
        let gaps = told.map(|gap| format!("{} {}", gap.what, gap.why)).collect();
        (platform.istio_version, gaps)
    }

    #[test]
    fn an_older_release_is_a_gap_that_names_what_it_does_otherwise() {
        let (version, gaps) = gaps_of(
            "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: mesh}\n\
             spec:\n  tag: 1.29.2\n",
        );
        let version = version.unwrap();
        assert_eq!(version.value, "1.29.2");
        assert_eq!(version.origin.to_string(), "all.yaml:5:8");
        let [gap] = gaps.as_slice() else { panic!("{gaps:#?}") };
        assert!(gap.contains("alphabetically first") && gap.contains("not ready"), "{gap}");
        assert!(!gap.contains("-shadow"), "1.29 has that already: {gap}");
    }

    #[test]
    fn the_release_that_is_computed_is_no_gap() {
        let (version, gaps) = gaps_of(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod, namespace: istio-system}\n\
             spec: {template: {spec: {containers: [{name: discovery, image: 'x/pilot:1.31.0'}]}}}\n",
        );
        assert_eq!(version.unwrap().value, "1.31.0");
        let about_releases = gaps.iter().filter(|gap| gap.contains("Istio 1."));
        assert_eq!(about_releases.count(), 0, "{gaps:#?}");
    }

    #[test]
    fn words_and_other_charts_are_no_version() {
        assert_eq!(Release::parse("latest"), None);
        assert_eq!(Release::parse("v1.31.0-rc.1"), Some(COMPUTED));
        assert!(!is_control_plane("cert-manager"));
    }
}
