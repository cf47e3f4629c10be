//! `stilltrace render`: what `kustomize build` prints, and where every field came from.

mod engine;
mod json;
mod origins;
mod out_dir;
mod progress;
mod roots;

use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;
use stilltrace_manifest::kustomize::Vendored;

use crate::{
    cli::{Example, Format},
    context::Context,
    output::{self, Outcome},
    vendored::vendored,
};

use engine::Engine;
use progress::Progress;
use roots::Root;

pub(crate) const EXAMPLES: [Example; 2] = [
    (
        "What an overlay amounts to, with the line that set every field",
        "render apps/prod --origins",
    ),
    (
        "Every environment into a folder, one file each, for a review of the difference",
        "render env/prod env/staging --out-dir rendered",
    ),
];

/// Print what `kustomize build` prints, and where every field came from
///
/// The output is that of kustomize v5.8.2, byte for byte. Nothing is fetched and no plugin but
/// Helm is started: what needs the network is refused, with the reference that must be vendored.
///
/// Exit codes: 0 done; 2 a folder could not be built. With --out-dir the others are written.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folders with a kustomization
    #[arg(value_name = "DIR", default_value = ".")]
    dirs: Vec<PathBuf>,
    /// Order of the objects [default: the kustomization's sortOptions, or legacy]
    #[arg(long, value_enum, value_name = "ORDER")]
    reorder: Option<Reorder>,
    /// Whether a kustomization may take files from outside its own folder
    #[arg(long, value_enum, value_name = "RULE", default_value_t)]
    load_restrictor: LoadRestrictor,
    /// Take a copy in the repository for what is remote: the repository as git clones it (with
    /// `?ref=REVISION` for that one only) or the folder of the files' addresses, and the copy's
    /// folder below the repository's root; repeatable
    #[arg(long, value_name = "URL=DIR", value_parser = vendored)]
    vendored: Vec<Vendored>,
    /// Render the charts of `helmCharts` with Helm, which must be installed; none is fetched
    #[arg(long)]
    enable_helm: bool,
    /// Helm for --enable-helm [default: what STILLTRACE_HELM names, or helm on the search path]
    #[arg(long, value_name = "PROGRAM")]
    helm_command: Option<String>,
    /// Kubernetes version that charts see
    #[arg(long, value_name = "VERSION")]
    helm_kube_version: Option<String>,
    /// Further API versions that charts see, such as `monitoring.coreos.com/v1`; repeatable
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    helm_api_versions: Vec<String>,
    /// Say behind every value which line set it and which lines it overrode
    #[arg(long)]
    origins: bool,
    /// Write one file per folder into this one, instead of printing
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Form of the answer; json is the list of all fields with their origins
    #[arg(short = 'o', long = "format", alias = "output", value_enum, default_value_t)]
    format: Format,
}

/// Order of the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reorder {
    /// Namespaces first, webhooks last
    Legacy,
    /// As they were read
    None,
}

/// Which files a kustomization may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum LoadRestrictor {
    /// Only those in or below its folder
    #[default]
    #[value(name = "LoadRestrictionsRootOnly")]
    RootOnly,
    /// All files of the repository
    #[value(name = "LoadRestrictionsNone", alias = "none")]
    None,
}

/// Renders every folder that was named.
pub(crate) fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<Outcome> {
    if arguments.out_dir.is_none() && arguments.dirs.len() > 1 {
        bail!("{} folders need --out-dir DIR to be written to", arguments.dirs.len());
    }
    let roots = roots::of(&arguments.dirs)?;
    for error in &roots.refused {
        output::error(error);
    }
    let form = Form::of(arguments);
    let engine = Engine::new(arguments, form, roots.trees);
    if let Some(folder) = arguments.out_dir.as_ref().filter(|_| !roots.all.is_empty()) {
        let written = out_dir::write(folder, &roots.all, &engine, form, context)?;
        return Ok(if roots.refused.is_empty() { written } else { Outcome::Failed });
    }
    let [root] = roots.all.as_slice() else { return Ok(Outcome::Failed) };
    let name = stilltrace_report::escape(&root.typed);
    match Progress::around(&name, context, || answer(root, &engine, form)) {
        Ok(text) => {
            output::print(&text)?;
            Ok(Outcome::Done)
        }
        Err(refusal) => {
            output::lines(&refusal.lines());
            Ok(Outcome::Failed)
        }
    }
}

/// What is written for one folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// What Kustomize prints.
    Plain,
    /// The same with a comment behind every value.
    Commented,
    /// All fields with their origins, for programs.
    Json,
}

impl Form {
    fn of(arguments: &Arguments) -> Self {
        match (arguments.format, arguments.origins) {
            (Format::Json, _) => Self::Json,
            (Format::Human, true) => Self::Commented,
            (Format::Human, false) => Self::Plain,
        }
    }

    /// Extension of its files.
    fn extension(self) -> &'static str {
        if self == Self::Json { "json" } else { "yaml" }
    }
}

/// One folder in the form that is wanted.
fn answer(root: &Root, engine: &Engine, form: Form) -> Result<String, engine::Refusal> {
    let rendered = engine.render(root)?;
    Ok(match form {
        Form::Plain => rendered.text,
        Form::Commented => origins::comment(&rendered),
        Form::Json => json::document(root, &rendered),
    })
}
