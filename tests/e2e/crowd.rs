//! Many builds at once on one engine: what they have in common is built once, what they have not does not get mixed up, and what
//! is in the cache afterwards is right.

use crate::engine::{Build, Engine, tag};
use crate::projects::write;
use crate::served::Served;
use crate::source::{courier, package};
use crate::wheels::locked;

const PROJECTS: usize = 5;
const BACKEND: &str = "[build-system]\nrequires = [\"uv_build\"]\nbuild-backend = \"uv_build\"\n";

/// The lock's entry of a package that is built from an archive, whose content no earlier run had.
fn archive(served: &Served, name: &str) -> String {
    let files = tempfile::tempdir().unwrap();
    package(files.path(), name, &format!("version = \"1\"\n{BACKEND}"));
    write(&files.path().join("python/src").join(name), "run.txt", &served.url);
    let hash = served.archive(&format!("{name}.tar.gz"), files.path());
    format!(
        "version = \"1\"\nsource = {{ url = \"{}/{name}.tar.gz\", subdirectory = \"python\" }}\nsdist = {{ hash = \"{hash}\" }}\n",
        served.url
    )
}

#[test]
fn ten_builds_at_once_of_five_projects() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let wheel = |name: &str| locked(&served, name, "1", &format!("NAME = '{name} of {}'\n", served.url));
    // Two packages are in all projects, two in one each; of both kinds one is built on the engine, with uv's cache.
    let (common, common_archive) = (wheel("common"), archive(&served, "commonly"));
    let projects: Vec<_> = (0..PROJECTS)
        .map(|number| {
            let (own, built) = (format!("own{number}"), format!("built{number}"));
            let code = format!(
                "import common, commonly, {own}, {built}\nif __name__ == \"__main__\":\n    \
                 print(common.NAME, commonly.NAME, {own}.NAME, {built}.NAME)\n"
            );
            let packages = [
                (built.as_str(), archive(&served, &built)),
                ("common", common.clone()),
                ("commonly", common_archive.clone()),
                (own.as_str(), wheel(&own)),
            ];
            courier(&packages, &code)
        })
        .collect();
    let file = |number: usize| projects[number].path().join("pyproject.toml").display().to_string();
    let build = |number: usize| engine.try_build(projects[number].path(), &tag("crowd"), &["--file", &file(number)]);

    let builds: Vec<(usize, Build)> = std::thread::scope(|scope| {
        let start = |number| (number, scope.spawn(move || build(number)));
        let running: Vec<_> = (0..PROJECTS).chain(0..PROJECTS).map(start).collect();
        running.into_iter().map(|(number, build)| (number, build.join().unwrap())).collect()
    });
    for (number, built) in &builds {
        assert!(built.success, "{}", built.log);
        let url = &served.url;
        let expected = format!("common of {url} commonly own{number} of {url} built{number}");
        assert_eq!(engine.run(&built.tag, &[]), expected);
        let twin = &builds.iter().find(|(other, _)| other == number).unwrap().1;
        engine.assert_same_layers(&built.tag, &twin.tag);
    }
    for number in 0..PROJECTS {
        let again = build(number);
        assert!(again.success && again.steps_that_ran().is_empty(), "{}", again.log);
    }
    // What is in the cache is what a build without it makes.
    let fresh = engine.build(projects[0].path(), &tag("crowd"), &["--no-cache", "--file", &file(0)]);
    engine.assert_same_layers(&fresh.tag, &builds[0].1.tag);
}
