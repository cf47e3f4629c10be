//! The manifest of a lab capture: what was asked, and everything in it that is not as in a stock
//! installation.

use stilltrace_capture::{Manifest, SourceRecord};

use super::objects::last_revision;
use super::question;
use crate::envoy::equipment;
use crate::envoy::stats::Kept;
use crate::profile::{ISTIO_VERSION, Profile};
use crate::run::Run;

/// The manifest of a run.
pub(super) fn of(run: &Run) -> Manifest {
    let mut manifest = Manifest::new(&question(run));
    manifest.revision = Some(last_revision(run));
    manifest.seed = Some(run.options.seed);
    manifest.sources = sources(run);
    manifest.synthetic = match run.records.cluster {
        Some(_) => in_a_cluster(),
        None => without_a_cluster(),
    };
    manifest.synthetic.push("repo.git: organisation, people and history are invented.".to_owned());
    manifest.notes = notes(run);
    let noise = &run.records.noise;
    manifest.noise = [
        ("other_cores", noise.other_cores),
        ("steal_cores", noise.steal_cores),
        ("lab_cores", noise.lab_cores),
        ("cpus", noise.cpus as f64),
        ("load_average", noise.load_average),
    ]
    .map(|(name, value)| (name.to_owned(), (value * 1_000.0).round() / 1_000.0))
    .into();
    manifest.tools = run.records.versions.clone();
    manifest
}

/// What stands in for something else where there was no API server.
fn without_a_cluster() -> Vec<String> {
    vec![
        "events.jsonl: no GitOps controller ran; the lab wrote each sync when it applied the \
         revision, with the delay that such a controller takes."
            .to_owned(),
        "events.jsonl: rollouts of Deployments are the lab's; it applies pod template changes in \
         place."
            .to_owned(),
        "objects.jsonl: the objects of the GitOps controller are as it would have left them."
            .to_owned(),
    ]
}

/// What stands in for something else in a real control plane.
fn in_a_cluster() -> Vec<String> {
    vec![
        "events.jsonl, objects.jsonl: there was no scheduler, no kubelet and no injector; the lab \
         bound the pods, labelled them as the injector does and reported them as running. The audit \
         log does not hold that: it is kept for the objects of the mesh and of the engines."
            .to_owned(),
        "objects.jsonl: the lab applied the folder of the cluster in place of the engine's root \
         object, with its own address of the repository and shorter intervals."
            .to_owned(),
        "Pods of a rollout took the places of the old ones: processes, addresses and the pod names in \
         samples are those of the first pods."
            .to_owned(),
    ]
}

fn sources(run: &Run) -> Vec<SourceRecord> {
    let record = |name: &str, detail: String, files: &[&str]| SourceRecord {
        name: name.to_owned(),
        detail,
        files: files.iter().map(|file| (*file).to_owned()).collect(),
    };
    let mut all = vec![
        record(
            "prometheus",
            format!(
                "Prometheus, every {} s: proxies, containers, node; Istio's default metrics only",
                run.records.scrape_seconds
            ),
            &["samples/prometheus.om", "calls.csv"],
        ),
        record("bursts", "cgroup CPU accounting every 10 ms".to_owned(), &["bursts.csv"]),
        record("logs", "access logs of all proxies, counted".to_owned(), &["logs.jsonl"]),
        record("git", "the platform's repository".to_owned(), &["repo.git"]),
    ];
    let told = ["events.jsonl", "objects.jsonl"];
    all.extend(match run.records.cluster {
        Some(_) => vec![
            record("kubernetes", "objects and events of a real API server".to_owned(), &told),
            record("audit", "the API server's log of changes".to_owned(), &["audit.jsonl"]),
        ],
        None => vec![record("lab", "stand-ins".to_owned(), &told)],
    });
    all
}

/// The source of the widened view.
pub(super) fn widened_source() -> SourceRecord {
    SourceRecord {
        name: "prometheus-widened".to_owned(),
        detail: "the same scrapes: what proxies show whose proxyStatsMatcher is widened; counters \
                 that stayed zero are left out"
            .to_owned(),
        files: vec!["samples/widened.om".to_owned()],
    }
}

/// What a reader should know, one sentence each.
fn notes(run: &Run) -> Vec<String> {
    let mut notes = vec![
        format!(
            "Recorded by stilltrace-lab: real Envoys, real services of the lab, one Linux machine, {}.",
            match run.records.cluster {
                Some(_) => "a real API server without a kubelet",
                None => "no Kubernetes",
            }
        ),
        "Upstream Envoy stands in for Istio's proxy; its access-log statistics give istio_* \
         metrics under Istio's names, and the caller and callee learn each other's names from a \
         request header of the lab, x-lab-peer."
            .to_owned(),
        "Limits, images and proxy settings of a pod template are changed in place, without new pods."
            .to_owned(),
        "samples/prometheus.om: labels that repeat another label were dropped.".to_owned(),
    ];
    notes.extend(match run.records.profile {
        Profile::Static => under_files(),
        Profile::Istio => under_istio(),
        Profile::Cluster => under_istiod(),
    });
    notes.push(statistics(run).to_owned());
    let bystanders = run.incident.scenario.bystanders;
    if bystanders > 0 {
        notes.push(format!(
            "Beside the repository's objects the control plane held {bystanders} services of other \
             teams, called by nobody, with endpoints behind which nothing runs."
        ));
    }
    if !run.records.noise.realtime {
        notes.push(
            "Clients and sampler had no real-time priority: latencies are less reliable."
                .to_owned(),
        );
    }
    if run.options.quick {
        notes.push("A quick run: phases are short and noise was not limited.".to_owned());
    }
    if run.options.control {
        notes.push("A control run: the scenario's change was left out.".to_owned());
    }
    notes
}

/// Profile `static`.
fn under_files() -> Vec<String> {
    [
        "Profile static: the proxies are configured by files that the lab writes from the \
         repository at each revision.",
        "All pods share one network namespace with an address each; applications reach their proxy \
         by address, not by redirection.",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Profile `istio`: everything that is not as in a stock installation.
fn under_istio() -> Vec<String> {
    let mut notes = vec![
        format!(
            "Profile istio: Istio {ISTIO_VERSION}'s own control-plane code computed the proxies' \
             configuration from the manifests of each revision and delivered it over ADS; \
             certificates came over SDS. There was no istiod process, so no pilot_* metrics."
        ),
        "Every pod had a network namespace with Istio's redirect rules; Deployment, endpoints, \
         injection and cluster addresses were made up from the manifests, without an API server."
            .to_owned(),
    ];
    notes.extend(equipped());
    notes
}

/// What is not as in a stock installation under a real control plane.
fn under_istiod() -> Vec<String> {
    let mut notes = vec![
        format!(
            "Profile cluster: istiod {ISTIO_VERSION} computed the proxies' configuration from an API \
             server that Argo CD or Flux filled from repo.git, and delivered it over ADS without TLS; \
             certificates came over SDS from the lab."
        ),
        "No admission webhook ran, so what only Istio's own validation refuses was taken; what the \
         definitions of the kinds refuse was refused."
            .to_owned(),
        "Every pod had a network namespace with Istio's redirect rules.".to_owned(),
        "The control plane shared the machine with the mesh; its CPU counts as the lab's.".to_owned(),
    ];
    notes.extend(equipped());
    notes
}

/// What the lab adds to Istio's configuration, and what upstream Envoy cannot do.
fn equipped() -> Vec<String> {
    let name = equipment::NAME;
    vec![
        format!(
            "EnvoyFilter istio-system/{name} is the lab's, not the repository's: it makes istio_* \
             metrics with Envoy's statistics access logger, sets the header x-lab-peer and chooses \
             the protocol between proxies. Istio's own statistics, metadata exchange and ALPN \
             filters are off."
        ),
        format!(
            "ServiceEntry istio-system/{} is the lab's too: a trace collector that takes spans and \
             drops them.",
            equipment::COLLECTOR
        ),
        "Not as in a stock installation: no metadata exchange (app and version of the other side \
         repeat its canonical name and revision), no istio_tcp_*, istio_request_bytes, \
         istio_response_bytes, istio_build and istio_agent_*, no effect of Telemetry on metrics, no \
         pilot-agent, proxies of upstream Envoy."
            .to_owned(),
    ]
}

/// What proxies kept of their statistics.
fn statistics(run: &Run) -> &'static str {
    match run.incident.scenario.statistics {
        Kept::All => {
            "Proxies kept all of their statistics; each scrape asked for the part that a stock \
             installation shows and for some counters beside it, which only the capture with the \
             widened view holds."
        }
        Kept::Stock => {
            "Proxies kept only the statistics that a stock installation keeps, or that the \
             repository asks for."
        }
    }
}
