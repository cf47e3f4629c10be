//! The days before: how the repository came to be what it is when the recording starts.
//!
//! The history is made backwards. The last state is known; each step takes something back - a value
//! to an earlier one, a file to its earlier name, an application to not being there yet. Read
//! forwards, these are ordinary commits, and most lines that matter later have more than one.

use std::collections::BTreeMap;

use super::draw::Draw;
use super::edit::{self, Files, Spot};
use super::message::Work;

/// A state of the repository and what was done to reach it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// The files after the commit.
    pub(crate) files: Files,
    /// The sort of work.
    pub(crate) work: Work,
    /// The file that tells best what the commit is about.
    pub(crate) path: String,
}

/// Finds a value in a revision's files.
pub(crate) type Finder<'a> = dyn Fn(&Files) -> Option<Spot> + 'a;

/// The steps to `last`, oldest first; the first one is the import of everything older.
///
/// `pinned` finds the values that must have a history of their own; `apps` are folders of
/// applications that may have been added on the way.
pub(crate) fn draw(last: &Files, pinned: &[&Finder], apps: &[String], seed: u64) -> Vec<Step> {
    let mut draw = Draw::new(seed, "history");
    let plan = plan(pinned.len(), apps, &mut draw);
    let mut files = last.clone();
    let mut known = Known::default();
    let mut steps = Vec::new();
    for undo in plan.into_iter().rev() {
        let after = files.clone();
        let undone = match undo {
            Undo::Pinned(index) => pinned.get(index).and_then(|find| {
                let spot = find(&files)?;
                take_back(&mut files, &spot, &mut draw)
            }),
            Undo::Value => random_value(&mut files, &mut known, &mut draw),
            Undo::Rename => random_rename(&mut files, &mut draw),
            Undo::App(folder) => added_app(&mut files, &folder),
            Undo::Readme => readme(&mut files, &mut draw),
        };
        if let Some((work, path)) = undone {
            steps.push(Step { files: after, work, path });
        }
    }
    steps.push(Step { files, work: Work::Add, path: String::new() });
    steps.reverse();
    steps
}

/// Something to take back.
enum Undo {
    /// The value that a pinned finder names.
    Pinned(usize),
    /// Some value of some file.
    Value,
    /// The name of some file.
    Rename,
    /// The application in this folder.
    App(String),
    /// A line of prose.
    Readme,
}

/// What happened, oldest first.
fn plan(pinned: usize, apps: &[String], draw: &mut Draw) -> Vec<Undo> {
    let mut early: Vec<_> = apps.iter().map(|folder| Undo::App(folder.clone())).collect();
    draw.shuffle(&mut early);
    early.truncate(2);
    let mut late: Vec<_> = (0..draw.between(22, 30)).map(|_| Undo::Value).collect();
    late.extend((0..2).flat_map(|_| (0..pinned).map(Undo::Pinned)));
    late.extend([Undo::Rename, Undo::Rename, Undo::Rename, Undo::Readme, Undo::Readme]);
    draw.shuffle(&mut late);
    // Applications come in the first third, so that later work on them is possible.
    for (index, app) in early.into_iter().enumerate() {
        late.insert(2 + 3 * index, app);
    }
    late
}

/// Sets a value back to an earlier one.
fn take_back(files: &mut Files, spot: &Spot, draw: &mut Draw) -> Option<(Work, String)> {
    let earlier = earlier(&spot.text, draw)?;
    edit::replace(files, spot, &earlier);
    let release = spot.text.split(['.', ':']).count() > 2;
    Some((if release { Work::Release } else { Work::Tune }, spot.path.clone()))
}

/// Keys whose values people tune now and then, without breaking anything.
const TUNABLE: &[&str] = &[
    "attempts",
    "perTryTimeout",
    "timeout",
    "maxConnections",
    "connectTimeout",
    "idleTimeout",
    "http1MaxPendingRequests",
    "http2MaxRequests",
    "consecutive5xxErrors",
    "interval",
    "baseEjectionTime",
    "maxEjectionPercent",
    "cpu",
    "memory",
    "newTag",
    "image",
    "maxReplicas",
    "averageUtilization",
    "periodSeconds",
    "value",
    "randomSamplingPercentage",
    "[\"sidecar.istio.io/proxyCPU\"]",
    "[\"sidecar.istio.io/proxyCPULimit\"]",
];

/// The values of each file that people tune, with the text that they were read from: most files are
/// the same from step to step.
#[derive(Default)]
struct Known(BTreeMap<String, (String, Vec<Spot>)>);

impl Known {
    fn values(&mut self, path: &str, text: &str) -> &[Spot] {
        let fresh = self.0.get(path).is_some_and(|(read, _)| read == text);
        if !fresh {
            let tunable = |(field, spot): (String, Spot)| {
                TUNABLE.iter().any(|key| field.ends_with(key)).then_some(spot)
            };
            let spots = edit::scalars(path, text).into_iter().filter_map(tunable).collect();
            self.0.insert(path.to_owned(), (text.to_owned(), spots));
        }
        self.0.get(path).map_or(&[], |(_, spots)| spots)
    }
}

/// Sets some value of some file back; files of the mesh more often than others.
fn random_value(files: &mut Files, known: &mut Known, draw: &mut Draw) -> Option<(Work, String)> {
    let mut candidates = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| is_tuned(path)) {
        let mesh = ["virtualservice", "destinationrule", "routing", "routes", "traffic", "sizing"];
        let weight = if mesh.iter().any(|word| path.contains(word)) { 3 } else { 1 };
        for spot in known.values(path, text) {
            candidates.extend(std::iter::repeat_n(spot.clone(), weight));
        }
    }
    // A candidate may have no earlier value (`value: info`): try a few.
    for _ in 0..8 {
        let spot = draw.pick(&candidates)?.clone();
        if let Some(undone) = take_back(files, &spot, draw) {
            return Some(undone);
        }
    }
    None
}

/// Whether people tune values of this file.
fn is_tuned(path: &str) -> bool {
    edit::is_yaml(path)
        && !path.starts_with("clusters/")
        && !path.starts_with("archive/")
        && !path.contains("/staging/")
}

/// Names that files had before somebody tidied up.
const EARLIER_NAMES: &[(&str, &[&str])] = &[
    ("virtualservice.yaml", &["vs.yaml", "virtual-service.yaml"]),
    ("destinationrule.yaml", &["dr.yaml", "destination-rule.yaml"]),
    ("deployment.yaml", &["deploy.yaml"]),
    ("serviceaccount.yaml", &["sa.yaml"]),
    ("-routes.yaml", &["-vs.yaml"]),
    ("-traffic.yaml", &["-dr.yaml"]),
    ("-sizing.yaml", &["-resources.yaml"]),
    ("-routing.yaml", &["-vs-patch.yaml"]),
];

/// Gives some file its earlier name back.
fn random_rename(files: &mut Files, draw: &mut Draw) -> Option<(Work, String)> {
    let mut candidates = Vec::new();
    for path in files.keys() {
        let name = path.rsplit('/').next().unwrap_or(path);
        for (ending, earlier) in EARLIER_NAMES {
            if let Some(stem) = name.strip_suffix(ending)
                && (stem.is_empty() != ending.starts_with('-'))
            {
                candidates.push((path.clone(), format!("{stem}{}", draw.word(earlier))));
            }
        }
    }
    let (path, earlier) = draw.pick(&candidates)?.clone();
    edit::rename(files, &path, &earlier)?;
    Some((Work::Move, path))
}

/// Takes an application out, with the files of overlays that are about it.
fn added_app(files: &mut Files, folder: &str) -> Option<(Work, String)> {
    let app = folder.rsplit('/').next()?.to_owned();
    let gone = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        path.starts_with(&format!("{folder}/"))
            || (name.starts_with(&format!("{app}-")) && !path.starts_with("clusters/"))
    };
    let removed = edit::remove(files, &gone);
    removed.iter().find(|path| path.contains("/base/")).map(|path| (Work::Add, path.clone()))
}

/// Gives the README an earlier wording back.
fn readme(files: &mut Files, draw: &mut Draw) -> Option<(Work, String)> {
    const WORDINGS: &[(&str, &str)] = &[
        ("Open a pull request", "Open a merge request"),
        ("are asked for a review", "have to agree"),
        ("What runs in", "Everything that runs in"),
    ];
    let text = files.get_mut("README.md")?;
    let possible: Vec<_> = WORDINGS.iter().filter(|(now, _)| text.contains(now)).collect();
    let (now, before) = draw.pick(&possible)?;
    *text = text.replacen(now, before, 1);
    Some((Work::Document, "README.md".to_owned()))
}

/// A value that may have stood here before: another number, duration, size or version.
fn earlier(text: &str, draw: &mut Draw) -> Option<String> {
    if let Some((repository, tag)) = text.rsplit_once(':') {
        return earlier_version(tag, draw).map(|tag| format!("{repository}:{tag}"));
    }
    if text.split('.').count() == 3 {
        return earlier_version(text, draw);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: i64 = number.parse().ok()?;
    if !["", "ms", "s", "m", "Mi"].contains(&unit) || number == 0 {
        return None;
    }
    let step = match number {
        1..=3 => 1,
        4..=19 => 2,
        20..=99 => 5,
        100..=999 => 50,
        _ => 128,
    };
    let steps = if number > step && draw.chance(0.5) { -1 } else { draw.between(1, 2) };
    Some(format!("{}{unit}", number + step * steps))
}

/// The version before `major.minor.patch`.
fn earlier_version(version: &str, draw: &mut Draw) -> Option<String> {
    let mut parts = version.split('.').map(|part| part.parse::<i64>().ok());
    let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()??);
    Some(match (minor, patch) {
        (_, 1..) => format!("{major}.{minor}.{}", patch - 1),
        (1.., _) => format!("{major}.{}.{}", minor - 1, draw.between(0, 6)),
        _ => format!("{}.{}.0", (major - 1).max(0), draw.between(5, 20)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_value_differs_and_has_the_same_unit() {
        let mut draw = Draw::new(3, "values");
        for text in ["2", "100ms", "1s", "250m", "512Mi", "2.0.0", "r.example.com/a:1.4.2", "0.0.0"]
        {
            let earlier = earlier(text, &mut draw).unwrap_or_default();
            assert_ne!(earlier, text);
            let unit =
                |text: &str| text.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
            if !text.contains('.') {
                assert_eq!(unit(&earlier), unit(text), "{text} -> {earlier}");
            }
        }
        assert_eq!(earlier("info", &mut draw), None);
    }
}
