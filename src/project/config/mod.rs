//! `[tool.pyfront]`: everything that a user can say about the image, as typed values that know their place. The same keys
//! may stand at the top level of a one-line Dockerfile, whose values then win key by key. Each key's type has a file here.

pub mod argv;
pub mod base;
pub mod copy;
pub mod directories;
pub mod duration;
pub mod element;
pub mod env;
pub mod exclude;
pub mod healthcheck;
pub mod include;
pub mod labels;
pub mod layers;
pub mod package;
pub mod ports;
pub mod python;
pub mod repositories;
pub mod run;
pub mod schema;
pub mod selection;
pub mod stop_signal;
pub mod system_packages;
pub mod targets;
pub mod user;
pub mod uv;
pub mod workdir;

use std::sync::Arc;

use uv_normalize::PackageName;

use crate::diagnostic::{Diagnostics, SourceFile};
use crate::project::document::{self, Document, Problems};

use argv::Argv;
use base::Base;
use copy::Copies;
use directories::Directories;
use element::keys;
use env::Env;
use exclude::Exclude;
use healthcheck::Healthcheck;
use include::Include;
use labels::Labels;
use layers::Layers;
use ports::Ports;
use python::Python;
use repositories::Repositories;
use run::Runs;
use selection::{Extras, Groups};
use stop_signal::StopSignal;
use system_packages::{RuntimePackages, SystemPackages};
use targets::Targets;
use user::User;
use uv::UvVersion;
use workdir::Workdir;

keys! {
    /// The keys of `[tool.pyfront]`. What is not set is `None`; defaults are given by the methods of the same name.
    pub struct Config {
        /// The member of the workspace that the image is of, as in `uv sync --package`. It stands in the `pyproject.toml` of
        /// the workspace's root, or in a Dockerfile. The build argument `PYFRONT_PACKAGE` does the same and wins.
        "package" => package: PackageName,
        /// The Python version, as a minor (`"3.13"`) or a full version (`"3.13.2"`). Wins over `.python-version` and must
        /// satisfy `requires-python`.
        "python" => python: Python,
        /// The image to build on: `"slim"`, which is `python:<version>-slim`; `"alpine"`, which is `python:<version>-alpine`
        /// and takes musllinux wheels; `"full"`, which is `python:<version>`; or the full reference of an image that brings
        /// the same Python. An image without Python, such as `"ubuntu:24.04"`, gets that of uv.
        "base" => base: Base,
        /// The version of uv that builds and installs; it never becomes part of the image. Must satisfy
        /// `required-version` of `[tool.uv]`.
        "uv" => uv: UvVersion,
        /// Extras of the project to install, as in `uv sync --extra`; `"all"` for every one.
        "extras" => extras: Extras,
        /// Dependency groups to install besides the default ones, as in `uv sync --group`; `"all"` for every one. The
        /// group `dev` is only installed when it is named here.
        "groups" => groups: Groups,
        /// Leaves out the groups that `default-groups` of `[tool.uv]` names, as in `uv sync --no-default-groups`.
        "no-default-groups" => no_default_groups: bool,
        /// Whether `uv.lock` must fit `pyproject.toml`, as in `uv sync --locked`. The default is `true`: a lock that is out
        /// of date stops the build. With `false` there is a warning, and what the lock says is installed. The build argument
        /// `PYFRONT_LOCKED` does the same and wins.
        "locked" => locked: bool,
        /// System packages that the running program needs, as `apt-get install` or (on Alpine) `apk add` names them: shared
        /// libraries, programs that are called. A version may follow: `"libpq5=17.6-0+deb13u1"`. Alpine also knows packages by what
        /// they have: `"so:libGL.so.1"`, `"cmd:git"`. `"auto"` stands for those with the
        /// shared libraries that the installed packages need and the image lacks; builds tell which these are anyway.
        "packages" => packages: RuntimePackages,
        /// System packages for the steps that build from source, as `apt-get install` or (on Alpine) `apk add` names them:
        /// compilers, headers of libraries. A version may follow: `"gcc=4:14.2.0-1"`. Nothing of them gets into the image.
        "build-packages" => build_packages: SystemPackages,
        /// Where system packages come from, besides the repositories that the base image knows: a company's or a vendor's. Nothing of
        /// this stays in the image.
        "repositories" => repositories: Repositories,
        /// The program that always runs, with its first arguments. `command` is appended to it.
        "entrypoint" => entrypoint: Argv,
        /// The start command. Found by looking at the project when neither this nor `entrypoint` is set.
        "command" => command: Argv,
        /// Whether `tini` is the first process of the container and starts the program, as with `docker run --init`: it ends
        /// zombies and hands signals on. It is installed as a system package.
        "init" => init: bool,
        /// Who the container runs as. The default is user `app` with uid and gid 10001.
        "user" => user: User,
        /// The working directory, and the place of the files of a project that is no package. The default is `/app`.
        "workdir" => workdir: Workdir,
        /// Directories besides the working directory and the home that the container's user owns, so that the program can write
        /// there.
        "writable" => writable: Directories,
        /// Directories for data that outlives the container, as Docker's `VOLUME`. The container's user owns them.
        "volumes" => volumes: Directories,
        /// Environment variables of the container. `${NAME}` stands for another variable of the container, `${NAME:-text}` for
        /// a default where that is not set or empty, and `$$` for a plain `$`, as in Compose.
        "env" => env: Env,
        /// Ports that the container listens on.
        "ports" => ports: Ports,
        /// Labels of the image, as in `docker build --label`.
        "labels" => labels: Labels,
        /// How Docker finds out whether the container works. The check runs with the image's own Python.
        "healthcheck" => healthcheck: Healthcheck,
        /// The signal that stops the container. The default of the base image is usually `SIGTERM`; for waitress and Gradio, which
        /// end by `SIGINT` alone, it is that.
        "stop-signal" => stop_signal: StopSignal,
        /// How the packages are shared out to layers. What there is without it is right for nearly every image.
        "layers" => layers: Layers,
        /// Which of the project's own files take part, where not all do: patterns as in a `.dockerignore` of the project's
        /// directory. A directory stands for all that is in it. `pyproject.toml` and the files that it names for the build, such
        /// as the readme, need not be named. What `exclude`, `.dockerignore` or pyfront leaves out stays out.
        "include" => include: Include,
        /// Which of the project's own files get neither into its build nor, where it is no package, into the image: patterns as in
        /// a `.dockerignore` of the project's directory. A target may have others, so that `tests` are there for the tests alone.
        "exclude" => exclude: Exclude,
        /// Files that are copied into the image, from the build context, from another image or from a named context: what `COPY`
        /// does in a Dockerfile. Each is a layer of its own.
        "copy" => copy: Copies,
        /// Commands that run in the image while it is built, such as Django's `collectstatic`: what `RUN` does in a Dockerfile.
        /// What each changes is a layer of its own.
        "run" => run: Runs,
        /// What `--target` can ask for besides the targets that there always are (docs/targets.md): further images of the same
        /// project, with all layers in common, such as `worker`; or other settings for `runtime`, `dev` and so on. Each is a
        /// table of the keys above, without `package`, `uv` and `locked`. They win over those of `[tool.pyfront]`.
        "targets" => targets: Targets,
    }
}

impl Config {
    /// Reads the body of a Dockerfile: the same keys at top level. Its directive lines are comments in TOML.
    ///
    /// # Errors
    /// Broken TOML, or all unknown keys and wrong values.
    pub fn read_body(file: &Arc<SourceFile>) -> Result<Self, Diagnostics> {
        let document = Document::parse(file)?;
        let mut problems = Problems::new();
        let config = Self::read_table(&document.root(), &mut problems);
        document::finish(config, problems)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Reads a Dockerfile's body that is right.
    pub(crate) fn read(body: &str) -> Config {
        match Config::read_body(&SourceFile::new("Dockerfile", body)) {
            Ok(config) => config,
            Err(errors) => panic!("{errors}"),
        }
    }

    /// Everything that is said about a Dockerfile's body that is wrong.
    pub(crate) fn errors(body: &str) -> String {
        match Config::read_body(&SourceFile::new("Dockerfile", body)) {
            Ok(config) => panic!("{config:?}"),
            Err(errors) => errors.to_string(),
        }
    }

    #[test]
    fn unknown_keys() {
        insta::assert_snapshot!(errors("cmd = ['x']\nport = [80]\nusr = 1\nStop-Signal = 'x'\n\"a\\u001bb\" = 1\n"));
    }

    #[test]
    fn all_errors_are_reported_in_the_order_of_the_file() {
        insta::assert_snapshot!(errors(
            "workdir = 'x'\nuser = 'y'\nbase = 'z'\n[healthcheck]\npth = '/'\nretries = 0\n"
        ));
    }

    #[test]
    fn a_more_important_file_wins_key_by_key() {
        let below = read("python = '3.12'\nuser = 1\nenv = { A = 'a', B = 'b' }\nports = [1]\n");
        let above =
            Config::read_body(&SourceFile::new("Above", "\nuser = 2\nports = [2]\nenv = { B = 'x' }\n")).unwrap();
        let config = below.overlay(above);
        assert_eq!(config.python.unwrap().location.to_string(), "Dockerfile:1");
        assert_eq!(config.user.unwrap().location.to_string(), "Above:2");
        assert_eq!(config.ports.unwrap().first_tcp(), Some(2));
        let env = config.env.unwrap();
        assert_eq!((env.0["A"].as_str(), env.0["B"].as_str()), ("a", "x"));
        assert_eq!(env.0["A"].location.to_string(), "Dockerfile:3");
        assert_eq!(env.0["B"].location.to_string(), "Above:4");
    }

    #[test]
    fn every_key_is_documented() {
        let tables = [Config::KEYS, healthcheck::HealthcheckTable::KEYS, user::UserTable::KEYS];
        for key in tables.into_iter().flatten() {
            assert!(key.doc.trim().ends_with('.') && !key.expected.is_empty(), "{key:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(
            lines in proptest::collection::vec(
                (proptest::sample::select(Config::KEYS), r#"(["'\[{]{0,2})[a-z0-9:./$" =,+-]{0,12}(["'\]}]{0,2})|"[^"\\\n]{0,20}"|\[("[^"\\]{0,5}",?)*\]"#),
                0..6,
            )
        ) {
            use std::fmt::Write as _;
            let mut body = String::new();
            for (key, value) in lines {
                let _ = writeln!(body, "{} = {value}", key.name);
            }
            let _ = Config::read_body(&SourceFile::new("Dockerfile", body)).map_err(|errors| errors.to_string());
        }
    }
}
