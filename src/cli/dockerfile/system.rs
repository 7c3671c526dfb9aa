//! System packages as a Dockerfile installs them: the instruction, and the repositories that it knows for that time alone.

use std::fmt::Write as _;

use super::steps::in_a_mount;
use super::{Failure, is_alpine, words};
use crate::plan::Plan;
use crate::plan::repositories::{Key, Repository};

/// Where further repositories of apt are named while packages are installed.
const LIST: &str = "/etc/apt/sources.list.d/further.list";

/// Installs system packages, if there are any.
pub(super) fn install(text: &mut String, plan: &Plan, packages: &[String]) -> Result<(), Failure> {
    if packages.is_empty() {
        return Ok(());
    }
    let packages = words(packages);
    let further: Vec<(String, String)> = plan
        .repositories
        .iter()
        .enumerate()
        .map(|(index, repository)| further(plan, index, repository))
        .collect::<Result<_, _>>()?;
    let (mut instruction, lines): (Vec<String>, Vec<String>) = further.into_iter().unzip();
    if is_alpine(plan) {
        instruction.push(format!("apk add --no-cache{} {packages}", lines.concat()));
    } else {
        let (mut name, mut remove) = (String::new(), "/var/lib/apt/lists/*".to_owned());
        if !lines.is_empty() {
            let _ = write!(name, "{{ {}; }} > {LIST} \\\n    && ", lines.join("; \\\n      "));
            let _ = write!(remove, " {LIST}");
        }
        instruction.push(format!(
            "{name}apt-get update \\\n    && apt-get install --yes --no-install-recommends {packages} \\\n    && rm -rf {remove}"
        ));
    }
    let _ = writeln!(text, "RUN {}", instruction.join(" \\\n    "));
    Ok(())
}

/// What brings a repository's key, and what names the repository: a line of a list for apt, or an option of apk.
fn further(plan: &Plan, index: usize, repository: &Repository) -> Result<(String, String), Failure> {
    let (source, name) = match &repository.key {
        Key::File { file, .. } => {
            let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
            (format!("type=bind,source={}", in_a_mount(&file.path)?), name)
        }
        // Not only root reads keys.
        Key::Secret(id) => (format!("type=secret,id={},mode=0444", in_a_mount(id)?), id.clone()),
    };
    let url = words(std::slice::from_ref(&repository.url));
    if is_alpine(plan) {
        let target = format!("/etc/apk/keys/{name}");
        return Ok((format!("--mount={source},target={target}"), format!(" --repository {url}")));
    }
    let kind = if name.strip_suffix(".gpg").is_some() { "gpg" } else { "asc" };
    let target = format!("/etc/apt/keyrings/further-{index}.{kind}");
    let suite = match &repository.suite {
        Some(suite) => words(std::slice::from_ref(suite)),
        None => "$(. /etc/os-release && echo $VERSION_CODENAME)".to_owned(),
    };
    let line = format!("echo 'deb [signed-by={target}]' {url} {suite} {}", words(&repository.components));
    Ok((format!("--mount={source},target={target}"), line.trim_end().to_owned()))
}

/// The packages of a build, with the C library's headers where a compiler is asked for: distributions only recommend them.
pub(super) fn with_headers(plan: &Plan) -> Vec<String> {
    let mut packages: Vec<String> = plan.build_packages.iter().map(|package| package.name.clone()).collect();
    let is_compiler = |package: &String| {
        let name = package.split('=').next().unwrap_or_default();
        matches!(name.split('-').next(), Some("gcc" | "clang"))
    };
    let headers = if is_alpine(plan) { "musl-dev" } else { "libc6-dev" };
    if packages.iter().any(is_compiler) && packages.iter().all(|package| package != headers) {
        packages.push(headers.to_owned());
    }
    packages
}
