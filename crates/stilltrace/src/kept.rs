//! The last reports of this user, so that `show` and `fix` can speak of them.
//!
//! One file per report, `000042-3f9a1c2e.json`: a counter for the order, then the id, which is made
//! from the content, so the same answer has the same id everywhere. Files are written beside their
//! place and renamed into it, and the oldest are removed. Nothing here may fail an answer.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::suggest;

/// How many reports are kept.
const KEPT: usize = 100;
/// Largest report that is read, in bytes.
const LARGEST: u64 = 32 << 20;

/// The folder of kept reports.
#[derive(Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
}

/// One kept report.
struct Entry {
    number: u64,
    id: String,
    path: PathBuf,
}

impl Kept {
    /// The folder of this user: `$XDG_STATE_HOME/stilltrace/reports`, or where the system keeps
    /// such files.
    pub(crate) fn of_user() -> anyhow::Result<Self> {
        let absolute = |name: &str| {
            std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
        };
        let home = || absolute("HOME");
        let base = absolute("XDG_STATE_HOME").or_else(|| {
            if cfg!(target_os = "macos") {
                home().map(|home| home.join("Library/Application Support"))
            } else if cfg!(windows) {
                absolute("LOCALAPPDATA")
            } else {
                home().map(|home| home.join(".local/state"))
            }
        });
        let base = base.context("no folder for reports is known; set XDG_STATE_HOME or HOME")?;
        Ok(Self { folder: base.join("stilltrace").join("reports") })
    }

    /// Keeps a report and returns its id.
    pub(crate) fn keep(&self, report: &str) -> anyhow::Result<String> {
        let folder = || self.folder.display().to_string();
        create_folder(&self.folder).with_context(folder)?;
        let id = id_of(report);
        let entries = self.entries().with_context(folder)?;
        let number = entries.last().map_or(1, |last| last.number.saturating_add(1));
        let place = self.folder.join(format!("{number:06}-{id}.json"));
        let beside = self.folder.join(format!(".{id}.{}", std::process::id()));
        fs::write(&beside, report)
            .and_then(|()| fs::rename(&beside, &place))
            .inspect_err(|_| {
                let _ = fs::remove_file(&beside);
            })
            .with_context(|| place.display().to_string())?;
        let (same, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|old| old.id == id);
        let surplus = (others.len() + 1).saturating_sub(KEPT);
        for old in same.iter().chain(others.iter().take(surplus)) {
            // Another process may have been faster.
            let _ = fs::remove_file(&old.path);
        }
        Ok(id)
    }

    /// The report of an id or the beginning of one; without, the latest.
    pub(crate) fn find(&self, id: Option<&str>) -> anyhow::Result<(String, String)> {
        let entries = self.entries().unwrap_or_default();
        let Some(id) = id else {
            let Some(latest) = entries.last() else {
                bail!("no report is kept yet; `why` keeps what it answers");
            };
            return Ok((latest.id.clone(), read_file(&latest.path)?));
        };
        let matching: Vec<&Entry> =
            entries.iter().filter(|entry| entry.id.starts_with(id)).collect();
        match matching.as_slice() {
            [] => {
                let hint = suggest::closest(id, entries.iter().map(|entry| entry.id.as_str()))
                    .map_or_else(
                        || {
                            format!(
                                "{} kept in {}",
                                match entries.len() {
                                    1 => "1 report is".to_owned(),
                                    several => format!("{several} reports are"),
                                },
                                self.folder.display()
                            )
                        },
                        |near| format!("did you mean `{near}`?"),
                    );
                bail!("no report `{id}`: there is no such file and none with this id; {hint}")
            }
            [one] => Ok((one.id.clone(), read_file(&one.path)?)),
            several => bail!("`{id}` begins {} ids; give more of it", several.len()),
        }
    }

    /// Kept reports, oldest first. A folder that is not there is an empty one.
    fn entries(&self) -> io::Result<Vec<Entry>> {
        let folder = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            folder => folder?,
        };
        let mut entries = Vec::new();
        for file in folder {
            let path = file?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let parts = name.strip_suffix(".json").and_then(|stem| stem.split_once('-'));
            if let Some((number, id)) = parts
                && let Ok(number) = number.parse()
            {
                entries.push(Entry { number, id: id.to_owned(), path: path.clone() });
            }
        }
        entries.sort_by(|a, b| a.number.cmp(&b.number).then_with(|| a.id.cmp(&b.id)));
        Ok(entries)
    }
}

/// The report that was asked for: a file, `-` for standard input, an id, or nothing for the latest.
/// Returns its id, if it is a kept one, and its text.
pub(crate) fn report(asked: Option<&str>) -> anyhow::Result<(Option<String>, String)> {
    let looks_like_file = |asked: &str| asked.contains(['/', '.']) || Path::new(asked).is_file();
    match asked {
        Some("-") => {
            let text = read(io::stdin().lock()).context("standard input")?;
            Ok((None, text))
        }
        Some(file) if looks_like_file(file) => Ok((None, read_file(Path::new(file))?)),
        id => {
            let (id, text) = Kept::of_user()?.find(id)?;
            Ok((Some(id), text))
        }
    }
}

/// Makes the folder, for this user's eyes only: reports name services, people and files.
fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn read_file(path: &Path) -> anyhow::Result<String> {
    let place = || path.display().to_string();
    let file = fs::File::open(path).with_context(place)?;
    read(file).with_context(place)
}

fn read(from: impl Read) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        bail!("more than {LARGEST} bytes; no report is that large");
    }
    String::from_utf8(bytes).context("not a report: it is no text in UTF-8")
}

/// Eight hexadecimal digits from the content: FNV-1a with 64 bits, both halves folded together. It
/// only has to tell a hundred reports of one user apart.
fn id_of(report: &str) -> String {
    let hash = report.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

    use super::{KEPT, Kept, id_of};

    fn kept() -> (tempfile::TempDir, Kept) {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept { folder: folder.path().join("reports") };
        (folder, kept)
    }

    #[test]
    fn the_id_comes_from_the_content() {
        assert_eq!(id_of("a"), id_of("a"));
        assert_ne!(id_of("a"), id_of("b"));
        assert_eq!(id_of("").len(), 8);
    }

    #[test]
    fn what_is_kept_is_found_by_id_prefix_and_as_the_latest() {
        let (_folder, kept) = kept();
        let first = kept.keep("first").unwrap();
        let second = kept.keep("second").unwrap();
        assert_eq!(kept.find(Some(&first)).unwrap().1, "first");
        assert_eq!(kept.find(second.get(..5)).unwrap().1, "second");
        assert_eq!(kept.find(None).unwrap(), (second, "second".to_owned()));
    }

    #[test]
    fn keeping_again_makes_it_the_latest_without_a_copy() {
        let (folder, kept) = kept();
        kept.keep("first").unwrap();
        kept.keep("second").unwrap();
        kept.keep("first").unwrap();
        assert_eq!(kept.find(None).unwrap().1, "first");
        assert_eq!(std::fs::read_dir(folder.path().join("reports")).unwrap().count(), 2);
    }

    #[test]
    fn the_oldest_are_removed() {
        let (folder, kept) = kept();
        for index in 0..KEPT + 5 {
            kept.keep(&format!("report {index}")).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path().join("reports")).unwrap().count(), KEPT);
        assert!(kept.find(Some(&id_of("report 4"))).is_err());
        assert!(kept.find(Some(&id_of("report 5"))).is_ok());
    }

    #[test]
    fn unknown_ids_say_what_is_there() {
        let (_folder, kept) = kept();
        assert!(kept.find(None).unwrap_err().to_string().contains("no report is kept yet"));
        let id = kept.keep("first").unwrap();
        let near = format!("{}zz", id.get(..6).unwrap());
        assert!(kept.find(Some(&near)).unwrap_err().to_string().contains(&id));
        assert!(kept.find(Some("q")).unwrap_err().to_string().contains("1 report is kept"));
    }

    #[test]
    fn foreign_files_in_the_folder_are_left_alone() {
        let (folder, kept) = kept();
        kept.keep("first").unwrap();
        let foreign = folder.path().join("reports/notes.txt");
        std::fs::write(&foreign, "mine").unwrap();
        kept.keep("second").unwrap();
        assert!(foreign.exists());
        assert_eq!(kept.find(None).unwrap().1, "second");
    }
}
