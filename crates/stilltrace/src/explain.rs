//! From a recording to the answer: the stages, connected.

use std::path::Path;

use anyhow::{Context as _, bail};
use stilltrace_capture::Bundle;
use stilltrace_engine as engine;
use stilltrace_model::{Diagnosis, Platform, Question, ServiceId, Timestamp, Window};
use stilltrace_sources::Recorded;

use crate::{cli::VERSION, suggest};

/// What is asked of a recording; where it says nothing, the recording's own question counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Asked {
    /// The service, as `namespace/name` or a name alone.
    pub(crate) service: Option<String>,
    /// Which part of the time to look at.
    pub(crate) time: Time,
}

/// Which part of the recorded time to look at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Time {
    /// All that the recording asks about.
    #[default]
    AsRecorded,
    /// The last so many seconds of it.
    Last(f64),
    /// From here to there, both optional.
    Between(Option<Timestamp>, Option<Timestamp>),
}

/// The whole of `stilltrace why`: question, platform, hypotheses, plan, evidence, diagnosis, fix.
pub(crate) fn explain(source: &Recorded, asked: &Asked) -> anyhow::Result<Diagnosis> {
    let recorded = source.question().clone();
    let question = Question { window: window(&recorded, asked.time)?, ..recorded };
    let platform = source.platform(&question)?;
    let question = about(question, asked.service.as_deref(), &platform)?;

    let hypotheses = engine::hypotheses(&question, &platform);
    let plan = engine::plan(&question, &platform, &hypotheses);
    let capture = source.capture(&plan);
    let mut diagnosis = engine::diagnose(&question, &platform, &hypotheses, &capture);

    if let Some(fix) = &mut diagnosis.fix {
        fix.patch = source.patch(fix);
    }
    diagnosis.inputs.capture_digest = Some(format!("sha256:{}", source.bundle().digest()));
    diagnosis.inputs.synthetic.clone_from(&source.bundle().manifest().synthetic);
    VERSION.clone_into(&mut diagnosis.inputs.tool_version);
    Ok(diagnosis)
}

/// The part of the recorded window that is asked about.
fn window(recorded: &Question, time: Time) -> anyhow::Result<Window> {
    let all = recorded.window;
    let (from, to) = match time {
        Time::AsRecorded => return Ok(all),
        Time::Last(seconds) => (all.to.plus_seconds(-seconds).max(all.from), all.to),
        Time::Between(from, to) => (from.unwrap_or(all.from), to.unwrap_or(all.to)),
    };
    if from >= to {
        bail!("the time asked about ends at {to}, before it begins at {from}");
    }
    if from >= all.to || to <= all.from {
        bail!("{from} to {to} lies outside the recording, {} to {}", all.from, all.to);
    }
    Ok(Window { from: from.max(all.from), to: to.min(all.to) })
}

/// The question about the service that was named.
fn about(
    recorded: Question,
    service: Option<&str>,
    platform: &Platform,
) -> anyhow::Result<Question> {
    let Some(named) = service else { return Ok(recorded) };
    let matches = |id: &&ServiceId| match named.split_once('/') {
        Some((namespace, name)) => id.namespace == namespace && id.name == name,
        None => id.name == named,
    };
    if matches(&&recorded.service) {
        return Ok(recorded);
    }
    let found: Vec<&ServiceId> = platform.services.keys().filter(matches).collect();
    match found.as_slice() {
        // The recorded objective is that of the recorded service.
        [one] => Ok(Question { service: (*one).clone(), target_seconds: None, ..recorded }),
        [] => Err(unknown(named, &recorded.service, platform)),
        several => {
            let all: Vec<String> = several.iter().map(ToString::to_string).collect();
            bail!("several services are called `{named}`: {}; name one with -n", all.join(", "))
        }
    }
}

fn unknown(named: &str, recorded: &ServiceId, platform: &Platform) -> anyhow::Error {
    let known: Vec<String> = std::iter::once(recorded)
        .chain(platform.services.keys().filter(|id| *id != recorded))
        .map(ToString::to_string)
        .collect();
    let hint = match suggest::closest(named, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it is about {recorded} and knows {} services", known.len()),
    };
    anyhow::anyhow!("the recording knows no service `{named}`; {hint}")
}

/// Reads a recording: a folder, a file, or standard input.
pub(crate) fn open(path: &Path) -> anyhow::Result<Bundle> {
    if path.as_os_str() != "-" {
        return Ok(Bundle::open(path)?);
    }
    let limit = stilltrace_capture::Budget::default().packed_bytes;
    let mut packed = Vec::new();
    let mut input = std::io::Read::take(std::io::stdin().lock(), limit + 1);
    std::io::Read::read_to_end(&mut input, &mut packed).context("standard input")?;
    Bundle::from_bytes(&packed).context("standard input")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

    use std::collections::BTreeMap;

    use stilltrace_model::{Origin, Platform, Question, Service, ServiceId, Timestamp, Window};

    use super::{Time, about, window};

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_772_632_800_000 + seconds * 1_000)
    }

    fn question() -> Question {
        Question {
            service: ServiceId::new("shop", "checkout"),
            window: Window { from: at(0), to: at(100) },
            target_seconds: Some(0.3),
        }
    }

    fn platform() -> Platform {
        let mut platform = Platform::default();
        for (namespace, name) in [("shop", "inventory"), ("web", "front"), ("mobile", "front")] {
            let id = ServiceId::new(namespace, name);
            let service = Service {
                id: id.clone(),
                host: String::new(),
                origin: Origin::Default { of: "a test".into() },
                ports: BTreeMap::new(),
                alias_of: None,
                workloads: Vec::new(),
            };
            platform.services.insert(id, service);
        }
        platform
    }

    #[test]
    fn a_window_is_cut_to_the_recording() {
        let cut = |time| window(&question(), time).map(|w| (w.from, w.to)).ok();
        assert_eq!(cut(Time::AsRecorded), Some((at(0), at(100))));
        assert_eq!(cut(Time::Last(30.0)), Some((at(70), at(100))));
        assert_eq!(cut(Time::Last(3_000.0)), Some((at(0), at(100))));
        assert_eq!(cut(Time::Between(Some(at(20)), None)), Some((at(20), at(100))));
        assert_eq!(cut(Time::Between(Some(at(-9)), Some(at(50)))), Some((at(0), at(50))));
    }

    #[test]
    fn a_window_beside_the_recording_is_refused() {
        let message = |from, to| {
            let time = Time::Between(Some(at(from)), Some(at(to)));
            window(&question(), time).unwrap_err().to_string()
        };
        assert!(message(50, 20).contains("before it begins"));
        assert!(message(200, 300).contains("outside the recording"));
        assert!(message(-20, -10).contains("outside the recording"));
    }

    #[test]
    fn a_service_is_found_by_name_or_by_namespace_and_name() {
        let ask = |name: &str| about(question(), Some(name), &platform());
        assert_eq!(ask("checkout").unwrap(), question());
        assert_eq!(ask("shop/checkout").unwrap(), question());
        let other = ask("inventory").unwrap();
        assert_eq!(other.service, ServiceId::new("shop", "inventory"));
        assert_eq!(other.target_seconds, None);
    }

    #[test]
    fn a_service_that_is_not_there_is_explained() {
        let message =
            |name: &str| about(question(), Some(name), &platform()).unwrap_err().to_string();
        assert!(message("chekout").contains("did you mean `shop/checkout`?"));
        assert!(message("default/inventory").contains("did you mean `shop/inventory`?"));
        assert!(message("zzzzzzzz").contains("about shop/checkout and knows 4 services"));
        assert!(message("front").contains("mobile/front, web/front"));
    }
}
