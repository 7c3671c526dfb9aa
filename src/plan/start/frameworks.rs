//! What is known of frameworks: which constructors make an object that a server can run, and which packages say that a
//! project is a web service, an app with a user interface, or a worker. Names are compared as a whole, never in part.

use super::python::Module;

/// How an object is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// By any ASGI server.
    Asgi,
    /// By Sanic's own server.
    Sanic,
    /// By any WSGI server.
    Wsgi,
    /// By itself, in a way that is not known here.
    Own,
}

/// A constructor: the top-level module that it is imported from, its name, the framework's name, and how to serve.
const CONSTRUCTORS: &[(&str, &str, &str, Kind)] = &[
    ("apiflask", "APIFlask", "APIFlask", Kind::Wsgi),
    ("blacksheep", "Application", "BlackSheep", Kind::Asgi),
    ("bottle", "Bottle", "Bottle", Kind::Wsgi),
    ("bottle", "default_app", "Bottle", Kind::Wsgi),
    ("celery", "Celery", "Celery", Kind::Own),
    ("channels", "ProtocolTypeRouter", "Django Channels", Kind::Own),
    ("connexion", "AsyncApp", "Connexion", Kind::Asgi),
    // WSGI before version 3, ASGI since.
    ("connexion", "FlaskApp", "Connexion", Kind::Own),
    // What is served is an attribute of it.
    ("dash", "Dash", "Dash", Kind::Own),
    ("django", "get_asgi_application", "Django", Kind::Own),
    ("django", "get_wsgi_application", "Django", Kind::Own),
    ("esmerald", "Esmerald", "Esmerald", Kind::Asgi),
    ("fastapi", "FastAPI", "FastAPI", Kind::Asgi),
    ("fasthtml", "FastHTML", "FastHTML", Kind::Asgi),
    ("fasthtml", "fast_app", "FastHTML", Kind::Asgi),
    ("flask", "Flask", "Flask", Kind::Wsgi),
    ("flask_openapi3", "OpenAPI", "Flask", Kind::Wsgi),
    ("gradio", "Blocks", "Gradio", Kind::Own),
    ("gradio", "ChatInterface", "Gradio", Kind::Own),
    ("gradio", "Interface", "Gradio", Kind::Own),
    ("litestar", "Litestar", "Litestar", Kind::Asgi),
    // It makes the application later.
    ("pyramid", "Configurator", "Pyramid", Kind::Own),
    ("quart", "Quart", "Quart", Kind::Asgi),
    ("ravyn", "Ravyn", "Ravyn", Kind::Asgi),
    ("robyn", "Robyn", "Robyn", Kind::Own),
    ("sanic", "Sanic", "Sanic", Kind::Sanic),
    ("starlette", "Starlette", "Starlette", Kind::Asgi),
];

/// The framework of what a written callee makes, if it is a known constructor of an installed module.
pub(super) fn framework_of(module: &Module, callee: &str) -> Option<(&'static str, Kind)> {
    module.resolve(callee).iter().find_map(|path| {
        let (top, _) = path.split_once('.')?;
        let (inner, name) = path.rsplit_once('.')?;
        // Falcon has the same name for both worlds, in different modules.
        if top == "falcon" && matches!(name, "App" | "API") {
            let kind = if inner.starts_with("falcon.asgi") { Kind::Asgi } else { Kind::Wsgi };
            return Some(("Falcon", kind));
        }
        let known = CONSTRUCTORS.iter().find(|(from, constructor, ..)| *from == top && *constructor == name)?;
        Some((known.2, known.3))
    })
}

/// Packages whose presence among the direct dependencies says that the project is a web service.
pub(super) const WEB: &[&str] = &[
    "aiohttp-wsgi",
    "apiflask",
    "blacksheep",
    "bottle",
    "cherrypy",
    "connexion",
    "daphne",
    "django",
    "emmett",
    "esmerald",
    "falcon",
    "fastapi",
    "fastapi-slim",
    "flask",
    "flask-openapi3",
    "granian",
    "gunicorn",
    "hypercorn",
    "litestar",
    "muffin",
    "pyramid",
    "python-fasthtml",
    "quart",
    "ravyn",
    "responder",
    "robyn",
    "sanic",
    "starlette",
    "uvicorn",
    "uwsgi",
    "waitress",
];

/// The same for apps with a user interface of their own server, with the command that usually starts them.
pub(super) const UI: &[(&str, &[&str])] = &[
    ("chainlit", &["chainlit", "run", "app.py", "--headless", "--host", "0.0.0.0", "--port", "8000"]),
    ("dash", &["python", "app.py"]),
    ("gradio", &["python", "app.py"]),
    ("marimo", &["marimo", "run", "app.py", "--headless", "--host", "0.0.0.0", "--port", "8000"]),
    ("nicegui", &["python", "main.py"]),
    ("panel", &["panel", "serve", "app.py", "--address", "0.0.0.0", "--port", "8000"]),
    ("reflex", &["reflex", "run", "--env", "prod"]),
    ("solara", &["solara", "run", "app.py", "--host", "0.0.0.0", "--port", "8000"]),
    ("streamlit", &["streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.port", "8000"]),
];

/// The same for workers.
pub(super) const WORKERS: &[&str] =
    &["arq", "celery", "dramatiq", "huey", "kombu", "procrastinate", "rq", "saq", "taskiq", "temporalio"];

/// Packages of ASGI frameworks, for objects whose maker is not seen.
pub(super) const ASGI_PACKAGES: &[&str] = &[
    "blacksheep",
    "esmerald",
    "fastapi",
    "fastapi-slim",
    "litestar",
    "python-fasthtml",
    "quart",
    "ravyn",
    "sanic",
    "starlette",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(&'static str, Kind)> {
        let module = Module::read(text);
        let object = module.objects.first()?;
        framework_of(&module, &object.callee)
    }

    #[test]
    fn a_constructor_counts_with_its_origin() {
        assert_eq!(found("from fastapi import FastAPI\na = FastAPI()"), Some(("FastAPI", Kind::Asgi)));
        assert_eq!(found("from fastapi.applications import FastAPI\na = FastAPI()"), Some(("FastAPI", Kind::Asgi)));
        assert_eq!(found("from fasthtml.common import *\na, rt = fast_app()"), Some(("FastHTML", Kind::Asgi)));
        assert_eq!(found("import falcon.asgi\na = falcon.asgi.App()"), Some(("Falcon", Kind::Asgi)));
        assert_eq!(found("import falcon\na = falcon.App()"), Some(("Falcon", Kind::Wsgi)));
        assert_eq!(found("from blacksheep import Application\na = Application()"), Some(("BlackSheep", Kind::Asgi)));
        assert_eq!(found("from telegram.ext import Application\na = Application()"), None);
        assert_eq!(found("from .fastapi import FastAPI\na = FastAPI()"), None);
        assert_eq!(found("from myfastapi import FastAPI\na = FastAPI()"), None);
        assert_eq!(found("class FastAPI: pass\na = FastAPI()"), None);
    }
}
