//! A repository in the making: objects with the scenario's values, and the commits about them.

use stilltrace_manifest::Budget;
use stilltrace_manifest::yaml::{self, Node};

use super::cast::Cast;
use super::draw::Draw;
use super::edit::{self, Deed, Edit, Files, Spot};
use super::layout::{self, Images, Layout, Reconciler};
use super::message::{self, Work};
use super::objects::{self, Manifest, extra, image_repository};
use super::value::Value;
use super::{GitopsError, ObjectName, Planned, Presence, Preset, Request, Revision, WindowCommit};
use super::{block, calendar, history, import};
use crate::topology::{Service, Topology};

/// A repository in the making.
pub(super) struct Draft<'a> {
    request: &'a Request<'a>,
    cast: Cast,
    layout: Layout,
    /// The objects just before the window.
    manifests: Vec<Manifest>,
    /// The objects that commits of the window create.
    later: Vec<Manifest>,
    /// Older copies of objects, which nothing applies by itself.
    archived: Vec<Manifest>,
}

impl<'a> Draft<'a> {
    /// Cast, layout and objects with the scenario's values in them.
    pub(super) fn new(request: &'a Request<'a>, start: i64) -> Result<Self, GitopsError> {
        let cast = Cast::draw(request.topology, request.seed, start);
        let layout = Layout::draw(&request.layout, request.seed);
        let manifests = objects::draw(request.topology, &cast, request.seed);
        let (later, archived) = (Vec::new(), Vec::new());
        let mut draft = Self { request, cast, layout, manifests, later, archived };
        for preset in request.base {
            draft.preset(preset)?;
        }
        for planned in request.window {
            draft.before(&planned.edit)?;
        }
        Ok(draft)
    }

    /// Sets a value that the repository holds from the start.
    fn preset(&mut self, preset: &Preset) -> Result<(), GitopsError> {
        let value = self.expanded(&preset.value);
        let object = Named::of_preset(preset);
        if !preset.archived {
            return self.set(object, &preset.field, value);
        }
        let live = self.object(object)?;
        let known = self.archived.iter().position(|m| m.kind == live.kind && m.of == live.of);
        let at = known.unwrap_or_else(|| {
            self.archived.push(live);
            self.archived.len() - 1
        });
        let fail = || object.no_field(&preset.field);
        let copy = self.archived.get_mut(at).ok_or_else(fail)?;
        if copy.value.set(&preset.field, value) { Ok(()) } else { Err(fail()) }
    }

    /// Makes the repository what it is before a commit of the window.
    fn before(&mut self, edit: &Edit) -> Result<(), GitopsError> {
        let object = Named::of_edit(edit);
        if edit.is_release() {
            let image = self.image(edit, edit.from.as_ref())?;
            return self.set(object, IMAGE_FIELD, Value::from(image));
        }
        match (edit.deed(), &edit.from) {
            (Deed::Create, _) => {
                let mut manifest = self.object(object)?;
                self.manifests.retain(|m| !m.is(&edit.kind, &edit.of, Some(&manifest.name())));
                if let Some(spec) = &edit.to
                    && *spec != Value::Map(Vec::new())
                {
                    manifest.value.set("spec", self.expanded(spec));
                }
                self.later.push(manifest);
            }
            // Whether it is there is the repository's to say; asking for it makes it so.
            (Deed::Delete, _) => {
                self.object(object)?;
            }
            (_, Some(from)) => {
                let from = self.expanded(from);
                self.set(object, &edit.field, from)?;
            }
            (_, None) => {
                self.object(object)?;
                if let Some(manifest) = self.find_mut(object) {
                    manifest.value.unset(&edit.field);
                }
            }
        }
        Ok(())
    }

    /// The object that a scenario means; made, if nothing else made it.
    fn object(&mut self, named: Named) -> Result<Manifest, GitopsError> {
        if let Some(found) = self.find_mut(named) {
            return Ok(found.clone());
        }
        let drawn = extra::draw(self.request.topology, named.kind, named.of, named.name)
            .ok_or_else(|| named.no_object(self.request.topology))?;
        self.manifests.push(drawn.clone());
        Ok(drawn)
    }

    fn find_mut(&mut self, named: Named) -> Option<&mut Manifest> {
        let mut all = self.manifests.iter_mut();
        all.find(|manifest| manifest.is(named.kind, named.of, named.name))
    }

    /// The object of an edit, among those before the window and those that it creates.
    fn find(&self, named: Named) -> Option<&Manifest> {
        let mut all = self.manifests.iter().chain(&self.later);
        all.find(|manifest| manifest.is(named.kind, named.of, named.name))
    }

    /// Sets a field of an object.
    fn set(&mut self, named: Named, field: &str, value: Value) -> Result<(), GitopsError> {
        self.object(named)?;
        let fail = || named.no_field(field);
        let manifest = self.find_mut(named).ok_or_else(fail)?;
        if field.is_empty() || manifest.value.set(field, value) { Ok(()) } else { Err(fail()) }
    }

    /// A value with `${host:SERVICE}` turned into the service's full host name, and
    /// `${namespace:SERVICE}` into its namespace.
    fn expanded(&self, value: &Value) -> Value {
        let services = &self.request.topology.services;
        value.map_text(&|text| {
            services.iter().fold(text.to_owned(), |text, service| {
                let (name, namespace) = (&service.name, &service.namespace);
                text.replace(
                    &format!("${{host:{name}}}"),
                    &format!("{name}.{namespace}.svc.cluster.local"),
                )
                .replace(&format!("${{namespace:{name}}}"), namespace)
                .replace(&format!("${{name:{name}}}"), name)
            })
        })
    }

    /// The full image of a release.
    fn image(&self, edit: &Edit, tag: Option<&Value>) -> Result<String, GitopsError> {
        let service = self
            .service(&edit.of)
            .ok_or_else(|| Named::of_edit(edit).no_object(self.request.topology))?;
        let tag = tag.and_then(Value::scalar).unwrap_or_default();
        Ok(format!("{}:{tag}", image_repository(service)))
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
        self.files_with(&self.manifests)
    }

    /// The files of some objects.
    fn files_with(&self, manifests: &[Manifest]) -> Files {
        let Request { topology, seed, .. } = *self.request;
        layout::files(topology, &self.cast, self.layout, manifests, &self.archived, seed)
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
        let mut after = files.clone();
        let spot = self
            .edited(&mut after, edit)
            .ok_or_else(|| Named::of_edit(edit).no_field(&edit.field))?;
        let work = match edit.deed() {
            _ if edit.is_release() => Work::Release,
            Deed::Create => Work::Add,
            _ => Work::Tune,
        };
        let committed = planned.commit_ms.div_euclid(1_000);
        let commit = self.commit(draw, work, &spot.path, committed, &after);
        if planned.presence == Presence::Committed {
            files.clone_from(&after);
        } else if planned.presence == Presence::Omitted {
            after.clone_from(files);
        }
        let (object, field) = self.object_and_field(edit)?;
        let written = WindowCommit {
            revision: Revision { commit: String::new(), files: after },
            parent: String::new(),
            object,
            field,
            reconciler: self.reconciler(&spot.path),
            removed: matches!(edit.deed(), Deed::Remove | Deed::Delete),
            path: spot.path,
            line: spot.line,
        };
        Ok((commit, written))
    }

    /// Applies an edit once more; one that no longer fits is gone, as after a sync.
    pub(super) fn reapply(&self, files: &mut Files, edit: &Edit) {
        let mut after = files.clone();
        if self.edited(&mut after, edit).is_some() {
            *files = after;
        }
    }

    /// Applies an edit to the files; the line that tells of it, after it, or before where the
    /// edit takes the line away.
    fn edited(&self, files: &mut Files, edit: &Edit) -> Option<Spot> {
        if edit.deed() == Deed::Create {
            return self.created(files, edit);
        }
        if edit.deed() == Deed::Replace {
            let spot = self.spot(files, edit)?;
            let to = self.expanded(edit.to.as_ref()?).scalar()?;
            let whole_image = edit.is_release() && spot.text.contains(':');
            let new = if whole_image { self.image(edit, edit.to.as_ref()).ok()? } else { to };
            if matches!(edit.to, Some(Value::Text(_))) {
                edit::replace_text(files, &spot, &new);
            } else {
                edit::replace(files, &spot, &new);
            }
            return Some(spot);
        }
        let manifest = self.find(Named::of_edit(edit))?;
        let (folders, name) = (self.folders(manifest, edit), manifest.name());
        let written: Vec<_> = edit::written(files, &folders, manifest.kind, &name).collect();
        for (path, root) in written {
            let before = block::line(&root, &edit.field, edit.at.as_deref());
            let text = files.get(&path)?;
            let (after, line) = match edit.deed() {
                Deed::Delete => {
                    edit::remove(files, &|other| other == path);
                    return Some(Spot::line_of(&path, before?));
                }
                Deed::Remove => (block::remove(text, &root, &edit.field), before),
                _ => self.added(edit, &path, text, &root),
            };
            if let (Some(after), Some(line)) = (after, line) {
                files.insert(path.clone(), after);
                return Some(Spot::line_of(&path, line));
            }
        }
        None
    }

    /// The text of a file with the field that an edit adds, and its line.
    fn added(
        &self,
        edit: &Edit,
        path: &str,
        text: &str,
        root: &Node,
    ) -> (Option<String>, Option<u32>) {
        let (style, mut draw) = layout::style_of(path, self.request.seed);
        let value = edit.to.as_ref().map(|value| self.expanded(value));
        let after =
            value.and_then(|value| block::add(text, root, &edit.field, &value, &style, &mut draw));
        let line = after.as_ref().and_then(|after| {
            let parsed = yaml::parse(path, after.as_bytes(), &Budget::default());
            let is = |document: &&yaml::Document| {
                let name = |root: &Node| root.at(&["metadata", "name"]).cloned();
                let same = |a: Option<Node>, b: Option<Node>| {
                    a.zip(b).is_some_and(|(a, b)| a.same_value(&b))
                };
                same(name(&document.root), name(root))
                    && same(document.root.get("kind").cloned(), root.get("kind").cloned())
            };
            let document = parsed.documents.iter().find(is)?;
            block::line(&document.root, &edit.field, edit.at.as_deref())
        });
        (after, line)
    }

    /// Adds the file of an object that an edit creates, and the line that lists it.
    fn created(&self, files: &mut Files, edit: &Edit) -> Option<Spot> {
        let manifest =
            self.later.iter().find(|m| m.is(&edit.kind, &edit.of, edit.name.as_deref()))?;
        let mut all = self.manifests.clone();
        all.push(manifest.clone());
        let (path, text) = self.files_with(&all).into_iter().find(|(path, _)| {
            path.ends_with(&format!("/{}", manifest.extra.as_ref().map_or("", |e| e.file.as_str())))
        })?;
        let parsed = yaml::parse(&path, text.as_bytes(), &Budget::default());
        let root = &parsed.documents.first()?.root;
        let line = block::line(root, &edit.field, edit.at.as_deref())?;
        let (folder, name) = path.rsplit_once('/')?;
        let list = format!("{folder}/kustomization.yaml");
        if let Some(listing) = files.get(&list) {
            let (style, mut draw) = layout::style_of(&list, self.request.seed);
            let listing = block::list_resource(&list, listing, name, &style, &mut draw)?;
            files.insert(list, listing);
        }
        files.insert(path.clone(), text);
        Some(Spot::line_of(&path, line))
    }

    /// The object and field that an edit is about.
    fn object_and_field(&self, edit: &Edit) -> Result<(ObjectName, String), GitopsError> {
        let named = Named::of_edit(edit);
        let field = if edit.is_release() { IMAGE_FIELD } else { edit.field.as_str() };
        let manifest = self.find(named).ok_or_else(|| named.no_object(self.request.topology))?;
        let api_version = manifest.value.get("apiVersion").and_then(Value::scalar);
        let object = ObjectName {
            api_version: api_version.unwrap_or_default(),
            kind: named.kind.to_owned(),
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
        let manifest = self.find(Named::of_edit(edit))?;
        let folders = self.folders(manifest, edit);
        if edit.is_release() && self.layout.images == Images::Kustomization {
            return edit::find_image_tag(
                files,
                &folders,
                &image_repository(self.service(&edit.of)?),
            );
        }
        let field = if edit.is_release() { IMAGE_FIELD } else { edit.field.as_str() };
        edit::find(files, &folders, manifest.kind, &manifest.name(), field)
    }

    /// Folders that may set a field of an object, the one that wins first.
    fn folders(&self, manifest: &Manifest, edit: &Edit) -> Vec<String> {
        let mut folders = match self.service(&edit.of) {
            Some(service) => vec![
                layout::live_overlay(&self.cast.team_of(&manifest.namespace).name),
                layout::app_folder(self.layout, &self.cast, service),
            ],
            None => Vec::new(),
        };
        folders.extend(["platform".to_owned(), "clusters".to_owned()]);
        folders
    }
}

/// How a scenario names an object.
#[derive(Debug, Clone, Copy)]
struct Named<'a> {
    kind: &'a str,
    of: &'a str,
    name: Option<&'a str>,
}

impl<'a> Named<'a> {
    fn of_edit(edit: &'a Edit) -> Self {
        let kind = if edit.is_release() { "Deployment" } else { edit.kind.as_str() };
        Self { kind, of: &edit.of, name: edit.name.as_deref() }
    }

    fn of_preset(preset: &'a Preset) -> Self {
        Self { kind: &preset.kind, of: &preset.of, name: preset.name.as_deref() }
    }

    fn no_object(self, topology: &Topology) -> GitopsError {
        let services = topology.services.iter().map(|service| service.name.as_str());
        let namespaces = topology.services.iter().map(|service| service.namespace.as_str());
        let mut known: Vec<_> = services.chain(namespaces).chain(["gateway", "mesh"]).collect();
        known.sort_unstable();
        known.dedup();
        GitopsError::NoObject {
            kind: self.kind.to_owned(),
            of: self.of.to_owned(),
            known: known.join(", "),
        }
    }

    fn no_field(self, field: &str) -> GitopsError {
        GitopsError::NoField {
            kind: self.kind.to_owned(),
            of: self.of.to_owned(),
            field: field.to_owned(),
        }
    }
}

/// Where a Deployment names the image of its only container.
const IMAGE_FIELD: &str = "spec.template.spec.containers[0].image";
