//! The `helm` program behind its bounds. Skipped, with the reason, where there is none.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests say why they skip")]

use std::sync::Arc;
use std::time::Duration;

use stilltrace_manifest::helm::{
    ChartFiles, HelmCall, HelmFlag, HelmRefusal, HelmRenderer, HelmSetting, SettingKind,
};
use stilltrace_sources::HelmProgram;

fn helm() -> Option<HelmProgram> {
    HelmProgram::find().inspect_err(|refusal| eprintln!("skipped: {refusal}")).ok()
}

fn chart(template: &str) -> HelmCall {
    let metadata = "apiVersion: v2\nname: shop\nversion: 1.2.3\n";
    let files = [
        ("Chart.yaml", metadata),
        ("values.yaml", "replicas: 2\n"),
        ("templates/object.yaml", template),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), Arc::from(text.as_bytes())));
    let files = Arc::new(ChartFiles::from(files));
    HelmCall { files, release: "till".to_owned(), ..HelmCall::default() }
}

const MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n";

#[test]
fn values_override_the_charts_own_and_settings_override_values() {
    let Some(helm) = helm() else { return };
    let mut call = chart(&format!("{MAP}  a: {{{{ .Values.replicas }}}}-{{{{ .Values.note }}}}\n"));
    assert!(helm.render(&call).unwrap().contains("  a: 2-\n"));
    call.values = vec![Arc::from("replicas: 3\nnote: x\n"), Arc::from("note: y\n")];
    let file = "line with, comma\n".to_owned();
    call.settings.push(HelmSetting {
        name: "note".to_owned(),
        value: file,
        kind: SettingKind::File,
    });
    assert!(helm.render(&call).unwrap().contains("  a: 3-line with, comma\n"));
}

#[test]
fn output_that_is_no_yaml_is_printed_raw_and_refused_otherwise() {
    let Some(helm) = helm() else { return };
    let mut call = chart("{{ .Release.Name }}: [\n");
    let refusal = helm.render(&call).unwrap_err().to_string();
    assert!(refusal.contains("templates/object.yaml"), "{refusal}");
    assert!(!refusal.contains("/tmp"), "{refusal}");
    call.flags.insert(HelmFlag::Raw);
    assert!(helm.render(&call).unwrap().contains("till: [\n"));
}

#[test]
fn nothing_of_the_environment_reaches_a_template() {
    let Some(helm) = helm() else { return };
    let refusal = helm.render(&chart("{{ env \"PATH\" }}")).unwrap_err().to_string();
    assert!(refusal.contains("\"env\" not defined"), "{refusal}");
    let lookup = format!("{MAP}  a: \"{{{{ getHostByName \"localhost\" }}}}\"\n");
    assert!(helm.render(&chart(&lookup)).unwrap().contains("  a: \"\"\n"));
}

#[test]
fn endless_templates_are_stopped() {
    let Some(helm) = helm() else { return };
    let helm = helm.stopped_after(Duration::from_secs(2));
    let slow = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    assert_eq!(helm.render(&chart(slow)).unwrap_err(), HelmRefusal::TooSlow { seconds: 2 });
    let large = "{{ range until 60 }}{{ repeat 1000000 \"0123456789\" }}{{ end }}";
    let refusal = helm.render(&chart(large)).unwrap_err();
    let expected = matches!(refusal, HelmRefusal::TooMuch { .. } | HelmRefusal::TooSlow { .. });
    assert!(expected, "{refusal}");
    let huge = "{{ repeat 100000000000 \"0123456789\" }}";
    let refusal = helm.render(&chart(huge)).unwrap_err();
    assert!(matches!(refusal, HelmRefusal::Failed { .. }), "{refusal}");
}

#[test]
fn files_that_lead_out_of_the_chart_are_refused() {
    let Some(helm) = helm() else { return };
    let mut call = chart(MAP);
    Arc::make_mut(&mut call.files).insert("../outside.yaml".to_owned(), Arc::from(&b""[..]));
    let refusal = helm.render(&call).unwrap_err().to_string();
    assert!(refusal.contains("leads out of the chart"), "{refusal}");
}

#[test]
fn calls_are_answered_in_their_order() {
    let Some(helm) = helm() else { return };
    let calls: Vec<HelmCall> =
        (0..5).map(|index| HelmCall { release: format!("till-{index}"), ..chart(MAP) }).collect();
    for (index, answer) in helm.render_all(&calls).into_iter().enumerate() {
        assert!(answer.unwrap().contains(&format!("name: till-{index}\n")));
    }
}
