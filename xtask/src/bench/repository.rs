//! A GitOps repository of ten thousand files, the same on every machine.
//!
//! Teams own namespaces, one for production and one for staging. Every service has a base and two
//! overlays; teams limit what their proxies see to their own namespace and the shared one, as
//! meshes of this size must. Argo CD applies one folder per team and environment. Numbers vary from
//! service to service by a fixed rule, so that nothing can be computed once for all.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

/// Files of the repository, about: whole teams are made until there are as many.
pub(super) const FILES: usize = 10_000;
/// Services of a team.
const SERVICES: usize = 10;
/// Where services of one environment end up.
const ENVIRONMENTS: [(&str, &str); 2] = [("prod", ""), ("staging", "-staging")];
/// Team whose services all others call.
const SHARED: &str = "team-000";

/// Writes the repository into an empty folder and says how many files it has.
pub(super) fn write(folder: &Path) -> Result<usize> {
    let mut writer = Writer { folder, files: 0 };
    writer.write("platform/istio.yaml", MESH)?;
    let mut team = 0;
    while writer.files < FILES {
        let name = format!("team-{team:03}");
        for service in 0..SERVICES {
            writer.service(&name, team, service)?;
        }
        writer.team(&name)?;
        team += 1;
    }
    Ok(writer.files)
}

/// The mesh's configuration as the installation keeps it.
const MESH: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: istio
  namespace: istio-system
data:
  mesh: |
    accessLogFile: /dev/stdout
    enableAutoMtls: true
    defaultConfig:
      holdApplicationUntilProxyStarts: true
";

struct Writer<'a> {
    folder: &'a Path,
    files: usize,
}

impl Writer<'_> {
    fn write(&mut self, path: &str, text: &str) -> Result<()> {
        let file = self.folder.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, text)?;
        self.files += 1;
        Ok(())
    }

    /// Base and overlays of a service: 12 files, fewer where it has no rule of its own.
    fn service(&mut self, team: &str, number: usize, service: usize) -> Result<()> {
        let name = format!("svc-{number:03}-{service}");
        let vary = |from: usize, range: usize| from + (number * 31 + service * 17) % range;
        let base = format!("teams/{team}/{name}/base");
        let mut resources = vec!["deployment.yaml", "service.yaml", "autoscaler.yaml"];
        self.write(&format!("{base}/deployment.yaml"), &deployment(&name, vary(50, 400)))?;
        self.write(&format!("{base}/service.yaml"), &port(&name))?;
        self.write(&format!("{base}/autoscaler.yaml"), &autoscaler(&name, vary(3, 9)))?;
        if service.is_multiple_of(2) {
            let rule = virtual_service(&name, vary(1, 9), vary(1, 4));
            self.write(&format!("{base}/virtual-service.yaml"), &rule)?;
            resources.push("virtual-service.yaml");
        }
        if service % 3 != 2 {
            let rule = destination_rule(&name, vary(20, 200), vary(3, 7));
            self.write(&format!("{base}/destination-rule.yaml"), &rule)?;
            resources.push("destination-rule.yaml");
        }
        self.write(&format!("{base}/app.properties"), &format!("threads={}\n", vary(2, 60)))?;
        let generator =
            format!("configMapGenerator:\n- name: {name}\n  files:\n  - app.properties\n");
        self.write(
            &format!("{base}/kustomization.yaml"),
            &format!("{}{}{generator}", KUSTOMIZATION, list("resources", &resources)),
        )?;
        for (environment, _) in ENVIRONMENTS {
            let overlay = format!("teams/{team}/{name}/overlays/{environment}");
            let replicas = if environment == "prod" { vary(2, 6) } else { 1 };
            self.write(&format!("{overlay}/replicas.yaml"), &patch(&name, replicas))?;
            let text = format!(
                "{KUSTOMIZATION}resources:\n- ../../base\npatches:\n- path: replicas.yaml\nimages:\n- name: registry.example.com/{name}\n  newTag: v{}\n",
                vary(1, 90)
            );
            self.write(&format!("{overlay}/kustomization.yaml"), &text)?;
        }
        Ok(())
    }

    /// Namespace, scope and list of services of every environment, and what applies them.
    fn team(&mut self, team: &str) -> Result<()> {
        for (environment, suffix) in ENVIRONMENTS {
            let namespace = format!("{team}{suffix}");
            let folder = format!("teams/{team}/{environment}");
            self.write(&format!("{folder}/namespace.yaml"), &of_namespace(&namespace))?;
            self.write(&format!("{folder}/sidecar.yaml"), &sidecar(suffix))?;
            let number = team.trim_start_matches("team-");
            let services = (0..SERVICES)
                .map(|service| format!("../svc-{number}-{service}/overlays/{environment}"));
            let resources: Vec<String> = ["namespace.yaml", "sidecar.yaml"]
                .map(str::to_owned)
                .into_iter()
                .chain(services)
                .collect();
            let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
            let text =
                format!("{KUSTOMIZATION}namespace: {namespace}\n{}", list("resources", &resources));
            self.write(&format!("{folder}/kustomization.yaml"), &text)?;
            let path = format!("argocd/{environment}/{team}.yaml");
            self.write(&path, &application(&namespace, &folder))?;
        }
        Ok(())
    }
}

const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

fn list(name: &str, items: &[&str]) -> String {
    items.iter().fold(format!("{name}:\n"), |mut text, item| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "- {item}");
        text
    })
}

fn deployment(name: &str, cpu: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels:
    app: {name}
spec:
  replicas: 1
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
        version: v1
    spec:
      serviceAccountName: {name}
      containers:
      - name: app
        image: registry.example.com/{name}
        ports:
        - name: http
          containerPort: 8080
        envFrom:
        - configMapRef:
            name: {name}
        resources:
          requests:
            cpu: {cpu}m
            memory: 128Mi
          limits:
            cpu: 1000m
            memory: 512Mi
        readinessProbe:
          httpGet:
            path: /ready
            port: http
"
    )
}

fn port(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector:
    app: {name}
  ports:
  - name: http
    port: 80
    targetPort: http
"
    )
}

fn autoscaler(name: &str, most: usize) -> String {
    format!(
        "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {name}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {name}
  minReplicas: 1
  maxReplicas: {most}
"
    )
}

fn virtual_service(name: &str, timeout: usize, attempts: usize) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {name}
spec:
  hosts:
  - {name}
  http:
  - name: api
    match:
    - uri:
        prefix: /api
    route:
    - destination:
        host: {name}
        port:
          number: 80
    timeout: {timeout}s
    retries:
      attempts: {attempts}
      perTryTimeout: 500ms
      retryOn: 5xx,reset
  - route:
    - destination:
        host: {name}
        port:
          number: 80
"
    )
}

fn destination_rule(name: &str, pending: usize, failures: usize) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: {name}
spec:
  host: {name}
  trafficPolicy:
    connectionPool:
      http:
        http1MaxPendingRequests: {pending}
        maxRequestsPerConnection: 100
    outlierDetection:
      consecutive5xxErrors: {failures}
      interval: 15s
  subsets:
  - name: v1
    labels:
      version: v1
"
    )
}

fn patch(name: &str, replicas: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  replicas: {replicas}\n"
    )
}

fn of_namespace(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels:\n    istio-injection: enabled\n"
    )
}

fn sidecar(suffix: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: Sidecar
metadata:
  name: default
spec:
  egress:
  - hosts:
    - ./*
    - istio-system/*
    - {SHARED}{suffix}/svc-000-0.{SHARED}{suffix}.svc.cluster.local
"
    )
}

fn application(namespace: &str, folder: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {namespace}
  namespace: argocd
spec:
  project: default
  source:
    repoURL: https://git.example.com/platform/gitops.git
    targetRevision: main
    path: {folder}
  destination:
    server: https://kubernetes.default.svc
    namespace: {namespace}
"
    )
}
