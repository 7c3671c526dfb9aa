//! Caches outside of the engine: what one engine has written, another builds from, without asking anybody for the files that
//! the first has fetched.

use std::path::Path;

use crate::actions_cache::ActionsCache;
use crate::engine::{Build, Engine, tag};
use crate::outages::project;
use crate::projects::write;
use crate::registry::Registry;
use crate::scratch::Scratch;
use crate::served::{Fault, Served};

const FILE: &str = "files/parcel-1.4-py3-none-any.whl";

/// Who builds from the cache.
enum Reader<'e> {
    /// An engine that has nothing but images.
    Fresh(Scratch),
    /// The engine that has written the cache. It forgets the build's own steps.
    Forgetful(&'e Engine),
}

impl Reader<'_> {
    fn forget(&self) {
        match self {
            Self::Fresh(scratch) => drop(scratch.docker(&["builder", "prune", "--all", "--force"])),
            Self::Forgetful(engine) => {
                let listed = engine.docker(&["buildx", "du", "--verbose"]);
                let records =
                    listed.split("\n\n").filter(|record| record.contains("courier") || record.contains("parcel"));
                let ids: Vec<&str> =
                    records.filter_map(|record| record.lines().find_map(|line| line.strip_prefix("ID:"))).collect();
                let ids: Vec<&str> = ids.into_iter().map(str::trim).collect();
                assert!(!ids.is_empty(), "{listed}");
                let filter = format!("id=\"^({})$\"", ids.join("|"));
                engine.docker(&["buildx", "prune", "--all", "--force", "--filter", &filter]);
            }
        }
    }

    fn build(&self, project: &Path, arguments: &[&str]) -> Build {
        match self {
            Self::Fresh(scratch) => scratch.build(project, arguments),
            Self::Forgetful(engine) => {
                let file = project.join("pyproject.toml").display().to_string();
                engine.try_build(project, &tag("cached"), &[&["--file", &file][..], arguments].concat())
            }
        }
    }

    /// Builds from a cache, and from nothing else: without the cache it would fail.
    #[track_caller]
    fn read(&self, project: &Path, from: &str, name: &str) {
        self.forget();
        let without = self.build(project, &[]);
        assert!(!without.success, "nobody has the file, and yet:\n{}", without.log);
        let built = self.build(project, &["--cache-from", from]);
        assert!(built.success, "{from}:\n{}", built.log);
        // To fetch the layers is the work of what they are assembled by, and runs nothing.
        let mut ran = built.steps_that_ran();
        ran.retain(|step| !step.starts_with("[project] assemble"));
        assert_eq!(ran, Vec::<String>::new(), "{from}:\n{}", built.log);
        let printed = match self {
            Self::Fresh(scratch) => scratch.run(&built.tag),
            Self::Forgetful(engine) => engine.run(&built.tag, &[]),
        };
        assert_eq!(printed, name, "{from}");
    }

    /// Builds other code with the packages of a cache, and with nothing else.
    #[track_caller]
    fn read_after_an_edit(&self, project: &Path, from: &str) {
        append_code(project);
        self.forget();
        let built = self.build(project, &["--cache-from", from]);
        assert!(built.success, "{from}:\n{}", built.log);
        let ran = built.steps_that_ran();
        assert!(ran.iter().all(|step| step.starts_with("[project]")), "{from}: {ran:?}\n{}", built.log);
    }
}

fn append_code(project: &Path) {
    let file = project.join("main.py");
    let code = std::fs::read_to_string(&file).unwrap();
    write(project, "main.py", &format!("{code}# Other code.\n"));
}

#[test]
fn a_build_is_made_from_a_cache_alone() {
    let Some(engine) = Engine::get() else { return };
    // The fresh one is made like this one.
    let reader = if std::env::var("PYFRONT_TEST_ENGINE").is_ok_and(|name| name == "containerd") {
        let Some(scratch) = Scratch::new(&engine) else { return };
        Reader::Fresh(scratch)
    } else {
        Reader::Forgetful(&engine)
    };
    let served = Served::new();
    let (project, name) = project(&served, "");
    let file = project.path().join("pyproject.toml").display().to_string();
    let registry = Registry::new();
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().display();
    let image = format!("{}/courier:1", registry.address);
    let cache = format!("{}/courier:cache", registry.address);

    let export =
        |arguments: &[&str]| engine.build(project.path(), &image, &[&["--file", &file][..], arguments].concat());
    // An engine that has known another base image of the same layers could have results for that, which a cache would then hold.
    export(&["--push", "--no-cache", "--cache-to", "type=inline"]);
    let mut caches = vec![format!("type=registry,ref={image}")];
    let github = ActionsCache::new();
    // Docker's older store writes no other.
    if !engine.is_graphdriver() {
        let github = format!("type=gha,{}", github.parameters);
        export(&["--cache-to", &format!("type=local,mode=max,dest={directory}")]);
        export(&["--cache-to", &format!("type=registry,mode=max,ref={cache}")]);
        export(&["--cache-to", &format!("{github},mode=max")]);
        caches.extend([format!("type=local,src={directory}"), format!("type=registry,ref={cache}"), github]);
    }
    served.fail(FILE, Some(Fault::Status(404)));
    for from in &caches {
        reader.read(project.path(), from, &name);
    }
    for from in &caches {
        reader.read_after_an_edit(project.path(), from);
    }
}
