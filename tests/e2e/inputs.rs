//! Projects without `uv.lock`: a script with a lock of its own, `pylock.toml`, and `requirements.txt` with and without
//! hashes. None of them has a `pyproject.toml`.

use crate::engine::{Engine, example, tag};
use crate::projects::write;

#[test]
fn a_script_is_a_project() {
    let Some(engine) = Engine::get() else { return };
    let project = example("script");
    write(project.path(), "secret.txt", "not for the image\n");
    let file = project.path().join("report.py").display().to_string();
    let build = engine.build(project.path(), &tag("script"), &["--file", &file]);
    assert_eq!(engine.run(&build.tag, &[]), "1.0 MB bytes /opt/venv");
    let files = engine.run(&build.tag, &["python", "-c", "import os; print(os.getcwd(), os.listdir('.'))"]);
    assert_eq!(files, "/app ['report.py']");

    // Another file beside it is none of the script's.
    write(project.path(), "secret.txt", "changed\n");
    let again = engine.build(project.path(), &tag("script"), &["--file", &file]);
    assert_eq!(again.steps_that_ran(), Vec::<String>::new(), "{}", again.log);
    engine.assert_same_layers(&build.tag, &again.tag);

    // The wheels have nothing to do with the code.
    let code = std::fs::read_to_string(project.path().join("report.py")).unwrap();
    write(project.path(), "report.py", &code.replace("1_000_000", "2_000_000"));
    let after = engine.build(project.path(), &tag("script"), &["--file", &file]);
    assert!(after.steps_that_ran().iter().all(|step| step.starts_with("[project]")), "{}", after.log);
    assert_eq!(engine.run(&after.tag, &[]), "2.0 MB bytes /opt/venv");
}

#[test]
fn a_script_without_dependencies() {
    let Some(engine) = Engine::get() else { return };
    let project = tempfile::tempdir().unwrap();
    write(
        project.path(),
        "hello.py",
        "# syntax=org/pyfront\n# /// script\n# requires-python = \">=3.11\"\n# dependencies = []\n# [tool.pyfront]\n# python = \"3.13\"\n# ///\nprint('hello')\n",
    );
    write(project.path(), "hello.py.lock", "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n");
    let file = project.path().join("hello.py").display().to_string();
    let build = engine.build(project.path(), &tag("hello"), &["--file", &file]);
    assert_eq!(engine.run(&build.tag, &[]), "hello");
}

#[test]
fn pylock_makes_the_same_layers_as_uv_lock() {
    let Some(engine) = Engine::get() else { return };
    let project = example("pylock");
    let build = engine.build(project.path(), &tag("pylock"), &[]);
    assert_eq!(engine.run(&build.tag, &[]), "a parcel of 1.5 MB");
    // The script of the other example has the same wheel in its uv.lock.
    let script = example("script");
    let file = script.path().join("report.py").display().to_string();
    let script = engine.build(script.path(), &tag("pylock-script"), &["--file", &file]);
    let shared = |tag: &str| engine.layers(tag).into_iter().rev().nth(2).unwrap();
    assert_eq!(shared(&build.tag), shared(&script.tag), "the wheel's layer");
}

#[test]
fn hashed_requirements_make_the_same_layer_again() {
    let Some(engine) = Engine::get() else { return };
    let project = example("requirements");
    let build = engine.build(project.path(), &tag("requirements"), &[]);
    assert_eq!(engine.run(&build.tag, &[]), "a parcel of 1.5 MB");
    assert_eq!(engine.run(&build.tag, &["python", "-c", "import os; print(os.getuid())"]), "10001");
    assert!(!build.log.contains("depends on when it is built"), "{}", build.log);
    let again = engine.build(project.path(), &tag("requirements"), &["--no-cache"]);
    assert!(again.steps_that_ran().iter().any(|step| step.contains("requirements.txt: humanize")), "{}", again.log);
    engine.assert_same_layers(&build.tag, &again.tag);
    let history = engine.docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}", &build.tag]);
    assert!(history.lines().any(|line| line == "install the requirements of requirements.txt: humanize"), "{history}");

    // Neither comments nor code are any of the step's business.
    let text = std::fs::read_to_string(project.path().join("requirements.txt")).unwrap();
    write(project.path(), "requirements.txt", &format!("# a comment\n{text}"));
    write(project.path(), "main.py", "import humanize\nprint('changed')\n");
    let after = engine.build(project.path(), &tag("requirements"), &[]);
    assert!(after.steps_that_ran().iter().all(|step| step.starts_with("[project]")), "{}", after.log);
    assert_eq!(engine.run(&after.tag, &[]), "changed");

    // A file with another hash is not installed.
    write(project.path(), "requirements.txt", &text.replace("sha256:0", "sha256:1").replace("sha256:1d", "sha256:0d"));
    let broken = engine.try_build(project.path(), &tag("requirements"), &[]);
    assert!(!broken.success);
    assert!(broken.log.contains("Hash mismatch") && broken.log.contains("--generate-hashes"), "{}", broken.log);
}

#[test]
fn requirements_without_hashes_are_built_with_a_warning() {
    let Some(engine) = Engine::get() else { return };
    let project = tempfile::tempdir().unwrap();
    std::fs::create_dir(project.path().join("requirements")).unwrap();
    write(project.path(), "Dockerfile", "# syntax=org/pyfront\npython = \"3.13\"\n");
    write(project.path(), "requirements.txt", "-r requirements/base.txt\n-c requirements/limits.txt\n");
    write(project.path(), "requirements/base.txt", "# what counts\nhumanize\ncolorama ; sys_platform == 'win32'\n");
    write(project.path(), "requirements/limits.txt", "humanize<4.10\n");
    write(
        project.path(),
        "main.py",
        "import humanize, importlib.metadata as m\nv = m.version('humanize').split('.')\n\
         print(humanize.naturalsize(1_000_000), (int(v[0]), int(v[1])) < (4, 10))\n",
    );
    let build = engine.build(project.path(), &tag("unhashed"), &[]);
    assert_eq!(engine.run(&build.tag, &[]), "1.0 MB True");
    let warning = "\"humanize\" is not pinned to one version, so the image depends on when it is built";
    assert!(build.log.contains(warning), "{}", build.log);
}
