//! Histories that no git would write: folders out of order, names twice, files that are folders,
//! objects of the wrong kind. Reading them may fail, but never panics and never hangs.
#![allow(clippy::unwrap_used, reason = "a failure is the test's result")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gix_hash::{Kind as HashKind, ObjectId};
use gix_object::Kind;
use stilltrace_manifest::Tree;
use stilltrace_model::Timestamp;
use stilltrace_sources::git::Repository;

#[test]
fn random_histories_never_panic() {
    let mut blamed = 0;
    for seed in 0..120 {
        let mut dice = Dice(seed);
        let mut objects = Files::default();
        let head = history(&mut objects, &mut dice);
        objects.0.insert("HEAD".to_owned(), head.to_string().into_bytes());
        let files = objects.0.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
        let repository = Repository::from_files("hostile", files).unwrap();
        let Ok(head) = repository.resolve("HEAD") else { continue };
        let _ = repository.log_since(&head, Timestamp(0), 100);
        let _ = repository.changed_paths(&head);
        let Ok(tree) = repository.tree(&head) else { continue };
        for path in tree.files().unwrap() {
            let _ = tree.read(&path);
            for line in [0, 1, 2, 5, 9, u32::MAX] {
                blamed += usize::from(repository.blame(&path, line, &head).is_ok());
            }
        }
    }
    assert!(blamed > 150, "only {blamed} lines could be blamed, so little was tested");
}

/// Files of a bare repository.
#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn add(&mut self, kind: Kind, data: &[u8]) -> ObjectId {
        let id = gix_object::compute_hash(HashKind::Sha1, kind, data).unwrap();
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        write!(encoder, "{kind} {}\0", data.len()).unwrap();
        encoder.write_all(data).unwrap();
        let hex = id.to_string();
        self.0.insert(format!("objects/{}/{}", &hex[..2], &hex[2..]), encoder.finish().unwrap());
        id
    }
}

/// Commits one after another, each with a tree at random and up to two of the earlier as parents.
fn history(objects: &mut Files, dice: &mut Dice) -> ObjectId {
    let mut commits: Vec<ObjectId> = Vec::new();
    for number in 0..2 + dice.up_to(6) {
        let tree = tree(objects, dice, 2);
        let mut text = format!("tree {tree}\n");
        for _ in 0..dice.up_to(3).min(commits.len()) {
            writeln!(text, "parent {}", commits[dice.up_to(commits.len())]).unwrap();
        }
        let time = 1_772_625_600 + number * 60;
        for role in ["author", "committer"] {
            writeln!(text, "{role} A <a@example.com> {time} +0000").unwrap();
        }
        text += "\nmessage\n";
        commits.push(objects.add(Kind::Commit, text.as_bytes()));
    }
    *commits.last().unwrap()
}

fn tree(objects: &mut Files, dice: &mut Dice, depth: usize) -> ObjectId {
    const NAMES: [&str; 7] = ["a.yaml", "b.yaml", "a", "a-b", "..", ".git", ""];
    const MODES: [&str; 6] = ["100644", "40000", "120000", "160000", "100755", "777"];
    // Three of four are as Git writes them, so that the rest of the code is reached at all.
    let is_proper = dice.up_to(4) > 0;
    let mut entries = Vec::new();
    for _ in 0..dice.up_to(6) {
        let name = NAMES[dice.up_to(if is_proper { 4 } else { 7 })];
        let is_folder = depth > 0 && dice.up_to(3) == 0;
        let id = if is_folder { tree(objects, dice, depth - 1) } else { blob(objects, dice) };
        let mode = match is_folder {
            _ if !is_proper && dice.up_to(4) == 0 => MODES[dice.up_to(6)],
            true => "40000",
            false => "100644",
        };
        entries.push((format!("{name}{}", if is_folder { "/" } else { "" }), name, mode, id));
    }
    if is_proper {
        entries.sort();
        let mut seen = BTreeSet::new();
        entries.retain(|(_, name, _, _)| seen.insert(*name));
    }
    let mut data = Vec::new();
    for (_, name, mode, id) in entries {
        data.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        data.extend_from_slice(id.as_slice());
    }
    objects.add(Kind::Tree, &data)
}

fn blob(objects: &mut Files, dice: &mut Dice) -> ObjectId {
    let mut text = String::new();
    for _ in 0..dice.up_to(12) {
        text += ["x: 1\n", "y: 2\n", "\n", "z", "\r\n", "x: 1\n"][dice.up_to(6)];
    }
    objects.add(Kind::Blob, text.as_bytes())
}

/// A small generator of the same numbers every time (Knuth's MMIX constants).
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}
