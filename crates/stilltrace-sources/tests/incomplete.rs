//! What a capture or its repository lacks costs that part only, and nobody is accused because of it.
#![allow(clippy::unwrap_used, reason = "a failure is the test's result")]

mod support;

use support::story::{ROUTE, WORKLOADS, attempts, edge, open, question, story, writer};

#[test]
fn spoiled_yaml_costs_its_file_only() {
    let story = story();
    // Each line doubles the one before.
    let line = |level: u32| format!("a{0}: &a{0} [*a{1}, *a{1}]\n", level + 1, level);
    let bomb = (0..40).fold("a0: &a0 [x]\n".to_owned(), |text, level| text + &line(level));
    story.work.write("apps/shop/broken.yaml", "apiVersion: v1\nkind: [\n");
    story.work.write("apps/shop/deep.yaml", &"[".repeat(100_000));
    story.work.write("apps/shop/huge.yaml", &"a: b\n".repeat(2 << 20));
    story.work.commit("apps/shop/bomb.yaml", &bomb, "spoil it");
    let recorded = open(&writer(&story));
    let platform = recorded.platform(&question()).unwrap();
    assert_eq!(attempts(&platform).0, 10);
    for file in ["broken.yaml", "bomb.yaml", "deep.yaml", "huge.yaml"] {
        assert!(
            platform.gaps.iter().any(|gap| gap.what.contains(file)),
            "{file} is not named: {:?}",
            platform.gaps
        );
    }
}

#[test]
fn a_file_unreadable_on_one_side_of_a_commit_accuses_nobody() {
    let story = story();
    let broken =
        story.work.commit("apps/shop/route.yaml", &ROUTE.replace("hosts: [", "hosts: ]"), "break");
    let mended = story.work.commit("apps/shop/route.yaml", ROUTE, "mend");
    let platform = open(&writer(&story)).platform(&question()).unwrap();
    for commit in [&broken, &mended] {
        let change = platform.changes.iter().find(|one| one.commit.id.0 == **commit).unwrap();
        assert!(change.settings.is_empty(), "{:?}", change.settings);
        let short = change.commit.id.short();
        let begin = format!("what {short} changed could not be computed: apps/shop/route.yaml:");
        let mut about = platform.gaps.iter().filter(|gap| gap.what.starts_with(&begin));
        assert!(about.next().is_some(), "{:?}", platform.gaps);
    }
    let guilty = platform.changes.iter().find(|one| one.commit.id.0 == story.guilty).unwrap();
    assert!(!guilty.settings.is_empty(), "it was read on both sides");
}

#[test]
fn the_border_of_a_shallow_clone_is_a_gap_and_the_first_commit_of_all_is_none() {
    let story = story();
    let cut = "the history ends there";
    let whole = open(&writer(&story)).platform(&question()).unwrap();
    assert!(!whole.gaps.iter().any(|gap| gap.what.contains(cut)), "{:?}", whole.gaps);
    std::fs::write(story.work.path().join(".git/shallow"), format!("{}\n", story.guilty)).unwrap();
    let platform = open(&writer(&story)).platform(&question()).unwrap();
    let change = platform.changes.iter().find(|one| one.commit.id.0 == story.guilty).unwrap();
    assert!(change.settings.is_empty(), "{:?}", change.settings);
    let begin = format!("what {} changed could not be computed", change.commit.id.short());
    let about =
        |gap: &&stilltrace_model::Gap| gap.what.starts_with(&begin) && gap.what.ends_with(cut);
    assert!(platform.gaps.iter().find(about).is_some(), "{:?}", platform.gaps);
}

#[test]
fn an_object_that_admission_refuses_is_a_gap_with_its_line() {
    let story = story();
    let refused = ROUTE.replace("hosts: [", "hosts: [\"*.*\", ");
    assert_ne!(refused, ROUTE);
    story.work.commit("apps/shop/route.yaml", &refused, "add a host that no one may have");
    let platform = open(&writer(&story)).platform(&question()).unwrap();
    assert!(!platform.refused.is_empty());
    let mut about = platform.gaps.iter().filter(|gap| gap.what.contains("is refused by admission"));
    assert!(about.next().is_some_and(|gap| gap.what.starts_with("apps/shop/route.yaml:")));
}

#[test]
fn a_gap_that_a_commit_only_moves_does_not_hide_its_changes() {
    let story = story();
    let odd = format!("{ROUTE}---\nunfinished: [1\n");
    story.work.commit("apps/shop/route.yaml", &odd, "begin another document");
    let moved = odd.replace("attempts: 2", "attempts: 7").replace("  http:", "  # routes\n  http:");
    let moved = story.work.commit("apps/shop/route.yaml", &moved, "raise attempts below a comment");
    let platform = open(&writer(&story)).platform(&question()).unwrap();
    assert!(platform.gaps.iter().any(|gap| gap.what.contains("route.yaml:")), "no gap to move");
    let change = platform.changes.iter().find(|one| one.commit.id.0 == moved).unwrap();
    assert!(change.settings.iter().any(|one| one.setting == "retries.attempts"));
}

#[test]
fn without_recorded_calls_the_counters_tell_who_called_whom() {
    let story = story();
    let mut writer = writer(&story);
    writer.calls(&[]);
    let platform = open(&writer).platform(&question()).unwrap();
    let [call] = platform.calls.as_slice() else { panic!("{:?}", platform.calls) };
    assert_eq!(call.edge, edge());
    assert!((call.requests - 9.0 * 15.0 * 20.0).abs() < 1e-6, "{}", call.requests);

    // With two ports the counter does not say which one was called.
    let second =
        WORKLOADS.replace("    port: 8080\n", "    port: 8080\n  - name: http-b\n    port: 81\n");
    story.work.commit("apps/shop/workloads.yaml", &second, "open another port");
    let mut writer = self::writer(&story);
    writer.calls(&[]);
    let platform = open(&writer).platform(&question()).unwrap();
    assert_eq!(
        platform
            .edges
            .keys()
            .filter(|id| id.source == edge().source && id.destination == edge().destination)
            .count(),
        2
    );
    assert!(platform.calls.is_empty(), "{:?}", platform.calls);
}

#[test]
fn an_oversized_file_is_one_gap_that_names_it_once() {
    let story = story();
    story.work.write(
        "apps/shop/kustomization.yaml",
        "resources: [workloads.yaml, route.yaml, huge.yaml]\n",
    );
    story.work.commit("apps/shop/huge.yaml", &"a: b\n".repeat(4 << 20), "add a large file");
    let platform = open(&writer(&story)).platform(&question()).unwrap();
    let about: Vec<_> = platform
        .gaps
        .iter()
        .filter(|gap| gap.what.contains("huge.yaml") && !gap.what.starts_with("what "))
        .collect();
    let [gap] = about.as_slice() else { panic!("{about:?}") };
    assert_eq!(gap.what.matches("huge.yaml").count(), 1, "{}", gap.what);
}
