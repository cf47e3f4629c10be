//! `stilltrace settings`: every value in effect on an edge, and the line that set it.

mod elsewhere;
mod hazards;
mod named;
mod read;
mod relevant;
mod unseen;

use std::path::PathBuf;

use serde_json::Value;
use stilltrace_manifest::kustomize::Vendored;
use stilltrace_model::Platform;
use stilltrace_report::{
    settings::{self, Advised},
    settings_list, settings_table,
};

use crate::{
    cli::{Example, Format},
    context::Context,
    output::{self, Outcome},
    vendored::vendored,
};

pub(crate) const EXAMPLES: [Example; 2] = [
    ("What applies when shop/frontend calls checkout", "settings shop/frontend checkout"),
    (
        "Every setting of a revision, for a program",
        "settings --repo ../gitops --rev main~1 -o json",
    ),
];

/// Edges up to which all tables are printed; beyond, one line each.
const TABLES: usize = 6;
/// Edges up to which each has a line; beyond, one line per workload.
const LINES: usize = 400;

/// Say which settings are in effect on an edge, and who set them
///
/// Reads manifests, kustomizations and what Argo CD and Flux apply, and computes what Istio 1.31
/// makes of them: for every call which routes, timeouts, retries and limits apply, the line that
/// set each, what it overrode, and which defaults nobody wrote.
///
/// Exit codes: 0 done; 2 the work could not be done.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Who calls: a workload or service, as NAME, NAMESPACE/NAME, NAME.NAMESPACE or host; '*' for
    /// all
    source: Option<String>,
    /// Who is called, in the same forms, with :PORT only that port; or a host of a gateway
    destination: Option<String>,
    /// A repository, a folder, one file, or - for standard input [default: the repository around
    /// the working directory]
    #[arg(long, value_name = "PATH")]
    repo: Option<PathBuf>,
    /// Read this revision instead of the files on disk
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// The cluster, where the repository is for several [default: the one with most objects, those of Argo CD and Flux not counted]
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Root namespace of the mesh, where its configuration does not say [default: istio-system]
    #[arg(long, value_name = "NAMESPACE")]
    istio_namespace: Option<String>,
    /// The mesh configuration, instead of the one in the repository
    #[arg(long, value_name = "FILE")]
    mesh_config: Option<PathBuf>,
    /// Networks of the mesh, instead of those in the repository; not evaluated yet
    #[arg(long, value_name = "FILE")]
    mesh_networks: Option<PathBuf>,
    /// A namespace whose pods get a sidecar although no manifest labels it; '*' for all
    #[arg(long, value_name = "NAMESPACE")]
    inject: Vec<String>,
    /// Take a copy in the repository for what is remote, as `render` does; repeatable
    #[arg(long, value_name = "URL=DIR", value_parser = vendored)]
    vendored: Vec<Vendored>,
    /// Namespace of names that have none
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Form of the answer
    #[arg(short = 'o', long = "format", alias = "output", value_enum, default_value_t)]
    format: Format,
}

/// Reads the platform and prints what is asked about.
pub(crate) fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<Outcome> {
    let mut platform = read::platform(arguments)?;
    let names = named::Names {
        source: arguments.source.as_deref(),
        destination: arguments.destination.as_deref(),
        namespace: arguments.namespace.as_deref(),
    };
    // A hazard of one edge may follow from others, so they are looked for before anything is left
    // out.
    let mut hazards = hazards::of(&platform);
    let narrowed = match named::narrow(&mut platform, &names) {
        Ok(narrowed) => narrowed,
        Err(error) => return Err(elsewhere::explain(error, &platform, arguments, &names)),
    };
    if !narrowed.is_whole() || names.names_a_source() {
        hazards::keep(&mut hazards, &platform, &narrowed);
    }
    if arguments.format == Format::Json {
        if narrowed.is_whole() {
            output::print_parts(|sink| settings::write(&platform, &hazards, sink))?;
            // The program ends here, and the system takes back the memory at once.
            std::mem::forget((platform, hazards));
        } else {
            let document = document(&platform, &hazards, &narrowed);
            output::print(&settings::text(&document))?;
        }
        return Ok(Outcome::Done);
    }
    output::print(&human(&platform, &hazards, arguments, &narrowed, context))?;
    Ok(Outcome::Done)
}

/// The document of what was asked about.
fn document(platform: &Platform, hazards: &[Advised], narrowed: &named::Narrowed) -> Value {
    let mut document = settings::document(platform);
    settings::add_hazards(&mut document, platform, hazards);
    settings::add_pods(&mut document, platform, narrowed.called());
    narrowed.apply(&mut document);
    document
}

/// Tables for few edges, lines for many, an overview for a whole mesh.
fn human(
    platform: &Platform,
    hazards: &[Advised],
    arguments: &Arguments,
    narrowed: &named::Narrowed,
    context: &Context,
) -> String {
    let layout = context.layout(None);
    let edges = platform.edges.len();
    if edges > LINES {
        return overview(platform, context);
    }
    let mut document = document(platform, hazards, narrowed);
    if arguments.source.as_deref() == Some("*") && arguments.destination.is_some() {
        named::forget_own_proxies(&mut document, &named::called_by_any(platform));
    }
    relevant::first(&mut document, platform, arguments);
    if edges <= TABLES || arguments.destination.is_some() {
        let text = settings_table(&document, &layout);
        return if text.trim().is_empty() { nothing(platform) } else { text };
    }
    format!(
        "{}\nsee one edge with `{} settings SOURCE DESTINATION`\n",
        settings_list(&document, &layout),
        context.program
    )
}

/// What to say where there is no call to tell of, nor anything wrong.
fn nothing(platform: &Platform) -> String {
    format!(
        "no call goes through a proxy: {} services and {} workloads were read, none of the workloads \
         with a proxy; name the folder that holds them with --repo\n",
        platform.services.len(),
        platform.workloads.len()
    )
}

/// How many edges each workload has.
fn overview(platform: &Platform, context: &Context) -> String {
    let mut text = format!(
        "{} edges of {} workloads\n\n",
        platform.edges.len(),
        platform.workloads.values().filter(|one| one.sidecar.is_some()).count()
    );
    for workload in platform.workloads.values().filter(|one| one.sidecar.is_some()) {
        let own = platform.edges.keys().filter(|edge| *edge.source == workload.id).count();
        text.extend([format!(
            "  {}  {own}\n",
            stilltrace_report::escape(&workload.id.to_string())
        )]);
    }
    text.extend([format!(
        "\nname a caller: `{0} settings SOURCE`, or an edge: `{0} settings SOURCE DESTINATION`\n",
        context.program
    )]);
    text
}
