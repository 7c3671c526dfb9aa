//! What of the project's settings and of the command line reaches the steps that build.

use buildkit_frontend::testing::{Action, Call, Fault, Outcome};
use buildkit_proto::pb::{ExecOp, NetMode};

use crate::projects::Project;
use crate::refusals::shown;
use crate::run;

fn step(outcome: &Outcome, name: &str) -> Option<ExecOp> {
    let graph = outcome.graph(None);
    let found = graph.execs().into_iter().find(|(digest, _)| graph.name(digest).is_some_and(|is| is.contains(name)));
    found.map(|(_, exec)| exec.clone())
}

fn variables(outcome: &Outcome, name: &str) -> Vec<String> {
    step(outcome, name).expect("the step is there").meta.unwrap().env
}

#[test]
fn a_version_is_passed_to_the_project_and_to_nothing_else() {
    let variable = "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_GREETER";
    let daemon = Project::example("hatchling").build("pyproject.toml");
    let daemon = daemon.option(format!("build-arg:{variable}"), "3.1").option("build-arg:OTHER", "1");
    let outcome = run(&daemon);
    let graph = outcome.graph(None);
    for (digest, exec) in graph.execs() {
        let name = graph.name(digest).unwrap();
        let env = &exec.meta.as_ref().unwrap().env;
        let is_project = name.contains("[project] build");
        assert_eq!(env.contains(&format!("{variable}=3.1")), is_project, "{name}");
        assert!(!env.iter().any(|variable| variable.starts_with("OTHER")), "{name}");
    }
}

/// The lines that clients show when a step fails, each excerpt with its file.
fn excerpts(outcome: &Outcome, name: &str) -> Vec<String> {
    let graph = outcome.graph(None);
    let found = graph.execs().into_iter().find(|(digest, _)| graph.name(digest).is_some_and(|is| is.contains(name)));
    let locations = graph.source.locations.get(found.expect("the step is there").0).map(|it| it.locations.clone());
    let excerpt = |location: buildkit_proto::pb::Location| {
        let info = &graph.source.infos[usize::try_from(location.source_index).unwrap()];
        let text = String::from_utf8_lossy(&info.data).into_owned();
        let line = |range: &buildkit_proto::pb::Range| usize::try_from(range.start.as_ref().unwrap().line).unwrap();
        let lines: Vec<_> = location.ranges.iter().map(|range| text.lines().nth(line(range) - 1).unwrap()).collect();
        format!("{}: {}", info.filename, lines.join(" / "))
    };
    locations.unwrap_or_default().into_iter().map(excerpt).collect()
}

#[test]
fn a_step_that_fails_shows_the_lines_that_it_is_about() {
    let hatchling = Project::example("hatchling");
    assert_eq!(
        excerpts(&run(&hatchling.build("pyproject.toml")), "build and install greeter"),
        ["pyproject.toml: build-backend = \"hatchling.build\""]
    );
    let dev = run(&hatchling.build("pyproject.toml").option("target", "dev"));
    assert_eq!(excerpts(&dev, "install greeter, editable"), ["pyproject.toml: build-backend = \"hatchling.build\""]);

    let dockerfile = "# syntax=org/pyfront\npython = \"3.13\"\n";
    let project = |requirements: &str| {
        let files = [("Dockerfile", dockerfile), ("main.py", "print()\n"), ("requirements.txt", requirements)];
        run(&Project::with_files(&files).build("Dockerfile"))
    };
    let few = project("# what we need\nclick\n\nidna>=3\ncolorama; sys_platform == 'win32'\n");
    assert_eq!(excerpts(&few, "install the requirements of"), ["requirements.txt: click / idna>=3"]);
    let many: Vec<String> = (0..40).map(|number| format!("package-{number}")).collect();
    let shown = excerpts(&project(&many.join("\n")), "install the requirements of");
    assert!(shown.len() == 1 && shown[0].ends_with("package-7"), "{shown:?}");
}

/// What is told of a failed installation, given the packages that its step installs.
fn failed(project: &Project, packages: &str) -> String {
    let arguments = step(&run(&project.build("pyproject.toml")), packages).unwrap().meta.unwrap().args.join(" ");
    let message = format!("process \"{arguments}\" did not complete successfully: exit code: 2");
    let fault = Fault::at(Call::Evaluate, Action::Fail(tonic::Status::unknown(message)));
    shown(&run(&project.build("pyproject.toml").fault(fault)))
}

#[test]
fn a_step_of_several_packages_says_who_wants_each() {
    let project = Project::example("fastapi");
    let packages = "install annotated-doc, anyio";
    assert_eq!(excerpts(&run(&project.build("pyproject.toml")), packages), Vec::<String>::new());
    insta::assert_snapshot!(failed(&project, packages));
}

#[test]
fn a_project_that_uv_builds_itself_has_no_network() {
    let network =
        |outcome: &Outcome, name: &str| step(outcome, &format!("build and install {name}")).unwrap().network();
    let of = |name: &str, project: &str| network(&run(&Project::example(name).build("pyproject.toml")), project);
    assert_eq!((of("fastapi", "api"), of("hatchling", "greeter")), (NetMode::None, NetMode::Unset));
    // Files of another place may have another backend.
    let elsewhere = Project::example("fastapi").build("pyproject.toml").option("context:api", "local:elsewhere");
    let elsewhere = elsewhere.local("elsewhere", [("pyproject.toml", "[project]\nname = \"api\"\n")]);
    assert_eq!(network(&run(&elsewhere), "api"), NetMode::Unset);
}

#[test]
fn what_must_not_be_a_wheel_is_built() {
    let plain = run(&Project::example("virtual").build("pyproject.toml"));
    assert!(step(&plain, "build humanize").is_none());
    let settings = "\n[tool.uv]\nno-binary-package = [\"Humanize\"]\n";
    let project = Project::example("virtual");
    let text = format!("{}{settings}", project.text("pyproject.toml"));
    let outcome = run(&project.with("pyproject.toml", text).build("pyproject.toml"));
    assert!(step(&outcome, "build humanize").is_some() && step(&outcome, "install humanize").is_none());
}

#[test]
fn variables_for_a_package_come_on_top_of_the_environment() {
    let settings = "\n[tool.uv.extra-build-variables]\ngreeter = { PATH = \"/opt/cc/bin\", CC = \"mycc\" }\n";
    let project = Project::example("hatchling");
    let text = format!("{}{settings}", project.text("pyproject.toml"));
    let outcome = run(&project.with("pyproject.toml", text).build("pyproject.toml"));
    let env = variables(&outcome, "[project] build");
    assert!(env.contains(&"PATH=/opt/cc/bin:/usr/local/bin:/usr/bin:/bin".to_owned()), "{env:?}");
    assert!(env.contains(&"CC=mycc".to_owned()) && env.iter().filter(|is| is.starts_with("PATH=")).count() == 1);
}

#[test]
fn system_packages_are_installed_with_the_company_certificates() {
    let project = Project::example("source").edit(
        "pyproject.toml",
        "[project]",
        "[tool.pyfront]\nbuild-packages = [\"gcc\"]\n[project]",
    );
    let outcome = run(&project.build("pyproject.toml"));
    let system = step(&outcome, "[build] install gcc").expect("there is a step for system packages");
    assert_eq!(system.meta.as_ref().unwrap().args.last().map(String::as_str), Some("gcc"));
    let secrets: Vec<_> = system.mounts.iter().filter_map(|mount| mount.secret_opt.as_ref()).collect();
    assert_eq!(secrets.iter().map(|secret| secret.id.as_str()).collect::<Vec<_>>(), ["ca-certificates"]);
    let caches: Vec<_> = system.mounts.iter().filter_map(|mount| mount.cache_opt.as_ref()).collect();
    assert!(caches.len() == 3 && caches.iter().all(|cache| cache.id.ends_with("-glibc-x86_64")), "{caches:?}");
}
