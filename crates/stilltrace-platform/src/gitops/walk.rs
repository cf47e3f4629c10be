//! Follows reconcilers from the roots of a cluster to everything that they apply.
//!
//! An applied folder may hold further reconcilers (app of apps, Flux trees); those are followed as
//! they come out of the build, patched and with their variables.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use stilltrace_manifest::{Mark, Object, ProblemKind};
use stilltrace_model::{Bearing, ObjectRef, ReconcilerKind};

use super::argo;
use super::assembly::{Assembly, place};
use super::chart_rule::ChartRule;
use super::claim::{Claim, ClusterName, Content, From, Layer, Refusal};
use super::context::Context;
use super::files::Files;
use super::flux::{self, substitute::Variables};
use super::marks::Marks;
use super::own::Own;
use super::render::{Rendered, Renderer};
use super::roots::{Cluster, Root};
use super::unbuilt;
use super::written::{Written, is_reconciler};
use crate::gaps::Gaps;

/// How many folders are applied before the rest is a gap; reconcilers can create each other.
const MAX_CLAIMS: usize = 20_000;

/// What became of a reconciler, for the tests that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// At least one of its folders is part of the answer.
    Applied,
    /// None is, and this is why.
    Refused(super::claim::Reason),
    /// It applies nothing: it has no source of objects.
    Nothing,
}

/// A reconciler to follow, in the cluster where it lives.
struct Visit {
    object: Object,
    home: ClusterName,
}

/// One walk over all clusters.
pub(crate) struct Walk<'a> {
    files: &'a Files<'a>,
    written: &'a Written,
    own: &'a Own,
    renderer: Renderer<'a>,
    marks: Marks,
    /// The clusters found so far.
    pub(crate) clusters: BTreeMap<ClusterName, Assembly>,
    /// By kind and place of the reconciler.
    pub(crate) outcomes: BTreeMap<(String, String), Outcome>,
    /// Folders that are applied, and by what.
    pub(crate) applied: BTreeMap<String, Option<ReconcilerKind>>,
    /// Files that applied objects are written in.
    pub(crate) object_files: BTreeSet<String>,
    /// Charts that are applied.
    pub(crate) charts: BTreeSet<String>,
    visits: VecDeque<Visit>,
    /// Claims whose variables come from objects that have not been met yet.
    waiting: Vec<(Claim, Option<String>)>,
    seen: BTreeSet<(ClusterName, String, String)>,
    missing_sources: BTreeSet<(ClusterName, String)>,
    claims: usize,
}

impl<'a> Walk<'a> {
    /// Nothing is followed yet.
    pub(crate) fn new(files: &'a Files<'a>, written: &'a Written, own: &'a Own) -> Self {
        Self {
            files,
            written,
            own,
            renderer: Renderer { files },
            marks: Marks::new(written),
            clusters: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            applied: BTreeMap::new(),
            object_files: BTreeSet::new(),
            charts: BTreeSet::new(),
            visits: VecDeque::new(),
            waiting: Vec::new(),
            seen: BTreeSet::new(),
            missing_sources: BTreeSet::new(),
            claims: 0,
        }
    }

    /// Follows everything that begins at the roots of one cluster.
    pub(crate) fn cluster(&mut self, cluster: &Cluster) {
        let home = ClusterName { home: cluster.name.clone(), remote: None };
        self.clusters.entry(home.clone()).or_default();
        for root in &cluster.roots {
            match root {
                Root::Reconciler(position) => {
                    if let Some(object) = self.written.reconcilers.get(*position) {
                        let claim = Claim::by_hand("", &home, self.files);
                        let target = self.clusters.entry(home.clone()).or_default();
                        target.add(&claim, std::slice::from_ref(object), &self.marks);
                        self.visit(object, &home);
                    }
                }
                Root::Folder(folder) => {
                    let claim = Claim::by_hand(folder, &home, self.files);
                    self.apply(&claim, None);
                }
            }
        }
        self.follow();
    }

    fn visit(&mut self, object: &Object, home: &ClusterName) {
        let place = object.mark().to_string();
        let name = format!("{} {}", object.key(), object.name());
        if self.seen.insert((home.clone(), place, name)) {
            self.visits.push_back(Visit { object: object.clone(), home: home.clone() });
        }
    }

    fn follow(&mut self) {
        loop {
            while let Some(visit) = self.visits.pop_front() {
                self.reconciler(visit);
            }
            // What waits for variables is tried again as long as that leads on.
            let waiting = std::mem::take(&mut self.waiting);
            let (ready, rest): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(claim, _)| self.has_variables(claim));
            if ready.is_empty() {
                let stuck = rest.is_empty();
                for (claim, ignored) in rest {
                    self.apply(&claim, ignored.as_deref());
                }
                if stuck {
                    return;
                }
            } else {
                self.waiting = rest;
                for (claim, ignored) in ready {
                    self.apply(&claim, ignored.as_deref());
                }
            }
        }
    }

    fn reconciler(&mut self, visit: Visit) {
        let Visit { object, home } = visit;
        self.object_files.insert(object.mark().path.to_string());
        let (files, written, own) = (self.files, self.written, self.own);
        let context = Context { files, written, own, home: &home };
        if object.kind() == "ApplicationSet" {
            let applications = argo::application_set::applications(&object, &context);
            let created = applications.iter().any(Result::is_ok);
            self.note(&object, if created { Outcome::Applied } else { Outcome::Nothing });
            for application in applications {
                match application {
                    Ok(application) => self.visit(&application, &home),
                    Err(refusal) => self.refuse(&object, &home, &refusal),
                }
            }
            return;
        }
        self.object_files.extend(flux::source::file(&object, &context));
        let ignored = flux::source::ignored(&object, &context).map(str::to_owned);
        if let Some(missing) = flux::source::missing(&object, &context) {
            self.name_missing_source(&missing, &object, &home);
        }
        let claims = match object.kind() {
            "Application" => argo::application::claims(&object, &context),
            "Kustomization" => vec![flux::kustomization::claim(&object, &context)],
            "HelmRelease" => vec![flux::helm_release::claim(&object, &context)],
            "FluxInstance" => {
                flux::kustomization::instance(&object, &context).into_iter().collect()
            }
            _ => Vec::new(),
        };
        if claims.is_empty() {
            self.note(&object, Outcome::Nothing);
        }
        for claim in claims {
            match claim {
                Ok(claim) => {
                    self.note(&object, Outcome::Applied);
                    if self.has_variables(&claim) {
                        self.apply(&claim, ignored.as_deref());
                    } else {
                        self.waiting.push((claim, ignored.clone()));
                    }
                }
                Err(refusal) => self.refuse(&object, &home, &refusal),
            }
        }
    }

    /// Names a source that Git does not hold: every reference to it where it may be misspelled, the
    /// first where there is no other.
    fn name_missing_source(
        &mut self,
        missing: &flux::source::Missing<'_>,
        object: &Object,
        home: &ClusterName,
    ) {
        let flux::source::Missing { at, source, near, has_others } = missing;
        if !has_others && !self.missing_sources.insert((home.clone(), source.clone())) {
            return;
        }
        let near = near.as_ref().map(|near| format!("; did you mean `{near}`?"));
        let (mark, near, what) = (&at.mark, near.unwrap_or_default(), reference(object));
        self.clusters.entry(home.clone()).or_default().gaps.add_bearing(
            Bearing::Objects,
            format!("{mark}: {what}: no object that was read is the {source}{near}"),
            "without its source Flux applies nothing of it; the answer takes this repository for it",
            "correct the name, or read what holds the source",
        );
    }

    /// Builds a claim, adds its objects to the cluster and notes the reconcilers among them.
    fn apply(&mut self, claim: &Claim, ignored: Option<&str>) {
        self.claims += 1;
        let target = self.clusters.entry(claim.cluster.clone()).or_default();
        let gaps = Arc::clone(&target.gaps);
        if self.claims > MAX_CLAIMS {
            return gaps.add_bearing(
                Bearing::Answer,
                format!("more than {MAX_CLAIMS} folders are applied; the rest is not read"),
                "its objects are not part of the answer",
                "read one cluster's folder at a time",
            );
        }
        self.remember(claim);
        let variables = self.variables(claim);
        let mut rendered = {
            let find = |from: &From| self.config_map(claim, from, true);
            self.renderer.render(claim, &variables, ignored, &find)
        };
        if let Some(permit) = &claim.permit {
            let placed = rendered.objects.iter();
            let placed = placed.map(|object| (object, place(object, &claim.placement)));
            if let Err(refusal) = permit.check(placed) {
                rendered.objects.clear();
                rendered.refused.push(refusal);
            }
        }
        for problem in &rendered.problems {
            // Encrypted variables are named once per claim, not as a broken file.
            if problem.kind == ProblemKind::Unsupported {
                gaps.add_unsupported(problem);
            } else {
                gaps.add_problem(problem);
            }
        }
        unbuilt::report(&gaps, claim, &rendered);
        report_variables(&gaps, claim, &rendered);
        for refusal in &rendered.refused {
            if let Some(reconciler) = &claim.reconciler {
                let key = (reconciler.object.kind.clone(), reconciler.at.to_string());
                if rendered.objects.is_empty() {
                    self.outcomes.insert(key, Outcome::Refused(refusal.reason));
                }
                report(&gaps, &reconciler.object, refusal);
            }
        }
        for caveat in claim.caveats.iter().chain(&rendered.caveats) {
            gaps.add_gap(caveat);
        }
        let target = self.clusters.entry(claim.cluster.clone()).or_default();
        target.add(claim, &rendered.objects, &self.marks);
        for object in &rendered.objects {
            let path: &str = &object.mark().path;
            if !self.object_files.contains(path) {
                self.object_files.insert(path.to_owned());
                // A kustomization may have rendered the chart whose template this is.
                self.charts.extend(self.files.chart_of(path).map(str::to_owned));
            }
        }
        for object in rendered.objects.iter().filter(|object| is_reconciler(object)) {
            self.visit(object, &claim.cluster);
        }
    }

    fn remember(&mut self, claim: &Claim) {
        let kind = claim.reconciler.as_ref().map(|reconciler| reconciler.kind);
        match &claim.content {
            Content::Kustomization { folder, .. } | Content::Plain { folder, .. } => {
                self.applied.insert(folder.clone(), kind);
            }
            Content::Chart(chart) => {
                self.charts.insert(chart.folder.clone());
            }
        }
    }

    /// Whether everything that the claim's variables come from has been met.
    fn has_variables(&self, claim: &Claim) -> bool {
        let from = claim.substitution.iter().flat_map(|s| &s.from);
        let inner = match &claim.content {
            Content::Chart(chart) => chart.layers.as_slice(),
            _ => &[],
        };
        let referred = inner.iter().filter_map(|layer| match layer {
            Layer::Referred(from, ..) => Some(from),
            _ => None,
        });
        let mut maps = from.chain(referred).filter(|from| from.kind == "ConfigMap");
        maps.all(|from| self.config_map(claim, from, false).is_some())
    }

    /// A `ConfigMap` of the cluster in which the reconciler lives, or else as written.
    fn config_map(&self, claim: &Claim, from: &From, as_written: bool) -> Option<Object> {
        if from.kind != "ConfigMap" {
            return None;
        }
        let home = ClusterName { home: claim.cluster.home.clone(), remote: None };
        let cluster = self.clusters.get(&home)?;
        if let Some(object) = cluster.find("ConfigMap", &from.namespace, &from.name) {
            return Some(object);
        }
        let near = claim.reconciler.as_ref().map_or("", |reconciler| &*reconciler.at.path);
        let written = self.written.config_map(&from.namespace, &from.name, near);
        written.filter(|_| as_written).cloned()
    }

    fn variables(&mut self, claim: &Claim) -> Variables {
        let mut variables = Variables::default();
        let Some(substitution) = &claim.substitution else { return variables };
        for from in &substitution.from {
            if from.kind == "Secret" {
                variables.hide_more();
                continue;
            }
            match self.config_map(claim, from, true) {
                Some(map) => {
                    self.object_files.insert(map.mark().path.to_string());
                    let data = map
                        .root
                        .get("data")
                        .map(stilltrace_manifest::Node::entries)
                        .unwrap_or_default();
                    for entry in data {
                        variables.set(&entry.key, &entry.value);
                    }
                }
                None if from.optional => {}
                None => variables.hide_more(),
            }
        }
        for (name, value) in &substitution.inline {
            variables.set(name, value);
        }
        variables
    }

    fn note(&mut self, object: &Object, outcome: Outcome) {
        let key = (object.kind().to_owned(), object.mark().to_string());
        let known = self.outcomes.entry(key).or_insert(outcome);
        if outcome == Outcome::Applied {
            *known = outcome;
        }
    }

    /// Names reconcilers that nothing applies: those that are known to be and those that nothing
    /// led to.
    pub(crate) fn name_the_rest(&mut self, dead: &[(usize, Refusal)], gaps: &Gaps) {
        let written = self.written;
        let patches = self.files.patches();
        for (position, object) in written.reconcilers.iter().enumerate() {
            let key = (object.kind().to_owned(), object.mark().to_string());
            if self.outcomes.contains_key(&key) {
                continue;
            }
            if patches.contains(&*object.mark().path) {
                self.note(object, Outcome::Nothing);
                self.object_files.insert(object.mark().path.to_string());
                continue;
            }
            let known = dead.iter().find(|(at, _)| *at == position);
            let refusal = known.map(|(_, refusal)| refusal.clone());
            let refusal = refusal.unwrap_or_else(|| Refusal::not_applied(object));
            self.note(object, Outcome::Refused(refusal.reason));
            self.object_files.insert(object.mark().path.to_string());
            report(gaps, &reference(object), &refusal);
        }
    }

    /// Names what a reconciler applies and is not part of the answer.
    fn refuse(&mut self, object: &Object, home: &ClusterName, refusal: &Refusal) {
        self.note(object, Outcome::Refused(refusal.reason));
        self.object_files.insert(object.mark().path.to_string());
        let cluster = self.clusters.entry(self.destination(object, home)).or_default();
        report(&cluster.gaps, &reference(object), refusal);
    }

    /// The cluster that lacks what a reconciler does not apply.
    fn destination(&self, object: &Object, home: &ClusterName) -> ClusterName {
        let (files, written, own) = (self.files, self.written, self.own);
        let context = Context { files, written, own, home };
        match (object.kind(), object.root.get("spec")) {
            ("Application", _) => argo::application::destination(object, &context),
            ("Kustomization" | "HelmRelease", Some(spec)) => {
                flux::kustomization::cluster(spec, &context)
            }
            _ => home.clone(),
        }
    }
}

fn reference(object: &Object) -> ObjectRef {
    ObjectRef {
        api_version: object.api_version().to_owned(),
        kind: object.kind().to_owned(),
        namespace: object.namespace().unwrap_or_default().to_owned(),
        name: object.name().to_owned(),
    }
}

/// Names variables that nothing sets, and those whose defaults were taken, all of a reconciler in one
/// line each.
fn report_variables(gaps: &Gaps, claim: &Claim, rendered: &Rendered) {
    let Some(reconciler) = &claim.reconciler else { return };
    if !rendered.unset.is_empty() {
        gaps.add(
            format!("{}: nothing sets the variables {}", reconciler.object, first(&rendered.unset)),
            "Flux puts nothing in their place and says nothing, unless it runs with strict substitution",
            "set them under `postBuild`, write a default (`${NAME:=value}`), or `$${NAME}` for the text itself",
        );
    }
    if !rendered.assumed.is_empty() {
        gaps.add(
            format!(
                "{}: the defaults of the variables {} are taken",
                reconciler.object,
                first(&rendered.assumed)
            ),
            "`substituteFrom` names what Git does not show, which may set them to something else",
            "set them under `postBuild.substitute`, which comes first, or look into the cluster",
        );
    }
}

/// The first of some variables with their places, and how many more there are.
fn first(variables: &BTreeMap<String, Mark>) -> String {
    const SHOWN: usize = 5;
    let shown = variables.iter().take(SHOWN);
    let shown: Vec<String> = shown.map(|(name, mark)| format!("`{name}` ({mark})")).collect();
    match variables.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn report(gaps: &Gaps, object: &ObjectRef, refusal: &Refusal) {
    gaps.add_bearing(
        Bearing::Objects,
        format!("{}: {object}: {}", refusal.at, refusal.what),
        "what it applies is not part of the answer",
        refusal.reason.remedy(),
    );
}

impl Claim {
    /// A folder that somebody applies by hand, or that nothing says more about.
    pub(crate) fn by_hand(folder: &str, cluster: &ClusterName, files: &Files<'_>) -> Self {
        let mark = stilltrace_manifest::Mark::of_file(folder, 0);
        let content = if files.kustomization(folder).is_some() {
            Content::Kustomization {
                folder: folder.to_owned(),
                changes: Vec::new(),
                named_at: mark,
                charts: ChartRule::ByHand,
            }
        } else {
            let filter = super::claim::Filter { recurse: true, ..Default::default() };
            Content::Plain { folder: folder.to_owned(), filter }
        };
        Self {
            reconciler: None,
            cluster: cluster.clone(),
            placement: super::claim::Placement::AsWritten,
            content,
            substitution: None,
            metadata: None,
            namespace: None,
            caveats: Vec::new(),
            permit: None,
        }
    }
}
