//! Workloads: their pods, containers, numbers and resources.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_model::{
    AppContainer, Bytes, ContainerId, Millicores, ProbeAgent, Setting, WorkloadId,
};

use crate::defaults;
use crate::endpoints::TLS_MODE;
use crate::field::Field;
use crate::injection::{self, Injected, injected};
use crate::inventory::Inventory;
use crate::kubernetes::{self, Filler};
use crate::labels::Labels;
use crate::pod_template::{self, KINDS};
use crate::resources::Share;
use crate::source::Source;

/// The pods of one workload.
pub(crate) struct Pods<'a> {
    /// `namespace/name`.
    pub(crate) id: WorkloadId,
    /// The object.
    pub(crate) source: &'a Source,
    /// Labels of the pod template.
    pub(crate) labels: Labels,
    /// What injection makes of the pods.
    pub(crate) injected: Injected,
    /// The pod template; of another object where a `Rollout` borrows it.
    pub(crate) template: Field<'a>,
    /// The line by which a `Rollout` takes the pods away.
    retired: Option<Field<'a>>,
}

/// Reads all workloads, sorted by id. Two kinds of the same name count once.
pub(crate) fn read<'a>(inventory: &Inventory<'a>) -> Vec<Pods<'a>> {
    let mut found: BTreeMap<WorkloadId, Pods<'a>> = BTreeMap::new();
    for (group, kind, path) in KINDS {
        for source in inventory.of(group, kind) {
            let Some(template) = pod_template::of(source, path, inventory) else { continue };
            let labels_at =
                |path: &[&str]| template.at(path).map(|f| f.labels()).unwrap_or_default();
            let labels = labels_at(&["metadata", "labels"]);
            let annotations = labels_at(&["metadata", "annotations"]);
            let host = template.at(&["spec", "hostNetwork"]).and_then(|field| field.flag());
            let namespace = inventory.namespace_labels(source.namespace());
            let id = WorkloadId::new(source.namespace(), source.name());
            let injected = injected(&namespace, &labels, &annotations, host == Some(true));
            let retired = pod_template::retired(source, inventory);
            let pods = Pods { id: id.clone(), source, labels, injected, template, retired };
            found.entry(id).or_insert(pods);
        }
    }
    found.into_values().collect()
}

/// Those of one namespace; `pods` are sorted by id, as [`read`] returns them.
pub(crate) fn of_namespace<'p, 'a>(pods: &'p [Pods<'a>], namespace: &str) -> &'p [Pods<'a>] {
    let start = pods.partition_point(|pods| pods.id.namespace.as_str() < namespace);
    let rest = pods.get(start..).unwrap_or_default();
    let count = rest.partition_point(|pods| pods.id.namespace == namespace);
    rest.get(..count).unwrap_or_default()
}

impl<'a> Pods<'a> {
    /// An annotation of the pods.
    pub(crate) fn annotation(&self, key: &str) -> Option<Field<'a>> {
        self.template.at(&["metadata", "annotations", key])
    }

    /// The container that the user wrote for the proxy, whose fields win over injected ones.
    pub(crate) fn written_proxy(&self) -> Option<Field<'a>> {
        let lists = ["containers", "initContainers"];
        let containers = lists.iter().flat_map(|list| self.containers_of(list));
        containers.into_iter().find(|container| name_of(container) == Some(ContainerId::SIDECAR))
    }

    /// What the pods' label says about mutual TLS. Injection sets it unless the template does.
    pub(crate) fn tls_mode(&self) -> &str {
        let bare = self.injected == Injected::Nothing || self.is_deployed_by_istio();
        let injected = if bare { "disabled" } else { "istio" };
        self.labels.get(TLS_MODE).map_or(injected, String::as_str)
    }

    /// Whether Istio deploys the pods for a gateway: no injection touches them.
    pub(crate) fn is_deployed_by_istio(&self) -> bool {
        self.labels.contains_key(injection::MANAGED)
    }

    /// Whether the manifest holds the proxy already.
    pub(crate) fn is_injected_by_hand(&self) -> bool {
        self.annotation("sidecar.istio.io/status").is_some()
    }

    /// The port that a probe of a container asks, by number or by the name of one of its ports.
    pub(crate) fn probed_port(&self, container: &str, port: &str) -> Option<u16> {
        if let Ok(number) = port.parse() {
            return Some(number);
        }
        let containers = ["containers", "initContainers"];
        let containers = containers.iter().flat_map(|list| self.containers_of(list));
        let mut own = containers.filter(|own| name_of(own) == Some(container));
        let ports = own.next()?.list("ports");
        let named = |own: &&Field<'_>| own.get("name").and_then(|name| name.text()) == Some(port);
        ports.iter().find(named)?.get("containerPort")?.port()
    }

    /// The number of the container port of this name and transport.
    pub(crate) fn container_port(&self, name: &str, udp: bool) -> Option<u16> {
        let containers = self.containers_of("containers");
        let ports = containers.iter().flat_map(|container| container.list("ports"));
        let mut named =
            ports.filter(|port| port.get("name").and_then(|own| own.text()) == Some(name));
        let speaks = |port: &Field<'_>| {
            let own = port.get("protocol").and_then(|own| own.text()).unwrap_or("tcp");
            own.eq_ignore_ascii_case(if udp { "udp" } else { "tcp" })
        };
        named.find(speaks)?.get("containerPort")?.port()
    }

    /// Name of the pods' service account.
    pub(crate) fn service_account(&self) -> String {
        let written = self.template.at(&["spec", "serviceAccountName"]).and_then(|f| f.text());
        written.unwrap_or("default").to_owned()
    }

    /// Containers other than the proxy, with those of `initContainers` that keep running beside them
    /// (`restartPolicy: Always`).
    pub(crate) fn applications(
        &self,
        filler: &Filler<'_>,
        agent: Option<&ProbeAgent>,
    ) -> Vec<AppContainer> {
        let keeps_running = |container: &Field<'_>| {
            container.get("restartPolicy").and_then(|field| field.text()) == Some("Always")
        };
        let beside = self.containers_of("initContainers").into_iter().filter(keeps_running);
        let containers = self.containers_of("containers").into_iter().chain(beside);
        containers.filter_map(|container| application(&container, filler, agent)).collect()
    }

    /// Number of pods; `None` when an autoscaler or the number of nodes decides.
    pub(crate) fn replicas(&self, scaled: &BTreeSet<(String, WorkloadId)>) -> Setting<Option<u32>> {
        let kind = self.source.id.kind.as_str();
        match kind {
            "DaemonSet" => return Setting::default_of(None, defaults::PER_NODE),
            "CronJob" => return Setting::default_of(None, defaults::SCHEDULED),
            _ => {}
        }
        let key = if kind == "Job" { "parallelism" } else { "replicas" };
        let written = self.source.field().at(&["spec", key]);
        if let Some(line) = &self.retired {
            let mut setting = line.setting(Some(0));
            setting.overrode.extend(written.map(|field| field.origin()));
            return setting;
        }
        let count = written.as_ref().and_then(Field::count);
        if scaled.contains(&(self.source.id.kind.clone(), self.id.clone())) {
            let mut setting = Setting::default_of(None, defaults::SCALED);
            setting.overrode.extend(written.map(|field| field.origin()));
            return setting;
        }
        match (written, count) {
            (Some(field), Some(count)) => field.setting(Some(count)),
            (Some(field), None) if field.is_variable() => field.setting(None),
            _ => Setting::default_of(Some(1), defaults::KUBERNETES),
        }
    }

    /// Whether the pods stay: those of jobs end by themselves and are no lasting endpoints.
    pub(crate) fn stay(&self) -> bool {
        !pod_template::ends(self.source)
    }

    fn containers_of(&self, list: &str) -> Vec<Field<'a>> {
        self.template.at(&["spec", list]).map(|list| list.items()).unwrap_or_default()
    }
}

/// Workloads whose number of pods an autoscaler decides, with their kind.
pub(crate) fn autoscaled(inventory: &Inventory<'_>) -> BTreeSet<(String, WorkloadId)> {
    let scalers = inventory.of("autoscaling", "HorizontalPodAutoscaler").iter();
    let scalers = scalers.chain(inventory.of("keda.sh", "ScaledObject"));
    scalers
        .filter_map(|source| {
            let target = source.field().at(&["spec", "scaleTargetRef"])?;
            let name = target.get("name")?.text()?;
            let kind = target.get("kind").and_then(|kind| kind.text()).unwrap_or("Deployment");
            Some((kind.to_owned(), WorkloadId::new(source.namespace(), name)))
        })
        .collect()
}

fn name_of<'a>(container: &Field<'a>) -> Option<&'a str> {
    container.get("name")?.text()
}

fn application(
    container: &Field<'_>,
    filler: &Filler<'_>,
    agent: Option<&ProbeAgent>,
) -> Option<AppContainer> {
    let name = name_of(container)?;
    if name == ContainerId::SIDECAR {
        return None;
    }
    let image =
        container.get("image").and_then(|f| f.text().map(|text| f.setting(text.to_owned())));
    let cpu = Share::<Millicores>::written(container).admitted(filler);
    let memory = Share::<Bytes>::written(container).admitted(filler);
    Some(AppContainer {
        name: name.to_owned(),
        image: image.unwrap_or_else(|| Setting::default_of(String::new(), defaults::KUBERNETES)),
        cpu_limit: cpu.limit,
        cpu_request: cpu.request,
        memory_limit: memory.limit,
        memory_request: memory.request,
        probes: kubernetes::probes(container, agent),
        env: environment(container),
    })
}

/// Variables with a plain value. References to Secrets and ConfigMaps are left out on purpose.
fn environment(container: &Field<'_>) -> BTreeMap<String, Setting<String>> {
    let variables = container.list("env");
    variables
        .iter()
        .filter_map(|variable| {
            let name = variable.get("name")?.text()?;
            let value = variable.get("value")?;
            let text = value.text()?;
            Some((name.to_owned(), value.setting(text.to_owned())))
        })
        .collect()
}
