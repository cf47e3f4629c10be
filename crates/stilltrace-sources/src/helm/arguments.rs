//! The command line of one call, and the files it names.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use stilltrace_manifest::helm::{HelmCall, HelmFlag, SettingKind};

/// The arguments for `call`; writes values and `--set-file` contents into `folder`.
pub(super) fn of(call: &HelmCall, chart: &Path, folder: &Path) -> io::Result<Vec<OsString>> {
    let mut arguments: Vec<OsString> = vec!["template".into()];
    let mut add = |flag: &str, value: OsString| {
        arguments.push(flag.into());
        arguments.push(value);
    };
    if let Some(namespace) = &call.namespace {
        add("--namespace", namespace.into());
    }
    for (index, text) in call.values.iter().enumerate() {
        let file = folder.join(format!("values-{index}.yaml"));
        fs::write(&file, text.as_bytes())?;
        add("--values", file.into());
    }
    for (index, setting) in call.settings.iter().enumerate() {
        let (flag, value) = match setting.kind {
            SettingKind::Plain => ("--set", setting.value.clone()),
            SettingKind::Text => ("--set-string", setting.value.clone()),
            SettingKind::Json => ("--set-json", setting.value.clone()),
            SettingKind::File => {
                // Helm separates settings by commas: no folder of ours has one in its name.
                let name = format!("setting-{index}");
                fs::write(folder.join(&name), setting.value.as_bytes())?;
                ("--set-file", folder.join(name).to_string_lossy().into_owned())
            }
        };
        add(flag, format!("{}={value}", setting.name).into());
    }
    if let Some(version) = &call.kube_version {
        add("--kube-version", version.into());
    }
    for version in &call.api_versions {
        add("--api-versions", version.into());
    }
    arguments.extend(call.flags.iter().map(|flag| OsString::from(switch(*flag))));
    // Behind `--`, a name that begins with a dash is a name.
    arguments.extend(["--".into(), OsString::from(&call.release), chart.into()]);
    Ok(arguments)
}

/// The command line's word for a flag.
fn switch(flag: HelmFlag) -> &'static str {
    match flag {
        HelmFlag::IncludeCrds => "--include-crds",
        HelmFlag::SkipTests => "--skip-tests",
        HelmFlag::SkipHooks => "--no-hooks",
        HelmFlag::SkipSchema => "--skip-schema-validation",
        HelmFlag::IsUpgrade => "--is-upgrade",
        HelmFlag::Raw => "--debug",
    }
}
