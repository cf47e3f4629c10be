//! Kinds that run pods, and controllers that write over Git's values.

use super::{gaps, platform, shown, workload};

const ROLLOUT: &str = "
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web, namespace: shop}
spec:
  replicas: 4
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: x}]}}
  strategy:
    canary:
      stableService: web
      canaryService: web-canary
      trafficRouting:
        istio:
          virtualService: {name: web-routes}
          destinationRule: {name: web-rule, stableSubsetName: stable, canarySubsetName: canary}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: other, namespace: shop}
spec: {scaleTargetRef: {kind: Deployment, name: web}, maxReplicas: 9}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
";

#[test]
fn a_rollout_runs_the_pods_of_its_template_behind_its_service() {
    let platform = platform(ROLLOUT);
    let web = workload(&platform, "web");
    assert_eq!((web.kind.as_str(), shown(&web.replicas).as_str()), ("Rollout", "4, line 5"));
    assert!(web.sidecar.is_some() && web.pod_rules.autoscaler.is_none());
    assert!(platform.services.values().any(|service| service.workloads == [web.id.clone()]));
}

#[test]
fn what_argo_rollouts_writes_while_it_releases_is_named_with_its_line() {
    let gaps = gaps(&platform(ROLLOUT));
    let expected = "b.yaml:13:11: Argo Rollouts writes the weights of VirtualService web-routes, \
                    the subset labels of DestinationRule web-rule, the selector of Service web, \
                    the selector of Service web-canary";
    assert!(gaps.contains(expected), "{gaps}");
}

const BORROWED: &str = "
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web-rollout, namespace: shop}
spec:
  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web, scaleDown: onsuccess}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: x, resources: {limits: {cpu: 250m}}}]}
";

#[test]
fn a_rollout_borrows_the_template_of_the_deployment_whose_pods_it_takes_away() {
    let platform = platform(BORROWED);
    let rollout = workload(&platform, "web-rollout");
    assert_eq!(shown(&rollout.containers[0].cpu_limit), "Millicores(250), line 14");
    assert_eq!(shown(&rollout.replicas), "1, Kubernetes default");
    let retired = &workload(&platform, "web").replicas;
    assert_eq!(shown(retired), "0, line 5");
    assert_eq!(retired.overrode[0].location().unwrap().line, 11);
}

#[test]
fn a_deployment_that_a_rollout_leaves_running_keeps_its_pods() {
    let platform = platform(&BORROWED.replace(", scaleDown: onsuccess", ""));
    assert_eq!(shown(&workload(&platform, "web").replicas), "3, line 11");
}

#[test]
fn a_rollout_that_borrows_from_nothing_is_named() {
    let gaps =
        gaps(&platform(&BORROWED.replace("Deployment, name: web,", "Deployment, name: gone,")));
    let expected = "b.yaml:5:16: Rollout shop/web-rollout takes its pods from Deployment gone, \
                    which is not in the repository";
    assert!(gaps.contains(expected), "{gaps}");
}

#[test]
fn what_flagger_writes_is_named_with_the_line_of_its_target() {
    let gaps = gaps(&platform(
        "
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: web, namespace: shop}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  service: {port: 80}
",
    ));
    let expected = "b.yaml:5:14: Flagger runs Deployment shop/web as web-primary and writes the \
                    Services web, web-primary and web-canary, the VirtualService web";
    assert!(gaps.contains(expected), "{gaps}");
}

const JOBS: &str = "
apiVersion: batch/v1
kind: Job
metadata: {name: load, namespace: shop}
spec: {parallelism: 5, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: x}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: x}]}}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: probe, namespace: shop, annotations: {helm.sh/hook: test-success}}
spec: {template: {spec: {containers: [{name: c, image: x}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
";

#[test]
fn jobs_call_others_and_are_no_lasting_endpoints() {
    let platform = platform(JOBS);
    let callers: Vec<String> = platform.edges.keys().map(|id| id.source.to_string()).collect();
    assert_eq!(callers, ["shop/load", "shop/nightly"]);
    assert_eq!(shown(&workload(&platform, "load").replicas), "5, line 4");
    let nightly = shown(&workload(&platform, "nightly").replicas);
    assert_eq!(nightly, "unset, pods at the times of its schedule");
    assert!(platform.services.values().all(|service| service.workloads.is_empty()));
}

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  resources: {limits: {cpu: 1500m, memory: 1Gi}}
  containers: [{name: c, image: x, resources: {requests: {memory: 256Mi}}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
";

#[test]
fn a_pod_that_no_controller_made_is_a_workload() {
    let web = platform(POD);
    let pod = workload(&web, "web");
    assert_eq!(
        (pod.kind.as_str(), shown(&pod.replicas).as_str()),
        ("Pod", "1, Kubernetes default")
    );
    assert!(pod.sidecar.is_some());
    assert!(web.services.values().any(|service| service.workloads == [pod.id.clone()]));
    let made = POD.replace("labels: {app: web}", "ownerReferences: [{kind: ReplicaSet, name: w}]");
    assert!(platform(&made).workloads.is_empty());
}

#[test]
fn what_a_pod_may_use_as_a_whole_is_read() {
    let platform = platform(POD);
    let together = &workload(&platform, "web").pod_rules.resources;
    assert_eq!(shown(&together.cpu_limit), "Millicores(1500), line 5");
    // No container requests CPU, so the pod requests what it may use.
    assert_eq!(shown(&together.cpu_request), "Millicores(1500), line 5");
    assert_eq!(shown(&together.memory_limit), "Bytes(1073741824), line 5");
    assert_eq!(shown(&together.memory_request), "unset, Kubernetes default");
}

#[test]
fn a_named_target_port_that_no_container_has_is_told() {
    let mesh = |target: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\n\
             spec:\n  template:\n    metadata: {{labels: {{app: web}}}}\n    \
             spec: {{containers: [{{name: c, image: x, ports: [{{name: http, containerPort: 80}}]}}]}}\n\
             ---\napiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: shop}}\n\
             spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: {target}}}]}}\n"
        )
    };
    let told = |target: &str| gaps(&platform(&mesh(target)));
    let expected = "b.yaml:12:61: Service shop/web: no container of Deployment shop/web has a port \
                    called `web`";
    assert!(told("web").contains(expected), "{}", told("web"));
    for fine in ["http", "80", "'8080'", "${PORT}"] {
        assert!(!told(fine).contains("no container"), "{fine}");
    }
}
