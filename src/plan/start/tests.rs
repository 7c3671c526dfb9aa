//! The decision as a whole: small projects in the shape of real ones, each with what must come out. A row either names the
//! command, or says that pyfront asks; nothing may be answered wrongly.

use std::str::FromStr;

use uv_normalize::PackageName;

use super::*;

/// A project in memory.
struct Sketch {
    pyproject: Pyproject,
    closure: BTreeSet<PackageName>,
    files: Files,
}

/// `closure` is a list of names separated by blanks; files that [`detect`] does not ask for are not shown to it.
fn sketch(pyproject: &str, closure: &str, files: &[(&str, &str)]) -> Sketch {
    let pyproject = match Pyproject::parse(&SourceFile::new("pyproject.toml", pyproject)) {
        Ok(pyproject) => pyproject,
        Err(errors) => panic!("{errors}"),
    };
    let show = |wanted: Vec<String>| -> Files {
        let files = files.iter().filter(|(path, _)| wanted.iter().any(|wanted| wanted == path));
        files.map(|(path, text)| ((*path).to_owned(), SourceFile::new(*path, *text))).collect()
    };
    let mut files = show(candidate_files(&pyproject, &pyproject.config));
    files.extend(show(further_files(&files)));
    let closure = closure.split_whitespace().map(|name| PackageName::from_str(name).unwrap()).collect();
    Sketch { pyproject, closure, files }
}

fn run(sketch: &Sketch) -> Result<StartCommand, Diagnostic> {
    let Sketch { pyproject, closure, files } = sketch;
    detect(&Project { pyproject, config: &pyproject.config, closure, files })
}

fn command(pyproject: &str, closure: &str, files: &[(&str, &str)]) -> String {
    match run(&sketch(pyproject, closure, files)) {
        Ok(start) => start.command.join(" "),
        Err(error) => format!("asks: {}", error.message()),
    }
}

fn error(pyproject: &str, closure: &str, files: &[(&str, &str)]) -> String {
    match run(&sketch(pyproject, closure, files)) {
        Ok(start) => panic!("{start:?}"),
        Err(error) => error.to_string(),
    }
}

/// A project that is no package.
fn plain(dependencies: &str) -> String {
    format!("[project]\nname = \"demo\"\nversion = \"1\"\ndependencies = [{dependencies}]\n")
}

/// A project that is a package.
fn packaged(name: &str, dependencies: &str, backend: &str, more: &str) -> String {
    format!(
        "[project]\nname = \"{name}\"\nversion = \"1\"\ndependencies = [{dependencies}]\n{more}\n\
         [build-system]\nrequires = []\nbuild-backend = \"{backend}\"\n"
    )
}

const FASTAPI: &str = "from fastapi import FastAPI\n\napp = FastAPI()\n";
const FACTORY: &str = "from fastapi import FastAPI\n\ndef create_app() -> FastAPI:\n    return build()\n";
const FLASK: &str = "from flask import Flask\n\napp = Flask(__name__)\n";
const SCRIPT: &str = "def main():\n    print('hello')\n\nif __name__ == '__main__':\n    main()\n";
const STREAMLIT: &str = "import streamlit as st\nst.write(1)\n";
const CELERY: &str = "from celery import Celery\napp = Celery()\n";
const UVICORN: &str = "uvicorn main:app --host 0.0.0.0 --port 8000";

/// Name, `pyproject.toml`, closure, files, and the command or `asks`.
type Row = (&'static str, String, &'static str, &'static [(&'static str, &'static str)], &'static str);

/// The repositories of the design's table, reduced to what decides.
#[test]
fn the_shapes_of_real_repositories() {
    let rows: &[Row] = &[
        (
            "full-stack-fastapi-template",
            packaged(
                "app",
                "\"fastapi[standard]\"",
                "hatchling.build",
                "[tool.fastapi]\nentrypoint = \"app.main:app\"",
            ),
            "fastapi fastapi-cli uvicorn",
            &[("app/main.py", FASTAPI)],
            "uvicorn app.main:app --host 0.0.0.0 --port 8000",
        ),
        (
            "uv-fastapi-example",
            plain("\"fastapi\""),
            "fastapi fastapi-cli uvicorn",
            &[
                ("app/__init__.py", ""),
                ("app/main.py", "from fastapi import FastAPI\nfrom .routers import x\napp = FastAPI()\n"),
            ],
            "uvicorn app.main:app --host 0.0.0.0 --port 8000",
        ),
        (
            "uv-docker-example",
            packaged(
                "uv-docker-example",
                "\"fastapi[standard]\"",
                "hatchling.build",
                "[project.scripts]\nhello = \"uv_docker_example:hello\"",
            ),
            "fastapi fastapi-cli uvicorn",
            &[("src/uv_docker_example/__init__.py", FASTAPI)],
            "uvicorn uv_docker_example:app --host 0.0.0.0 --port 8000",
        ),
        (
            "speaches",
            packaged("speaches", "\"fastapi\", \"uvicorn\"", "hatchling.build", ""),
            "fastapi uvicorn",
            &[("src/speaches/main.py", FACTORY), ("src/speaches/__init__.py", "")],
            "uvicorn speaches.main:create_app --factory --host 0.0.0.0 --port 8000",
        ),
        ("saleor", plain("\"django\", \"uvicorn\""), "django uvicorn", &[("manage.py", SCRIPT)], "asks"),
        ("paperless-ngx", plain("\"django\", \"granian\""), "django granian", &[], "asks"),
        (
            "comics",
            packaged("comics", "\"django\"", "hatchling.build", "[project.scripts]\ncomics = \"comics.__main__:main\""),
            "django granian",
            &[("src/comics/__main__.py", SCRIPT)],
            "asks",
        ),
        (
            "simple-login",
            packaged("simplelogin", "\"flask\", \"gunicorn\"", "hatchling.build", ""),
            "flask gunicorn",
            &[("wsgi.py", "from server import create_app\n\napp = create_app()\n"), ("server.py", FLASK)],
            "asks",
        ),
        (
            "kernelbot",
            packaged("kernelbot", "\"fastapi\", \"uvicorn\"", "setuptools.build_meta", ""),
            "fastapi uvicorn",
            &[
                ("Procfile", "web: PYTHONPATH=/app/src python src/kernelbot/main.py\n"),
                ("src/kernelbot/api/main.py", FASTAPI),
            ],
            "asks",
        ),
        (
            "hass-mcp",
            packaged(
                "hass-mcp",
                "\"mcp[cli]\", \"httpx\"",
                "hatchling.build",
                "[project.scripts]\nhass-mcp = \"app.run:main\"\ntest = \"pytest:main\"",
            ),
            "mcp httpx starlette uvicorn",
            &[("app/server.py", "from mcp.server.fastmcp import FastMCP\nmcp = FastMCP('x')\n")],
            "hass-mcp",
        ),
        (
            "docling-serve",
            packaged(
                "docling-serve",
                "\"fastapi\", \"uvicorn\"",
                "setuptools.build_meta",
                "[project.scripts]\ndocling-serve = \"docling_serve.__main__:main\"",
            ),
            "fastapi uvicorn",
            &[("docling_serve/app.py", FACTORY), ("docling_serve/__main__.py", SCRIPT)],
            "asks",
        ),
        (
            "snuba",
            packaged("snuba", "\"flask\"", "setuptools.build_meta", "[project.scripts]\nsnuba = \"snuba.cli:main\""),
            "flask granian",
            &[],
            "asks",
        ),
        (
            "romm",
            plain("\"fastapi\", \"uvicorn\""),
            "fastapi uvicorn",
            &[("backend/main.py", "from config import X\nfrom fastapi import FastAPI\napp = FastAPI()\n")],
            "asks",
        ),
        (
            "Kokoro-FastAPI",
            packaged("kokoro-fastapi", "\"fastapi\", \"uvicorn\"", "setuptools.build_meta", ""),
            "fastapi uvicorn",
            &[("api/src/main.py", FASTAPI)],
            "asks",
        ),
        (
            "mitmproxy",
            packaged(
                "mitmproxy",
                "\"tornado\"",
                "setuptools.build_meta",
                "[project.scripts]\nmitmdump = \"mitmproxy.tools.main:mitmdump\"\nmitmweb = \"mitmproxy.tools.main:mitmweb\"",
            ),
            "tornado",
            &[],
            "asks",
        ),
        ("nanochat", plain("\"fastapi\", \"uvicorn\", \"torch\""), "fastapi uvicorn torch", &[], "asks"),
        (
            "a library",
            packaged("demo", "\"attrs\"", "hatchling.build", ""),
            "attrs",
            &[("src/demo/__init__.py", "")],
            "asks",
        ),
    ];
    for (name, pyproject, closure, files, expected) in rows {
        let command = command(pyproject, closure, files);
        let fits = if *expected == "asks" { command.starts_with("asks: ") } else { command == *expected };
        assert!(fits, "{name}: {command}");
    }
}

#[test]
fn where_an_object_lies() {
    let uvicorn = |path: &str| format!("uvicorn {path} --host 0.0.0.0 --port 8000");
    let (deps, locked) = ("\"fastapi\", \"uvicorn\"", "fastapi uvicorn");
    for (pyproject, files, expected) in [
        (plain(deps), vec![("main.py", FASTAPI)], uvicorn("main:app")),
        (plain(deps), vec![("app.py", FASTAPI), ("main.py", SCRIPT)], uvicorn("app:app")),
        (plain(deps), vec![("app/main.py", FASTAPI)], uvicorn("app.main:app")),
        (
            plain(deps),
            vec![("src/demo/main.py", FASTAPI), ("src/demo/__init__.py", "")],
            uvicorn("demo.main:app --app-dir src"),
        ),
        (
            plain(deps),
            vec![("src/app/main.py", "from src.app.x import y\nfrom fastapi import FastAPI\napp = FastAPI()")],
            uvicorn("src.app.main:app"),
        ),
        (
            plain(deps),
            vec![
                ("backend/app/main.py", ""),
                ("backend/main.py", "from backend.x import y\nfrom fastapi import FastAPI\napp = FastAPI()"),
            ],
            uvicorn("backend.main:app"),
        ),
        (packaged("demo", deps, "uv_build", ""), vec![("src/demo/main.py", FASTAPI)], uvicorn("demo.main:app")),
        (
            packaged("demo", deps, "hatchling.build", ""),
            vec![("demo/api/main.py", FASTAPI)],
            uvicorn("demo.api.main:app"),
        ),
        (
            packaged("demo", deps, "uv_build", "[tool.uv.build-backend]\nmodule-name = \"other\"\nmodule-root = \"\""),
            vec![("other/app.py", FASTAPI)],
            uvicorn("other.app:app"),
        ),
        (
            packaged(
                "demo",
                deps,
                "hatchling.build",
                "[tool.hatch.build.targets.wheel]\npackages = [\"services/web\"]",
            ),
            vec![("services/web/app.py", FASTAPI)],
            uvicorn("web.app:app"),
        ),
        // In a package, what its wheel does not hold is not in the image.
        (
            packaged("demo", deps, "uv_build", ""),
            vec![("main.py", FASTAPI), ("src/demo/app.py", FASTAPI)],
            uvicorn("demo.app:app"),
        ),
    ] {
        assert_eq!(command(&pyproject, locked, &files), expected);
    }
}

#[test]
fn what_is_asked_for() {
    let (deps, locked) = ("\"fastapi\", \"uvicorn\"", "fastapi uvicorn");
    for (pyproject, closure, files) in [
        (packaged("demo", deps, "uv_build", ""), locked, vec![("main.py", FASTAPI)]),
        (packaged("demo", deps, "uv_build", ""), locked, vec![("demo/main.py", FASTAPI)]),
        (plain(deps), locked, vec![("main.py", FASTAPI), ("app/main.py", FASTAPI)]),
        (plain(deps), locked, vec![("app/main.py", "from fastapi import FastAPI\nimport settings\napp = FastAPI()")]),
        (plain(deps), locked, vec![("main.py", "from fastapi import FastAPI\na = FastAPI()\nb = FastAPI()")]),
        (plain(deps), locked, vec![("main.py", FASTAPI), ("wsgi.py", FLASK)]),
        (plain(deps), locked, vec![("main.py", SCRIPT)]),
        (plain(deps), "fastapi", vec![("main.py", FASTAPI)]),
        (plain("\"flask\""), "flask", vec![("main.py", FLASK)]),
        (plain("\"flask\""), "flask uvicorn", vec![("main.py", FLASK)]),
        (
            plain("\"flask\", \"waitress\""),
            "flask waitress",
            vec![("src/demo/__init__.py", ""), ("src/demo/app.py", FLASK)],
        ),
        (plain("\"flask\""), "flask", vec![("main.py", SCRIPT)]),
        (plain("\"streamlit\""), "streamlit", vec![("app.py", STREAMLIT), ("Home.py", STREAMLIT)]),
        (packaged("demo", "\"streamlit\"", "uv_build", ""), "streamlit", vec![("app.py", STREAMLIT)]),
        (plain("\"celery\""), "celery", vec![("main.py", CELERY), ("worker.py", CELERY)]),
        (plain("\"robyn\""), "robyn", vec![("main.py", "from robyn import Robyn\napp = Robyn(__file__)\napp.start()")]),
        (plain(""), "", vec![("main.py", SCRIPT), ("bot.py", SCRIPT)]),
        (plain(""), "", vec![("main.py", "def main(): ...\n")]),
        (plain(""), "", vec![]),
        // The same names where nothing installs them: scripts of a project that is no package do not exist.
        (format!("{}\n[project.scripts]\ndemo = \"demo:main\"", plain("")), "", vec![]),
        (packaged("demo", "", "uv_build", "[project.scripts]\n\"a b\" = \"demo:main\""), "", vec![]),
        (packaged("demo", "", "uv_build", "[project.scripts]\n\"-x\" = \"demo:main\""), "", vec![]),
        (packaged("demo", "", "uv_build", "[project.scripts]\ndemo = \"demo:main; rm -rf\""), "", vec![]),
        (packaged("demo", "\"gradio\"", "uv_build", "[project.scripts]\nother = \"demo:main\""), "gradio", vec![]),
        (packaged("demo", "", "uv_build", ""), "", vec![("main.py", SCRIPT)]),
    ] {
        let command = command(&pyproject, closure, &files);
        assert!(command.starts_with("asks: "), "{command}\n{pyproject}");
    }
}

const GUNICORN: &str = "gunicorn --config /etc/gunicorn.conf.py";
const MANAGE: &str =
    "import os\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings.local')\n";
const WSGI: &str = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n";
const ASGI: &str = "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n";
const DJANGO: &[(&str, &str)] = &[("manage.py", MANAGE), ("config/wsgi.py", WSGI), ("config/asgi.py", ASGI)];

#[test]
fn wsgi_applications() {
    let created = "from flask import Flask\ndef create_app():\n    app = Flask(__name__)\n    return app\n";
    let own = vec![("main.py", FLASK), ("gunicorn.conf.py", "workers = 3\n")];
    for (pyproject, closure, files, expected) in [
        (plain("\"flask\""), "flask gunicorn", vec![("main.py", FLASK)], format!("{GUNICORN} main:app --bind 0.0.0.0:8000")),
        (plain("\"flask\""), "flask gunicorn", own.clone(), "gunicorn main:app --bind 0.0.0.0:8000".to_owned()),
        (
            packaged("demo", "\"flask\"", "uv_build", ""),
            "flask gunicorn",
            vec![("src/demo/__init__.py", created), ("gunicorn.conf.py", "workers = 3\n")],
            format!("{GUNICORN} demo:create_app() --bind 0.0.0.0:8000"),
        ),
        (
            plain("\"flask\", \"waitress\""),
            "flask gunicorn waitress",
            vec![("app/__init__.py", created)],
            "waitress-serve --listen=0.0.0.0:8000 --call app:create_app".to_owned(),
        ),
        (
            plain("\"flask\""),
            "flask gunicorn",
            vec![("src/demo/__init__.py", ""), ("src/demo/app.py", FLASK)],
            format!("{GUNICORN} demo.app:app --bind 0.0.0.0:8000 --chdir src"),
        ),
        (
            plain("\"bottle\""),
            "bottle pyuwsgi",
            vec![("wsgi.py", "import bottle\napplication = bottle.default_app()\n")],
            "uwsgi --http-socket 0.0.0.0:8000 --master --die-on-term --need-app --enable-threads --module wsgi:application"
                .to_owned(),
        ),
    ] {
        assert_eq!(command(&pyproject, closure, &files), expected);
    }
    let start = run(&sketch(&plain("\"flask\""), "flask gunicorn", &own)).unwrap();
    assert!(start.files.is_empty(), "gunicorn reads the project's own settings");
    let start = run(&sketch(&plain("\"flask\""), "flask gunicorn", &[("main.py", FLASK)])).unwrap();
    assert_eq!(start.files[0].0, "/etc/gunicorn.conf.py");
}

#[test]
fn django_projects() {
    let uvicorn = "uvicorn config.asgi:application --host 0.0.0.0 --port 8000";
    for (deps, closure, files, expected) in [
        ("\"django\"", "django gunicorn", DJANGO, format!("{GUNICORN} config.wsgi:application --bind 0.0.0.0:8000")),
        ("\"django\"", "django uvicorn", DJANGO, uvicorn.to_owned()),
        ("\"django\", \"channels\"", "django channels gunicorn uvicorn", DJANGO, uvicorn.to_owned()),
        (
            "\"django\", \"gunicorn\", \"uvicorn-worker\"",
            "django gunicorn uvicorn uvicorn-worker",
            DJANGO,
            format!(
                "{GUNICORN} config.asgi:application --bind 0.0.0.0:8000 --worker-class uvicorn_worker.UvicornWorker"
            ),
        ),
        ("\"django\", \"gunicorn\", \"uvicorn\"", "django gunicorn uvicorn", DJANGO, "asks".to_owned()),
        ("\"django\"", "django", DJANGO, "asks".to_owned()),
        ("\"django\"", "django gunicorn", &DJANGO[..1], "asks".to_owned()),
    ] {
        let command = command(&plain(deps), closure, files);
        let fits = if expected == "asks" { command.starts_with("asks: ") } else { command == expected };
        assert!(fits, "{command}");
    }
    // Without manage.py, as an installed package.
    let package = packaged("comics", "\"django\"", "hatchling.build", "");
    let command = command(&package, "django granian", &[("src/comics/wsgi.py", WSGI)]);
    assert_eq!(command, "granian --interface wsgi --host 0.0.0.0 --port 8000 comics.wsgi:application");
}

#[test]
fn apps_workers_and_procfiles() {
    let streamlit = |port: u16| {
        format!("streamlit run app.py --server.address 0.0.0.0 --server.port {port} --server.headless true")
    };
    let port = |deps: &str| format!("{}[tool.pyfront]\nports = [9000]\n", plain(deps));
    for (pyproject, closure, files, expected) in [
        (plain("\"streamlit\""), "streamlit", vec![("app.py", STREAMLIT), ("api.py", "import os")], streamlit(8501)),
        (port("\"streamlit\""), "streamlit", vec![("app.py", STREAMLIT)], streamlit(9000)),
        (
            plain("\"gradio\""),
            "gradio",
            vec![("app.py", "import gradio as gr\ndemo = gr.Interface(x)\ndemo.launch()\n")],
            "python app.py".to_owned(),
        ),
        (
            plain("\"celery\""),
            "celery",
            vec![("worker.py", CELERY)],
            "celery --app worker:app worker --loglevel INFO".to_owned(),
        ),
        (
            plain("\"flask\""),
            "flask gunicorn",
            vec![("Procfile", "release: x\nweb: gunicorn a:b --bind 0.0.0.0:${PORT:-5000}\n")],
            format!("{GUNICORN} a:b --bind 0.0.0.0:5000"),
        ),
        (plain(""), "", vec![("Procfile", "web: python x.py --port=$PORT")], "python x.py --port=8000".to_owned()),
    ] {
        assert_eq!(command(&pyproject, closure, &files), expected);
    }
    let gradio = "import gradio as gr\ndemo = gr.Interface(x)\ndemo.launch()\n";
    let start = run(&sketch(&port("\"gradio\""), "gradio", &[("app.py", gradio)])).unwrap();
    let listen = [("GRADIO_SERVER_NAME", "0.0.0.0".to_owned()), ("GRADIO_SERVER_PORT", "9000".to_owned())];
    assert_eq!(start.stop_signal(), Some("SIGINT"));
    assert_eq!(start.env, listen);
}

#[test]
fn plain_programs() {
    for (pyproject, files, expected) in [
        (plain(""), vec![("main.py", SCRIPT)], "python main.py"),
        (plain(""), vec![("main.py", SCRIPT), ("app.py", "def f(): ...")], "python main.py"),
        (plain(""), vec![("bot.py", "import x\nx.run()\n")], "python bot.py"),
        (packaged("demo", "", "uv_build", "[project.scripts]\nother = \"demo.cli:main\""), vec![], "other"),
        (packaged("demo", "", "uv_build", "[project.scripts]\na = \"demo:a\"\nDemo = \"demo:b\""), vec![], "Demo"),
        (packaged("my.demo", "", "uv_build", "[project.scripts]\na = \"x:a\"\nmy_demo = \"x:b\""), vec![], "my_demo"),
        (packaged("demo", "", "uv_build", ""), vec![("src/demo/__main__.py", SCRIPT)], "python -m demo"),
        (packaged("demo", "", "flit_core.buildapi", ""), vec![("demo/__main__.py", "")], "python -m demo"),
    ] {
        assert_eq!(command(&pyproject, "", &files), expected);
    }
}

#[test]
fn frameworks_and_servers() {
    for (deps, closure, text, expected) in [
        (
            "\"quart\"",
            "quart hypercorn",
            "from quart import Quart\napp = Quart(__name__)",
            "hypercorn main:app --bind 0.0.0.0:8000",
        ),
        (
            "\"starlette\", \"uvicorn\"",
            "starlette uvicorn",
            "from starlette.applications import Starlette\napi = Starlette()\n",
            "uvicorn main:api --host 0.0.0.0 --port 8000",
        ),
        (
            "\"litestar\", \"granian\"",
            "litestar granian uvicorn",
            "from litestar import Litestar\napp = Litestar([])",
            "granian --interface asgi --host 0.0.0.0 --port 8000 main:app",
        ),
        (
            "\"python-fasthtml\"",
            "python-fasthtml uvicorn",
            "from fasthtml.common import *\napp, rt = fast_app()\nserve()",
            UVICORN,
        ),
        (
            "\"sanic\"",
            "sanic",
            "from sanic import Sanic\napp = Sanic('x')\n",
            "sanic main:app --host 0.0.0.0 --port 8000",
        ),
        (
            "\"fastapi\"",
            "fastapi uvicorn",
            "import fastapi\ndef build():\n    return fastapi.FastAPI()\napp = build()",
            UVICORN,
        ),
        (
            "\"fastapi\"",
            "fastapi uvicorn celery",
            "from celery import Celery\nfrom fastapi import FastAPI\ncelery = Celery()\napp = FastAPI()",
            UVICORN,
        ),
    ] {
        let pyproject = plain(deps);
        assert_eq!(command(&pyproject, closure, &[("main.py", text)]), expected);
    }
}

#[test]
fn an_asgi_file_says_what_it_holds() {
    let text = "from factory import create_app\n\napp = create_app()\n";
    assert_eq!(
        command(&plain("\"fastapi\""), "fastapi uvicorn", &[("asgi.py", text)]),
        "uvicorn asgi:app --host 0.0.0.0 --port 8000"
    );
    assert!(command(&plain("\"fastapi\""), "fastapi uvicorn", &[("main.py", text)]).starts_with("asks"));
    assert!(command(&plain("\"httpx\""), "httpx", &[("asgi.py", text)]).starts_with("asks"));
}

#[test]
fn the_configuration_wins_and_its_port_is_used() {
    let configured =
        format!("{}\n[tool.pyfront]\ncommand = [\"x\"]\nentrypoint = [\"tini\", \"--\"]\n", plain("\"django\""));
    let start = run(&sketch(&configured, "django", &[("manage.py", SCRIPT)])).unwrap();
    assert_eq!((start.entrypoint, start.command), (vec!["tini".to_owned(), "--".to_owned()], vec!["x".to_owned()]));
    assert_eq!(start.reason, "command is configured (pyproject.toml:7)");
    let only = format!("{}\n[tool.pyfront]\nentrypoint = [\"x\"]\n", plain(""));
    assert!(run(&sketch(&only, "", &[])).unwrap().command.is_empty());
    let port = format!("{}\n[tool.pyfront]\nports = [\"53/udp\", 9000, 9001]\n", plain("\"fastapi\""));
    let start = run(&sketch(&port, "fastapi uvicorn", &[("main.py", FASTAPI)])).unwrap();
    assert_eq!(start.command.join(" "), "uvicorn main:app --host 0.0.0.0 --port 9000");
    assert_eq!(start.port, Some(9000));
    assert_eq!(start.reason, "the FastAPI object app in main.py:3 was found, and uvicorn is locked");
}

#[test]
fn a_declared_entrypoint() {
    let declared =
        |entrypoint: &str| format!("{}\n[tool.fastapi]\nentrypoint = \"{entrypoint}\"\n", plain("\"fastapi\""));
    for (closure, expected) in [
        ("fastapi uvicorn fastapi-cli", "uvicorn a.b:app --host 0.0.0.0 --port 8000"),
        ("fastapi fastapi-cli", "fastapi run --entrypoint a.b:app --host 0.0.0.0 --port 8000"),
        ("fastapi hypercorn", "hypercorn a.b:app --bind 0.0.0.0:8000"),
    ] {
        assert_eq!(command(&declared("a.b:app"), closure, &[]), expected);
    }
    let all = [
        error(&declared("a.b:app"), "fastapi", &[]),
        error(&declared("a.b"), "fastapi uvicorn", &[]),
        error(&declared("a b:app --reload"), "fastapi uvicorn", &[]),
    ];
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn errors_say_what_was_seen_and_what_to_write() {
    let (deps, locked) = ("\"fastapi\", \"uvicorn\"", "fastapi uvicorn");
    let scripts = "[project.scripts]\nserve = \"demo:serve\"\nother = \"demo:other\"";
    let all = [
        error(&plain(""), "", &[]),
        error(&plain(""), "", &[("main.py", SCRIPT), ("bot.py", SCRIPT)]),
        error(&plain("\"fastapi\""), "fastapi", &[("main.py", FASTAPI)]),
        error(&plain(deps), locked, &[("main.py", SCRIPT)]),
        error(&plain(deps), locked, &[("main.py", FASTAPI), ("app/main.py", FASTAPI)]),
        error(
            &plain(deps),
            locked,
            &[("app/main.py", "from fastapi import FastAPI\nimport settings\napp = FastAPI()")],
        ),
        error(&packaged("demo", deps, "uv_build", ""), locked, &[("main.py", FASTAPI)]),
        error(&packaged("demo", deps, "uv_build", scripts), locked, &[("src/demo/main.py", FASTAPI)]),
        error(&packaged("demo", "", "uv_build", "[project.scripts]\na = \"demo:a\"\nb = \"demo:b\""), "", &[]),
        error(&plain("\"flask\""), "flask", &[("main.py", FLASK)]),
        error(&plain("\"django\""), "django gunicorn", &[("manage.py", SCRIPT)]),
        error(&plain("\"streamlit\""), "streamlit", &[("app.py", STREAMLIT), ("Home.py", STREAMLIT)]),
        error(
            &plain("\"fastapi\""),
            "fastapi uvicorn",
            &[("Procfile", "release: x\nweb: gunicorn a:b --bind 0.0.0.0:$PORT\n")],
        ),
        error(&plain("\"fastapi\""), "fastapi gunicorn", &[("Procfile", "web: gunicorn a:b --workers $(nproc)\n")]),
        error(&plain("\"django\""), "django", DJANGO),
        error(&plain("\"celery\""), "celery", &[("worker.py", CELERY), ("main.py", CELERY)]),
    ];
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn few_files_are_asked_for() {
    let text = packaged("demo", "", "hatchling.build", "[project.scripts]\na = \"x.y:a\"\nb = \"z:b\"");
    let pyproject = sketch(&text, "", &[]).pyproject;
    let files = candidate_files(&pyproject, &pyproject.config);
    assert!(files.len() <= 200, "{}", files.len());
    assert!(files.iter().all(|path| !path.starts_with('/') && !path.contains("..")), "{files:?}");
    // Nothing is read when it is declared what to run.
    let pyproject = sketch(&format!("{text}\n[tool.pyfront]\ncommand = ['x']"), "", &[]).pyproject;
    assert!(candidate_files(&pyproject, &pyproject.config).is_empty());
}

proptest::proptest! {
    #[test]
    fn no_project_makes_it_panic(
        name in "[a-z]([a-z._-]{0,6}[a-z])?",
        script in "[a-z\u{1b}. -]{0,6}",
        object in "[a-z.: ;\\[]{0,12}",
        module in "[a-z./]{0,12}",
        text in "((from|import|fastapi|FastAPI|app|def|return|=|\\(|\\)|\n|    ) ?){0,20}",
    ) {
        let pyproject = format!(
            "[project]\nname = '{name}'\n[project.scripts]\n{} = '{object}'\n[build-system]\nrequires = []\n\
             [tool.hatch.build.targets.wheel]\npackages = ['{module}']\n",
            crate::project::config::argv::toml_string(&script),
        );
        if let Ok(pyproject) = Pyproject::parse(&SourceFile::new("pyproject.toml", pyproject)) {
            let files = candidate_files(&pyproject, &pyproject.config);
            let files: Files = files.into_iter().map(|path| (path.clone(), SourceFile::new(path, text.clone()))).collect();
            let closure = BTreeSet::new();
            let _ = detect(&Project { pyproject: &pyproject, config: &pyproject.config, closure: &closure, files: &files })
                .map_err(|error| error.to_string());
        }
    }
}
