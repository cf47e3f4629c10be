//! Kinds that do not exist, or not in the version that an object names.

use std::collections::BTreeMap;

use stilltrace_manifest::Mark;
use stilltrace_manifest::schema::{Table, nearest_value};
use stilltrace_manifest::yaml::Text;

use crate::gaps::Gaps;
use crate::source::Source;

/// How many unknown kinds are told one by one; more than there ever were.
const MAX_KINDS: usize = 100;

/// Objects of kinds that nothing defines.
#[derive(Default)]
pub(super) struct UnknownKinds {
    /// By `apiVersion` and `kind`.
    found: BTreeMap<(String, String), UnknownKind>,
}

struct UnknownKind {
    /// Where the first object says its kind.
    mark: Mark,
    objects: usize,
    meant: Option<String>,
}

impl UnknownKinds {
    /// Adds an object. `table` is what knows its API group, if anything does.
    pub(super) fn add(&mut self, source: &Source, table: Option<&Table>) {
        let (api_version, kind) = (source.id.api_version.clone(), source.id.kind.clone());
        if let Some(known) = self.found.get_mut(&(api_version.clone(), kind.clone())) {
            known.objects += 1;
        } else if self.found.len() < MAX_KINDS {
            let mark = source.root.get("kind").map_or(&source.root.mark, |kind| &kind.mark);
            let meant = table.and_then(|table| meant(table, &api_version, &kind));
            let first = UnknownKind { mark: mark.clone(), objects: 1, meant };
            self.found.insert((api_version, kind), first);
        }
    }

    /// Says all of it.
    pub(super) fn report(&self, gaps: &Gaps) {
        for ((api_version, kind), found) in &self.found {
            let UnknownKind { mark, objects, meant } = found;
            let count = if *objects > 1 { format!(" ({objects} objects)") } else { String::new() };
            let what = format!("{mark}: there is no kind `{kind}` of `{api_version}`{count}");
            let why = "the API server refuses the object unless an older definition is installed";
            match meant {
                Some(meant) => {
                    gaps.add(
                        format!("{what}; did you mean {meant}?"),
                        why,
                        format!("write {meant}"),
                    );
                }
                None => gaps.add(what, why, "use a kind that the installed release has"),
            }
        }
    }
}

/// The same kind in other versions, or a kind of a similar name.
fn meant(table: &Table, api_version: &str, kind: &str) -> Option<String> {
    let group = |api_version: &str| api_version.split('/').next().unwrap_or_default().to_owned();
    let own = group(api_version);
    let of_group = || table.kinds().filter(|(version, _)| group(version) == own);
    let versions: Vec<String> = of_group()
        .filter(|(_, known)| *known == kind)
        .map(|(version, _)| format!("`{version}`"))
        .collect();
    if !versions.is_empty() {
        return Some(versions.join(" or "));
    }
    let kinds: Vec<Text> = of_group().map(|(_, known)| Text::new(known)).collect();
    nearest_value(kind, &kinds).map(|kind| format!("`{kind}`"))
}
