//! A recording that answers as the live sources would.

use std::collections::BTreeMap;
use std::path::Path;

use stilltrace_capture::Bundle;
use stilltrace_model::{Capture, CommitId, Fix, Gap, Plan, Platform, Question};

use crate::error::SourceError;
use crate::events::RecordedEvents;
use crate::git::{GitError, Repository};
use crate::lines::Lines;
use crate::prometheus::RecordedPrometheus;
use crate::source::Source;
use crate::windows::RecordedWindows;
use crate::{calls, patch, platform};

/// A capture with its repository.
#[derive(Debug)]
pub struct Recorded {
    bundle: Bundle,
    question: Question,
    repository: Option<Repository>,
}

impl Recorded {
    /// Takes a capture; `repository` replaces the one inside it.
    ///
    /// # Errors
    /// When one of the two cannot be read.
    pub fn new(bundle: Bundle, repository: Option<&Path>) -> Result<Self, SourceError> {
        let question = bundle.manifest().question().ok_or(SourceError::NoQuestion)?;
        let repository = match repository {
            Some(path) => Some(Repository::open(path)?),
            None if bundle.repository().next().is_none() => None,
            None => {
                let name = "repo.git of the capture";
                Some(Repository::from_files(name, bundle.repository())?)
            }
        };
        Ok(Self { bundle, question, repository })
    }

    /// The recorded question.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// The capture as read.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The repository, if there is one.
    pub fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }

    /// What was in effect at the end of the window and the changes that led there, with the
    /// observed calls; where those were not recorded, with what the counters of requests tell.
    ///
    /// # Errors
    /// When the repository lacks the revision in effect or is damaged. Without any repository the
    /// platform is empty and says so in a gap.
    pub fn platform(&self, question: &Question) -> Result<Platform, SourceError> {
        let mut platform = match &self.repository {
            Some(repository) => {
                let revision = self.revision(repository)?;
                platform::read(repository, &revision, question.window, self.bundle.events())?
            }
            None => Platform::default(),
        };
        if self.repository.is_some() && self.bundle.manifest().revision.is_none() {
            platform.gaps.push(Gap {
                what: "the capture does not say which revision was in effect".to_owned(),
                why: "the newest commit of the repository is taken for it".to_owned(),
                remedy: "name it as `revision` in manifest.json".to_owned(),
                ..Gap::default()
            });
        }
        platform.calls = match self.bundle.calls() {
            [] => calls::from_samples(self.bundle.samples(), &platform, question.window),
            recorded => recorded.to_vec(),
        };
        Ok(platform)
    }

    /// The recorded evidence that a plan asks for.
    pub fn capture(&self, plan: &Plan) -> Capture {
        let mut capture = Capture {
            window: plan.window,
            series: BTreeMap::new(),
            bursts: BTreeMap::new(),
            events: Vec::new(),
            lines: BTreeMap::new(),
            gaps: self.bundle.gaps(),
        };
        let prometheus = RecordedPrometheus::new(
            self.bundle.samples(),
            self.bundle.containers(),
            self.bundle.calls(),
        );
        let windows = RecordedWindows::new(self.bundle.bursts());
        let events = RecordedEvents::new(self.bundle.events());
        let mut sources: Vec<&dyn Source> = vec![&prometheus, &windows, &events];
        // A revision that cannot be resolved has ended the question before any plan was made.
        let lines = self
            .repository
            .as_ref()
            .and_then(|repository| Some(Lines::new(repository, self.revision(repository).ok()?)));
        if let Some(lines) = &lines {
            sources.push(lines);
        }
        for source in sources {
            source.answer(plan, &mut capture);
        }
        capture.gaps.sort();
        capture.gaps.dedup();
        capture
    }

    /// The fix as a unified diff against the revision in effect, or `None` where it cannot be made
    /// without touching anything else.
    pub fn patch(&self, fix: &Fix) -> Option<String> {
        let repository = self.repository.as_ref()?;
        let revision = self.revision(repository).ok()?;
        patch::unified(repository, &revision, fix)
    }

    fn revision(&self, repository: &Repository) -> Result<CommitId, GitError> {
        repository.resolve(self.bundle.manifest().revision.as_deref().unwrap_or("HEAD"))
    }
}
