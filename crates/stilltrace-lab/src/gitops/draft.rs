//! A repository in the making: objects with the scenario's values, and the commits about them.

use super::cast::Cast;
use super::draw::Draw;
use super::edit::{self, Edit, Files, Spot};
use super::layout::{self, Images, Layout, Reconciler};
use super::message::{self, Work};
use super::objects::{self, Manifest, image_repository};
use super::value::Value;
use super::{GitopsError, ObjectName, Planned, Request, Revision, WindowCommit};
use super::{calendar, history, import};
use crate::topology::Service;

/// A repository in the making.
pub(super) struct Draft<'a> {
    request: &'a Request<'a>,
    cast: Cast,
    layout: Layout,
    manifests: Vec<Manifest>,
}

impl<'a> Draft<'a> {
    /// Cast, layout and objects with the scenario's values in them.
    pub(super) fn new(request: &'a Request<'a>, start: i64) -> Result<Self, GitopsError> {
        let cast = Cast::draw(request.topology, request.seed, start);
        let layout = Layout::draw(&request.layout, request.seed);
        let manifests = objects::draw(request.topology, &cast, request.seed);
        let mut draft = Self { request, cast, layout, manifests };
        for preset in request.base {
            draft.set(&preset.kind, &preset.of, &preset.field, preset.value.clone())?;
        }
        for planned in request.window {
            let edit = &planned.edit;
            if edit.is_release() {
                let image = draft.image(edit, &edit.from)?;
                draft.set("Deployment", &edit.of, IMAGE_FIELD, Value::from(image))?;
            } else {
                draft.set(&edit.kind, &edit.of, &edit.field, edit.from.clone())?;
            }
        }
        Ok(draft)
    }

    /// Sets a field of an object.
    fn set(&mut self, kind: &str, of: &str, field: &str, value: Value) -> Result<(), GitopsError> {
        let manifest = self
            .manifests
            .iter_mut()
            .find(|manifest| manifest.kind == kind && manifest.of == of)
            .ok_or_else(|| GitopsError::NoObject { kind: kind.to_owned(), of: of.to_owned() })?;
        if manifest.value.set(field, value) {
            return Ok(());
        }
        Err(GitopsError::NoField {
            kind: kind.to_owned(),
            of: of.to_owned(),
            field: field.to_owned(),
        })
    }

    /// The full image of a release.
    fn image(&self, edit: &Edit, tag: &Value) -> Result<String, GitopsError> {
        let service = self.service(&edit.of).ok_or_else(|| GitopsError::NoObject {
            kind: edit.kind.clone(),
            of: edit.of.clone(),
        })?;
        Ok(format!("{}:{}", image_repository(service), tag.scalar().unwrap_or_default()))
    }

    /// The service that a scenario means by a service's or workload's name.
    fn service(&self, of: &str) -> Option<&'a Service> {
        self.request.topology.services.iter().find(|service| {
            service.name == of || service.workloads().iter().any(|workload| workload.name == of)
        })
    }

    /// The objects that apply the repository to the cluster.
    pub(super) fn reconcilers(&self) -> Vec<Reconciler> {
        layout::reconcilers(self.request.topology, &self.cast, self.layout)
    }

    /// All files just before the window.
    pub(super) fn files(&self) -> Files {
        let request = self.request;
        layout::files(request.topology, &self.cast, self.layout, &self.manifests, request.seed)
            .into_iter()
            .collect()
    }

    /// How the files came to be.
    pub(super) fn history(&self, last: &Files) -> Vec<history::Step> {
        let finders: Vec<_> = self
            .request
            .window
            .iter()
            .map(|planned| move |files: &Files| self.spot(files, &planned.edit))
            .collect();
        let pinned: Vec<_> = finders.iter().map(|find| find as &history::Finder).collect();
        let touched: Vec<_> = self.request.window.iter().map(|planned| &planned.edit.of).collect();
        let apps: Vec<_> = self
            .request
            .topology
            .services
            .iter()
            .filter(|service| !touched.contains(&&service.name))
            .map(|service| layout::app_folder(self.layout, &self.cast, service))
            .collect();
        history::draw(last, &pinned, &apps, self.request.seed)
    }

    /// The commits of the days before.
    pub(super) fn old_commits(&self, steps: &[history::Step], start: i64) -> Vec<import::Commit> {
        let times = calendar::before(start, self.cast.zone_minutes, steps.len(), self.request.seed);
        let mut draw = Draw::new(self.request.seed, "old commits");
        let mut commits = Vec::new();
        for (step, committed) in steps.iter().zip(times) {
            let mut commit = self.commit(&mut draw, step.work, &step.path, committed, &step.files);
            if step.path.is_empty() {
                "import from the old repository\n".clone_into(&mut commit.message);
            }
            commits.push(commit);
        }
        commits
    }

    /// One commit by somebody who would touch this file, described without its values.
    fn commit(
        &self,
        draw: &mut Draw,
        work: Work,
        path: &str,
        committed: i64,
        files: &Files,
    ) -> import::Commit {
        let owner = |part: &str| layout::namespace_of(self.request.topology, part);
        let team = if draw.chance(0.75) {
            self.cast.team_for_path(path, owner)
        } else {
            &self.cast.platform
        };
        import::Commit {
            author: draw.pick(&team.members).cloned().unwrap_or_default(),
            authored: committed - if draw.chance(0.6) { draw.between(60, 5_400) } else { 0 },
            committed,
            zone_minutes: self.cast.zone_minutes,
            message: message::write(draw, work, path),
            files: files.clone(),
        }
    }

    /// A commit of the window. An omitted one is drawn like the others and then leaves no trace.
    pub(super) fn window_commit(
        &self,
        files: &mut Files,
        planned: &Planned,
        draw: &mut Draw,
    ) -> Result<(import::Commit, WindowCommit), GitopsError> {
        let edit = &planned.edit;
        let fail = || GitopsError::NoField {
            kind: edit.kind.clone(),
            of: edit.of.clone(),
            field: edit.field.clone(),
        };
        let spot = self.spot(files, edit).ok_or_else(fail)?;
        if !planned.omitted {
            let to = edit.to.scalar().ok_or_else(fail)?;
            let whole_image = edit.is_release() && spot.text.contains(':');
            let new = if whole_image { self.image(edit, &edit.to)? } else { to };
            edit::replace(files, &spot, &new);
        }
        let work = if edit.is_release() { Work::Release } else { Work::Tune };
        let committed = planned.commit_ms.div_euclid(1_000);
        let commit = self.commit(draw, work, &spot.path, committed, files);
        let (object, field) = self.object(edit)?;
        let written = WindowCommit {
            revision: Revision { commit: String::new(), files: files.clone() },
            object,
            field,
            reconciler: self.reconciler(&spot.path),
            path: spot.path,
            line: spot.line,
        };
        Ok((commit, written))
    }

    /// The object and field that an edit is about.
    fn object(&self, edit: &Edit) -> Result<(ObjectName, String), GitopsError> {
        let (kind, field) = if edit.is_release() {
            ("Deployment", IMAGE_FIELD)
        } else {
            (edit.kind.as_str(), edit.field.as_str())
        };
        let manifest = self
            .manifests
            .iter()
            .find(|manifest| manifest.kind == kind && manifest.of == edit.of)
            .ok_or_else(|| GitopsError::NoObject { kind: kind.to_owned(), of: edit.of.clone() })?;
        let api_version = manifest.value.get("apiVersion").and_then(Value::scalar);
        let object = ObjectName {
            api_version: api_version.unwrap_or_default(),
            kind: kind.to_owned(),
            namespace: manifest.namespace.clone(),
            name: manifest.name(),
        };
        Ok((object, field.to_owned()))
    }

    /// Who applies a file: the object with the most specific folder.
    fn reconciler(&self, path: &str) -> Option<Reconciler> {
        self.reconcilers()
            .into_iter()
            .filter_map(|reconciler| Some((reconciler.claim(path)?, reconciler)))
            .max_by_key(|(claim, _)| *claim)
            .map(|(_, reconciler)| reconciler)
    }

    /// The line that sets what an edit changes, in these files.
    fn spot(&self, files: &Files, edit: &Edit) -> Option<Spot> {
        let manifest_kind = if edit.is_release() { "Deployment" } else { edit.kind.as_str() };
        let manifest = self
            .manifests
            .iter()
            .find(|manifest| manifest.kind == manifest_kind && manifest.of == edit.of)?;
        let folders = self.folders(manifest, edit);
        if edit.is_release() && self.layout.images == Images::Kustomization {
            return edit::find_image_tag(
                files,
                &folders,
                &image_repository(self.service(&edit.of)?),
            );
        }
        let field = if edit.is_release() { IMAGE_FIELD } else { edit.field.as_str() };
        edit::find(files, &folders, manifest_kind, &manifest.name(), field)
    }

    /// Folders that may set a field of an object, the one that wins first.
    fn folders(&self, manifest: &Manifest, edit: &Edit) -> Vec<String> {
        match self.service(&edit.of) {
            Some(service) => vec![
                layout::live_overlay(&self.cast.team_of(&manifest.namespace).name),
                layout::app_folder(self.layout, &self.cast, service),
                "platform".to_owned(),
            ],
            None => vec!["platform".to_owned()],
        }
    }
}

/// Where a Deployment names the image of its only container.
const IMAGE_FIELD: &str = "spec.template.spec.containers[0].image";
