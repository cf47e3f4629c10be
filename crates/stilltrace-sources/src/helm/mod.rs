//! Runs the `helm` program on charts, bounded and away from everything of the user.
//!
//! A chart's templates are untrusted. Helm's template language reads nothing but the chart; what is
//! left to bound is time, output and memory, and what Helm itself would read: its folders are empty
//! private ones, no variable of the user is passed on, proxies point to a port nobody answers on, so
//! that neither a plugin, a registry nor a remote JSON schema is ever asked.

mod arguments;
mod bounded;
mod folder;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stilltrace_manifest::helm::{HelmCall, HelmFlag, HelmRefusal, HelmRenderer};
use tempfile::TempDir;

use bounded::{Bounds, Ended};
use folder::Charts;

/// Variable that names the `helm` program.
pub const HELM_VARIABLE: &str = "STILLTRACE_HELM";

/// The `helm` program of this machine.
#[derive(Debug)]
pub struct HelmProgram {
    program: PathBuf,
    bounds: Bounds,
    private: TempDir,
    charts: Mutex<Charts>,
}

impl HelmProgram {
    /// The program that `STILLTRACE_HELM` names, or else the first `helm` on the search path.
    ///
    /// # Errors
    /// When there is none; the refusal says how to get one.
    pub fn find() -> Result<Self, HelmRefusal> {
        let told = std::env::var_os(HELM_VARIABLE).map(PathBuf::from);
        if let Some(told) = &told
            && !told.is_file()
        {
            let reason = format!("{HELM_VARIABLE} names {}, which is no file", told.display());
            return Err(HelmRefusal::Absent { reason });
        }
        let Some(program) = told.or_else(|| on_search_path("helm")) else {
            let reason = format!(
                "no `helm` on the search path; install Helm 3 or 4, or set {HELM_VARIABLE} to it"
            );
            return Err(HelmRefusal::Absent { reason });
        };
        Self::at(&program)
    }

    /// The program that a user names: a path, or a word that is looked for on the search path.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Self, HelmRefusal> {
        let path = PathBuf::from(name);
        let is_word = path.components().count() == 1;
        let found = if is_word { on_search_path(name) } else { Some(path) };
        let Some(program) = found.filter(|program| program.is_file()) else {
            let place = if is_word { "on the search path" } else { "there" };
            let reason = format!("no `{name}` {place}; name Helm 3 or 4 with `--helm-command`");
            return Err(HelmRefusal::Absent { reason });
        };
        // Helm is started in a folder of its own.
        Self::at(&std::path::absolute(&program).unwrap_or(program))
    }

    /// The program at `program`.
    ///
    /// # Errors
    /// When no private folder can be made for it.
    pub fn at(program: &Path) -> Result<Self, HelmRefusal> {
        let private = tempfile::Builder::new().prefix("stilltrace-helm-").tempdir();
        let private = private.map_err(|error| unprepared(&error))?;
        let charts = Mutex::new(Charts::default());
        Ok(Self { program: program.to_owned(), bounds: Bounds::default(), private, charts })
    }

    /// The same program with another bound on the time of one call.
    #[must_use]
    pub fn stopped_after(mut self, time: Duration) -> Self {
        self.bounds.time = time;
        self
    }

    /// Runs one call with files that are not the chart in `folder`.
    fn run(&self, call: &HelmCall, chart: &Path, folder: &Path) -> Result<String, HelmRefusal> {
        let arguments = arguments::of(call, chart, folder).map_err(|error| unprepared(&error))?;
        let mut helm = self.command();
        helm.args(arguments);
        let output = bounded::run(helm, &self.bounds).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => HelmRefusal::Absent {
                reason: format!(
                    "{} cannot be started; install Helm 3 or 4",
                    self.program.display()
                ),
            },
            _ => unprepared(&error),
        })?;
        match output {
            Ended::TooSlow => Err(HelmRefusal::TooSlow { seconds: self.bounds.time.as_secs() }),
            Ended::TooMuch => Err(HelmRefusal::TooMuch { limit: self.bounds.output }),
            Ended::Done { success, stdout, stderr } => {
                let raw = call.flags.contains(&HelmFlag::Raw) && !stdout.is_empty();
                if success || raw {
                    return Ok(String::from_utf8_lossy(&stdout).into_owned());
                }
                let stderr = String::from_utf8_lossy(&stderr);
                Err(HelmRefusal::Failed { message: self.legible(&stderr, chart) })
            }
        }
    }

    /// Helm with nothing of the user's environment.
    fn command(&self) -> Command {
        let mut helm = bounded::command(&self.program, &self.bounds);
        let private = self.private.path();
        helm.env_clear().current_dir(private);
        for name in ["HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "TMPDIR"] {
            helm.env(name, private);
        }
        helm.env("HELM_PLUGINS", private.join("no-plugins"));
        helm.env("HELM_REGISTRY_CONFIG", private.join("no-registry.json"));
        helm.env("HELM_REPOSITORY_CONFIG", private.join("no-repositories.yaml"));
        helm.env("HELM_REPOSITORY_CACHE", private.join("no-repositories"));
        helm.env("KUBECONFIG", private.join("no-cluster"));
        // Port 9 discards; on a machine where something listens there it still is no proxy.
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            helm.env(name, "http://127.0.0.1:9");
        }
        helm
    }

    /// What Helm said, without the folders of this run and without its advice for its own flags.
    fn legible(&self, stderr: &str, chart: &Path) -> String {
        const LONGEST: usize = 2_000;
        let told = stderr.find("Error: ").map_or(stderr, |start| &stderr[start + 7..]);
        let told = told.split("\n\nUse --debug").next().unwrap_or(told);
        let mut told = told.trim().to_owned();
        for folder in [chart, self.private.path()] {
            if let Some(folder) = folder.to_str() {
                told = told.replace(&format!("{folder}/"), "").replace(folder, "the chart");
            }
        }
        let lines = told.lines().map(str::trim).filter(|line| !line.starts_with("helm.go:"));
        let told = lines.collect::<Vec<_>>().join(" ");
        if told.is_empty() {
            return "stopped without a word; its memory may be exhausted".to_owned();
        }
        told.chars().take(LONGEST).collect()
    }
}

impl HelmRenderer for HelmProgram {
    fn render(&self, call: &HelmCall) -> Result<String, HelmRefusal> {
        let chart = {
            let mut charts = self.charts.lock().unwrap_or_else(PoisonError::into_inner);
            charts.folder_of(&call.files).map_err(|error| unprepared(&error))?
        };
        let folder = tempfile::Builder::new().prefix("stilltrace-values-").tempdir();
        let folder = folder.map_err(|error| unprepared(&error))?;
        self.run(call, chart.path(), folder.path())
    }

    fn render_all(&self, calls: &[HelmCall]) -> Vec<Result<String, HelmRefusal>> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(calls.len());
        if workers < 2 {
            return calls.iter().map(|call| self.render(call)).collect();
        }
        let next = AtomicUsize::new(0);
        let answers: Mutex<Vec<_>> = Mutex::new(vec![None; calls.len()]);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some((index, call)) = taken(&next, calls) {
                        let answer = self.render(call);
                        let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                        if let Some(slot) = answers.get_mut(index) {
                            *slot = Some(answer);
                        }
                    }
                });
            }
        });
        let answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        let lost = || Err(HelmRefusal::Unprepared { reason: "a worker was lost".to_owned() });
        answers.into_iter().map(|answer| answer.unwrap_or_else(lost)).collect()
    }
}

/// The next call that no worker has taken.
fn taken<'c>(next: &AtomicUsize, calls: &'c [HelmCall]) -> Option<(usize, &'c HelmCall)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    calls.get(index).map(|call| (index, call))
}

fn unprepared(error: &std::io::Error) -> HelmRefusal {
    HelmRefusal::Unprepared { reason: error.to_string() }
}

/// The first program of that name on the search path.
fn on_search_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| file.is_file())
}
