//! Files outside the code that a build needs, hidden by an ignore file.

use crate::projects::Project;
use crate::run;

fn said(project: &Project) -> String {
    run(&project.build("pyproject.toml")).error().message.clone()
}

fn with_files(project: Project) -> Project {
    let declared = "[project]\nlicense-files = [\"LICEN[CS]E*\"]\n";
    project.edit("pyproject.toml", "[project]\n", declared).with("LICENSE.txt", "Free.\n")
}

#[test]
fn declared_files() {
    let project = with_files(Project::example("hatchling"));
    insta::assert_snapshot!(said(&project.clone().with(".dockerignore", "# all that is no code\n*.md\nLICENSE*\n")));
    // Allowing single paths is as common as forbidding them.
    let allowed = "*\n!pyproject.toml\n!uv.lock\n!.python-version\n!src\n";
    insta::assert_snapshot!(
        "declared_files_that_are_not_allowed",
        said(&project.clone().with(".dockerignore", allowed))
    );
    let all = format!("{allowed}!README.md\n!LICENSE.txt\n");
    run(&project.with(".dockerignore", all).build("pyproject.toml")).result();
}

#[test]
fn defaults_of_backends_matter_only_when_they_are_there() {
    let project = Project::example("hatchling").edit("pyproject.toml", "hatchling.build", "setuptools.build_meta");
    let allowed = project.with(".dockerignore", "*\n!pyproject.toml\n!uv.lock\n!.python-version\n!src\n!README.md\n");
    run(&allowed.build("pyproject.toml")).result();
    insta::assert_snapshot!(said(&allowed.with("setup.py", "from setuptools import setup\n")));
}

#[test]
fn a_project_that_is_no_package_needs_no_build() {
    let project = with_files(Project::example("virtual")).with(".dockerignore", "*.md\nLICENSE*\n");
    run(&project.build("pyproject.toml")).result();
}
