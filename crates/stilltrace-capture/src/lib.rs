//! The incident bundle: read, write, verify.
//!
//! A capture `NAME.stilltrace` is a folder, or a zstd-compressed tar of the content of that folder:
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | schema version, question, revision, sources, gaps, digests: [`Manifest`]; the only required file |
//! | `repo.git/` | a bare Git repository with the commits that matter |
//! | `samples/*.om` | raw samples as OpenMetrics text with timestamps: [`RawSeries`] |
//! | `bursts.csv` | CPU use per container in short windows: [`stilltrace_model::Bursts`] |
//! | `events.jsonl` | syncs, rollouts and other events, sorted by time |
//! | `calls.csv` | observed edges |
//! | `containers.csv` | which containers belong to which workload |
//! | `objects.jsonl`, `logs.jsonl`, `spans.jsonl` | live objects, log templates, spans; carried as they are |
//! | `truth.json` | the known cause of a lab incident; never read here and no part of the digest |
//!
//! [`Bundle`] reads a capture into memory within a [`Budget`]; nothing is evaluated. A part that is
//! missing is a gap, a part that cannot be understood is a [`CaptureError`] with file and line.
//! [`BundleWriter`] writes one; equal content gives equal bytes. Unknown files are ignored.

mod archive;
mod budget;
mod bundle;
mod bursts;
mod csv;
mod digest;
mod error;
mod events;
mod folder;
mod layout;
mod manifest;
mod openmetrics;
mod tables;
mod writer;

pub use budget::Budget;
pub use bundle::{Bundle, Form};
pub use error::CaptureError;
pub use manifest::{GapRecord, Manifest, QuestionRecord, SCHEMA, SourceRecord, WindowRecord};
pub use openmetrics::RawSeries;
pub use writer::BundleWriter;
