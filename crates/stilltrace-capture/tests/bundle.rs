//! A capture is read back as it was written; anything else is refused by name and place.
#![allow(clippy::unwrap_used, reason = "a failure is the test's result")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use stilltrace_capture::{Budget, Bundle, BundleWriter, CaptureError, Form, Manifest, RawSeries};
use stilltrace_model::{
    Bursts, Call, ContainerId, EdgeId, Event, EventKind, ObjectRef, Question, ServiceId, Timestamp,
    Window, WorkloadId,
};

fn question() -> Question {
    Question {
        service: ServiceId::new("shop", "checkout"),
        window: Window { from: Timestamp(1_772_632_800_000), to: Timestamp(1_772_632_940_000) },
        target_seconds: Some(0.3),
    }
}

fn container() -> ContainerId {
    ContainerId {
        workload: WorkloadId::new("shop", "checkout"),
        pod: "checkout-6d4cf56db6-x7k2p".to_owned(),
        container: "istio-proxy".to_owned(),
    }
}

fn writer() -> BundleWriter {
    let mut manifest = Manifest::new(&question());
    manifest.revision = Some("ab".repeat(20));
    manifest.seed = Some(7);
    manifest.noise.insert("steal_seconds".to_owned(), 0.25);
    manifest.synthetic.push("events.jsonl: syncs come from the recorder".to_owned());
    let mut writer = BundleWriter::new(manifest);
    writer.samples("prometheus", &[series()]);
    writer.bursts(&BTreeMap::from([(container(), bursts())])).unwrap();
    writer.events(&[event()]);
    writer.calls(&[call()]);
    writer.containers(&[container()]);
    writer.repository_file("HEAD", b"ref: refs/heads/main\n".to_vec()).unwrap();
    writer.truth(b"{\"verdict\":\"cause\"}".to_vec());
    writer
}

fn series() -> RawSeries {
    RawSeries {
        metric: "istio_requests_total".to_owned(),
        labels: vec![("reporter".to_owned(), "source".to_owned())],
        points: vec![
            (Timestamp(1_772_632_800_250), 1.5),
            (Timestamp(1_772_632_815_250), 0.1 + 0.2),
        ],
    }
}

fn bursts() -> Bursts {
    Bursts {
        start: Timestamp(1_772_632_800_000),
        window_us: 10_000,
        on_cpu_us: (0..500).map(|at| at % 7 * 10).collect(),
        throttled_us: vec![0; 500],
        waiting_us: None,
        source: "cgroup cpu.stat at 10 ms".to_owned(),
    }
}

fn event() -> Event {
    Event {
        time: Timestamp(1_772_632_810_000),
        kind: EventKind::Synced,
        object: ObjectRef {
            api_version: "kustomize.toolkit.fluxcd.io/v1".to_owned(),
            kind: "Kustomization".to_owned(),
            namespace: "flux-system".to_owned(),
            name: "apps".to_owned(),
        },
        revision: None,
        message: "applied".to_owned(),
        synthetic: true,
    }
}

fn call() -> Call {
    let (source, destination) =
        (WorkloadId::new("shop", "web"), ServiceId::new("shop", "checkout"));
    Call { edge: EdgeId::new(source, destination, 8080), requests: 1_234.0 }
}

fn assert_is_whole(bundle: &Bundle) {
    assert_eq!(bundle.manifest().question(), Some(question()));
    assert_eq!(bundle.samples(), [series()]);
    assert_eq!(bundle.bursts(), &BTreeMap::from([(container(), bursts())]));
    assert_eq!(bundle.events(), [event()]);
    assert_eq!(bundle.calls(), [call()]);
    assert_eq!(bundle.containers(), [container()]);
    assert_eq!(bundle.repository().count(), 1);
    assert!(bundle.gaps().is_empty(), "{:?}", bundle.gaps());
}

#[test]
fn packed_and_unpacked_are_the_same_capture() {
    let packed = writer().pack().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, root, again) =
        (folder.path().join("a.stilltrace"), folder.path().join("b"), folder.path().join("c"));
    fs::write(&file, &packed).unwrap();
    writer().write_folder(&root).unwrap();
    Bundle::unpack(&packed, &again).unwrap();
    let from_file = Bundle::open(&file).unwrap();
    assert_is_whole(&from_file);
    assert_eq!(from_file.form(), Form::Packed);
    for path in [&root, &again] {
        let from_folder = Bundle::open(path).unwrap();
        assert_is_whole(&from_folder);
        assert_eq!(from_folder.form(), Form::Folder);
        assert_eq!(from_folder.digest(), from_file.digest());
        assert_eq!(from_folder.notes().count(), 0);
    }
    assert!(root.join("truth.json").exists(), "the lab keeps the truth beside the evidence");
    assert!(!again.join("truth.json").exists(), "unpacking leaves it behind");
}

#[test]
fn equal_content_gives_equal_bytes() {
    assert_eq!(writer().pack().unwrap(), writer().pack().unwrap());
}

#[test]
fn truth_and_unknown_files_change_nothing() {
    let with = writer().pack().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("capture");
    writer().write_folder(&root).unwrap();
    fs::write(root.join("truth.json"), "nonsense that nobody reads").unwrap();
    fs::write(root.join("notes.txt"), "mine").unwrap();
    fs::create_dir(root.join("repo.git/hooks")).unwrap();
    fs::write(root.join("repo.git/hooks/post-checkout"), "#!/bin/sh\n").unwrap();
    let bundle = Bundle::open(&root).unwrap();
    assert_eq!(bundle.digest(), Bundle::from_bytes(&with).unwrap().digest());
    assert!(bundle.file("truth.json").is_none());
    assert_eq!(bundle.repository().count(), 1);
}

#[test]
fn only_the_manifest_is_required_and_the_rest_is_a_gap() {
    let packed = BundleWriter::new(Manifest::new(&question())).pack().unwrap();
    let bundle = Bundle::from_bytes(&packed).unwrap();
    let missing: Vec<String> = bundle.gaps().into_iter().map(|gap| gap.what).collect();
    assert_eq!(
        missing,
        ["repo.git", "samples", "events.jsonl", "calls.csv"]
            .map(|part| format!("the capture has no {part}"))
    );
}

#[test]
fn an_edited_folder_is_noted_and_an_edited_archive_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("capture");
    writer().write_folder(&root).unwrap();
    let before = Bundle::open(&root).unwrap().digest().to_owned();
    let calls = fs::read_to_string(root.join("calls.csv")).unwrap().replace("1234", "99");
    fs::write(root.join("calls.csv"), &calls).unwrap();
    fs::remove_file(root.join("events.jsonl")).unwrap();
    let edited = Bundle::open(&root).unwrap();
    assert_eq!(
        edited.notes().collect::<Vec<_>>(),
        ["calls.csv was changed since recording", "events.jsonl was removed since recording"]
    );
    assert_ne!(edited.digest(), before);

    let mut entries = entries_of(&writer().pack().unwrap());
    entries.insert("calls.csv".to_owned(), calls.into_bytes());
    let error = Bundle::from_bytes(&pack(&entries)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "capture: calls.csv was changed since recording; copy it again, or unpack it into a folder to look at what is there"
    );
}

#[test]
fn every_truncation_is_refused() {
    let packed = writer().pack().unwrap();
    for end in 0..packed.len() {
        let error = Bundle::from_bytes(&packed[..end]).unwrap_err();
        let is_right =
            matches!(error, CaptureError::Truncated { .. } | CaptureError::Foreign { .. });
        assert!(is_right, "{end}: {error}");
        assert!(end < 4 || matches!(error, CaptureError::Truncated { .. }), "{end}: {error}");
    }
}

#[test]
fn a_flipped_byte_never_changes_what_is_read() {
    let packed = writer().pack().unwrap();
    let digest = Bundle::from_bytes(&packed).unwrap().digest().to_owned();
    let mut intact = 0;
    for at in 0..packed.len() {
        let mut damaged = packed.clone();
        damaged[at] ^= 0x10;
        // A few bits of a zstd frame have no meaning; then the content is the same.
        let same = Bundle::from_bytes(&damaged).map(|bundle| bundle.digest() == digest);
        assert!(*same.as_ref().unwrap_or(&true), "byte {at}");
        intact += usize::from(same.is_ok());
    }
    assert!(intact <= packed.len() / 50, "{intact} damaged captures were taken");
}

#[test]
fn a_newer_major_version_is_refused_and_a_newer_minor_is_not() {
    let mut entries = entries_of(&writer().pack().unwrap());
    let manifest = String::from_utf8(entries["manifest.json"].clone()).unwrap();
    for (schema, expected) in [
        ("stilltrace.capture/v2", Some("is newer than this program reads")),
        ("stilltrace.capture/v10.1", Some("is newer than this program reads")),
        (
            "other.thing/v1",
            Some("not a capture: manifest.json names the schema \"other.thing/v1\""),
        ),
        ("stilltrace.capture/v1.7", None),
    ] {
        let changed = manifest.replace("stilltrace.capture/v1", schema);
        // A newer version may have any other content.
        let changed =
            if schema.contains("v2") { format!("{{\"schema\":\"{schema}\"}}") } else { changed };
        entries.insert("manifest.json".to_owned(), changed.into_bytes());
        let result = Bundle::from_bytes(&pack(&entries)).map_err(|error| error.to_string());
        match expected {
            Some(text) => {
                assert!(result.as_ref().is_err_and(|error| error.contains(text)), "{result:?}");
            }
            None => assert!(result.is_ok(), "{result:?}"),
        }
    }
}

#[test]
fn what_is_no_capture_is_told_what_it_is() {
    let tar = unzstd(&writer().pack().unwrap());
    let without = pack(&BTreeMap::from([("calls.csv".to_owned(), Vec::new())]));
    let nested = pack(&BTreeMap::from([("x/manifest.json".to_owned(), b"{}".to_vec())]));
    let empty = zstd::encode_all(&b""[..], 1).unwrap();
    let text = zstd::encode_all(&b"hello"[..], 1).unwrap();
    let cases: &[(&[u8], &str)] = &[
        (b"PK\x03\x04abc", "it is a zip file"),
        (b"\x1f\x8b\x08", "it is a gzip file"),
        (b"{\"schema\":1}", "it is a JSON file; pass the folder it lies in"),
        (b"hello", "it is neither a folder nor compressed with zstd"),
        (&tar, "it is a tar that is not compressed"),
        (&without, "there is no manifest.json in it"),
        (&nested, "pack the content of the folder, not the folder"),
        (&empty, "there is no manifest.json in it"),
        (&text, "there is no tar in it"),
        (b"", "ends too early"),
    ];
    for (bytes, expected) in cases {
        let error = Bundle::from_bytes(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let error = Bundle::open(Path::new("/does/not/exist")).unwrap_err().to_string();
    assert_eq!(
        error,
        "/does/not/exist: no such file or folder; give the path of a .stilltrace file or folder"
    );
    let folder = tempfile::tempdir().unwrap();
    let error = Bundle::open(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("not a capture: there is no manifest.json in it"), "{error}");
}

/// Makes something else of the header of a file.
type Change = Box<dyn Fn(&mut tar::Header)>;

#[test]
fn entries_that_no_capture_has_are_refused() {
    let link = |kind: tar::EntryType| {
        move |header: &mut tar::Header| {
            header.set_entry_type(kind);
            header.set_link_name("/etc/passwd").unwrap();
        }
    };
    let cases: Vec<(&str, Change)> = vec![
        ("manifest.json", Box::new(link(tar::EntryType::Symlink))),
        ("calls.csv", Box::new(link(tar::EntryType::Link))),
        ("calls.csv", Box::new(|header| header.set_entry_type(tar::EntryType::Fifo))),
        ("calls.csv", Box::new(|header| header.set_entry_type(tar::EntryType::Char))),
        ("../calls.csv", Box::new(|_| {})),
        ("/calls.csv", Box::new(|_| {})),
        ("samples/../../x", Box::new(|_| {})),
    ];
    for (path, change) in cases {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        let name = header.as_gnu_mut().unwrap();
        name.name[..path.len()].copy_from_slice(path.as_bytes());
        change(&mut header);
        header.set_cksum();
        builder.append(&header, std::io::empty()).unwrap();
        let bytes = zstd::encode_all(builder.into_inner().unwrap().as_slice(), 1).unwrap();
        let error = Bundle::from_bytes(&bytes).unwrap_err();
        assert!(
            matches!(&error, CaptureError::Unsafe { entry, .. } if entry == path),
            "{path}: {error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("capture");
    writer().write_folder(&root).unwrap();
    fs::remove_file(root.join("calls.csv")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("calls.csv")).unwrap();
    let error = Bundle::open(&root).unwrap_err();
    assert!(matches!(error, CaptureError::Unsafe { .. }), "{error}");
}

#[test]
fn budgets_hold() {
    let packed = writer().pack().unwrap();
    let small = |change: fn(&mut Budget)| {
        let mut budget = Budget::default();
        change(&mut budget);
        Bundle::from_bytes_within(&packed, &budget).unwrap_err().to_string()
    };
    for (error, expected) in [
        (small(|budget| budget.packed_bytes = 10), "the packed file: more than 10 bytes"),
        (small(|budget| budget.unpacked_bytes = 2_000), "more than 2000 bytes unpacked"),
        (small(|budget| budget.entries = 2), "more than 2 files"),
        (small(|budget| budget.windows = 100), "bursts.csv:6: more than 100 windows"),
        (small(|budget| budget.samples = 1), "samples/prometheus.om:2: more than 1 samples"),
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_bomb_is_stopped_by_its_ratio() {
    let mut header = tar::Header::new_gnu();
    header.set_path("logs.jsonl").unwrap();
    header.set_size(200 << 20);
    header.set_cksum();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..200 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let error = Bundle::from_bytes(&bomb).unwrap_err();
    assert!(
        matches!(error, CaptureError::OverBudget { limit, .. } if limit == 64 << 20),
        "{error}"
    );
}

#[test]
fn a_bad_line_is_named_by_file_and_number() {
    let good = entries_of(&writer().pack().unwrap());
    for (file, content, expected) in [
        ("calls.csv", "a,b\n", "calls.csv:1: the columns must be source_namespace"),
        ("events.jsonl", "{}\n", "events.jsonl:1: missing field"),
        ("samples/x.om", "a 1 1\nb\n", "samples/x.om:2: a sample needs a value and a time"),
        ("bursts.csv", "x\n", "bursts.csv:1: the columns must be"),
        ("containers.csv", "namespace,workload,pod,container\na\n", "containers.csv:2: 1 fields"),
        ("samples/x.om", "a 1 1\n\u{0}\u{fffd}", "samples/x.om:2:"),
    ] {
        let mut entries = good.clone();
        entries.insert(file.to_owned(), content.as_bytes().to_vec());
        let mut manifest: Manifest = serde_json::from_slice(&entries["manifest.json"]).unwrap();
        manifest.files.clear();
        entries.insert("manifest.json".to_owned(), serde_json::to_vec(&manifest).unwrap());
        let error = Bundle::from_bytes(&pack(&entries)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let mut entries = good;
    entries.insert("calls.csv".to_owned(), b"# \xff\n".to_vec());
    entries.insert(
        "manifest.json".to_owned(),
        b"{\n\"schema\": \"stilltrace.capture/v1\",\n".to_vec(),
    );
    let error = Bundle::from_bytes(&pack(&entries)).unwrap_err().to_string();
    assert!(error.starts_with("capture: manifest.json:3: EOF"), "{error}");
}

#[test]
fn a_manifest_that_asks_nothing_is_named_by_line() {
    let good = entries_of(&writer().pack().unwrap());
    let manifest = String::from_utf8(good["manifest.json"].clone()).unwrap();
    for (from, to, expected) in [
        ("shop/checkout", "checkout", "manifest.json:3: `question` must be"),
        ("2026-03-04T14:00:00Z", "yesterday", "`question` must be"),
        ("0.3", "-1", "`target_seconds` must be a positive number"),
        ("abababab", "main", "`revision` must be a Git commit"),
    ] {
        let mut entries = good.clone();
        let changed = manifest.replace(from, to);
        assert_ne!(changed, manifest);
        entries.insert("manifest.json".to_owned(), changed.into_bytes());
        let error = Bundle::from_bytes(&pack(&entries)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = Bundle::from_bytes(&bytes);
        let _ = Bundle::from_bytes(&zstd::encode_all(bytes.as_slice(), 1).unwrap());
        for file in ["manifest.json", "bursts.csv", "events.jsonl", "calls.csv", "samples/a.om"] {
            let mut entries = entries_of(&BundleWriter::new(Manifest::new(&question())).pack().unwrap());
            entries.insert(file.to_owned(), bytes.clone());
            let _ = Bundle::from_bytes(&pack(&entries));
        }
    }
}

fn unzstd(packed: &[u8]) -> Vec<u8> {
    zstd::decode_all(packed).unwrap()
}

fn entries_of(packed: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let tar = unzstd(packed);
    let mut entries = BTreeMap::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            entries.insert(path, bytes);
        }
    }
    entries
}

fn pack(entries: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    zstd::encode_all(builder.into_inner().unwrap().as_slice(), 1).unwrap()
}

/// A device of which the read would never end must not be opened; one that is empty shows the same.
#[cfg(unix)]
#[test]
fn a_device_is_refused_without_reading_it() {
    let text = Bundle::open(Path::new("/dev/null")).unwrap_err().to_string();
    assert_eq!(
        text,
        "/dev/null: not a capture: it is a device, pipe or socket, not a file or folder"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn the_budget_counts_what_is_read_and_not_what_the_metadata_says() {
    let path = Path::new("/proc/self/status");
    assert_eq!(fs::metadata(path).unwrap().len(), 0);
    let budget = Budget { packed_bytes: 10, ..Budget::default() };
    let text = Bundle::open_within(path, &budget).unwrap_err().to_string();
    assert!(text.contains("the packed file: more than 10 bytes"), "{text}");
}
