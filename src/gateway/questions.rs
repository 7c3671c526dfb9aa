//! Questions about a build (`docker buildx build --call=…`, `--check`): what can be asked, which targets there are, which
//! parameters they take, and whether the build would get past planning.

use std::collections::BTreeMap;
use std::sync::Arc;

use buildkit_frontend::subrequest::{
    AnswerLocation, Capability, LintError, LintReport, Outline, OutlineArg, OutlineCache, OutlineSecret, Request,
    Target, Targets, describe,
};
use buildkit_frontend::{BuildResult, FrontendError, Gateway};

use super::platforms::Platforms;
use super::read::{LOCKED, Written, is_locked};
use super::resolve::PYTHON_VERSION;
use super::targets::json;
use super::{ANNOTATIONS, checks, is_annotated, plan, platforms, read, report, secrets, sizes};
use crate::diagnostic::{Location, SourceFile};
use crate::lint::{Finding, KNOWN_ARGUMENTS};
use crate::plan::input::Input;
use crate::plan::target;
use crate::project::config::schema::schema;
use crate::project::pyproject::Pyproject;
use crate::project::workspace::PACKAGE;

/// The question for the JSON Schema (`--call pyfront.schema`).
const SCHEMA: &str = "frontend.pyfront.schema";
/// The question for the plan (`--call pyfront.plan`).
const PLAN: &str = "frontend.pyfront.plan";
/// The version of both.
const VERSION: &str = "1.0.0";

pub(super) async fn answer(gateway: &Gateway, question: &Request) -> Result<BuildResult, FrontendError> {
    Ok(match question {
        Request::Describe => describe([
            Capability::outline(),
            Capability::targets(),
            Capability::lint(),
            Capability::new(SCHEMA, "The JSON Schema of [tool.pyfront]"),
            Capability::new(PLAN, "What would be built, and why, without fetching or running anything"),
        ]),
        Request::Targets => targets(gateway).await?.into(),
        Request::Outline => outline(gateway).await?.into(),
        Request::Lint => Box::pin(lint(gateway)).await?.into(),
        Request::Other(id) if is(id, SCHEMA) => {
            let text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
            BuildResult::answer(text.clone(), text + "\n", VERSION)
        }
        Request::Other(id) if is(id, PLAN) => {
            let text = Box::pin(plans(gateway)).await?;
            BuildResult::answer(text.clone(), text, VERSION)
        }
        Request::Build | Request::Other(_) => return Err(question.unsupported()),
    })
}

/// Whether a question is this one. buildx puts `frontend.` before what `--call` names, buildctl does not.
fn is(asked: &str, id: &str) -> bool {
    asked == id || id.strip_prefix("frontend.") == Some(asked)
}

/// The plan as JSON; of several platforms a table by platform.
async fn plans(gateway: &Gateway) -> Result<String, FrontendError> {
    let platforms = Platforms::of(gateway)?;
    let written = read::project(gateway).await?;
    let planned = Box::pin(plan(gateway, &written, &platforms)).await?;
    let plans = planned.images.iter().map(|image| &image.plan);
    Ok(match planned.images.as_slice() {
        [only] => json(&only.plan),
        _ => json(&plans.map(|plan| (plan.platform.as_str(), plan)).collect::<BTreeMap<_, _>>()),
    })
}

async fn targets(gateway: &Gateway) -> Result<Targets, FrontendError> {
    let written = read::any_target(gateway).await?;
    let python = super::resolve::python(gateway, &written, &Platforms::of(gateway)?.targets)?;
    let mut sources = Sources::default();
    let targets = target::list(&written.config).into_iter().map(|listed| {
        let config = listed.target.config(&written.config);
        let is_image = listed.target.kind.is_image();
        Target {
            default: listed.target.name == target::DEFAULT,
            base: if is_image {
                crate::plan::python::image(config.base.as_ref().map(|base| &base.value), &python.version)
            } else {
                String::new()
            },
            name: listed.target.name,
            description: listed.description,
            location: listed.location.as_ref().map(|location| sources.place(location)),
            ..Target::default()
        }
    });
    let targets = targets.collect();
    Ok(Targets { targets, sources: sources.0.iter().map(|file| file.text().as_bytes().to_vec()).collect() })
}

/// The files that an answer points into, each once.
#[derive(Default)]
struct Sources(Vec<Arc<SourceFile>>);

impl Sources {
    /// A place in one of them.
    fn place(&mut self, location: &Location) -> AnswerLocation {
        let known = self.0.iter().position(|file| file.name() == location.file.name());
        let index = known.unwrap_or_else(|| {
            self.0.push(Arc::clone(&location.file));
            self.0.len() - 1
        });
        AnswerLocation::new(index, report::place(location).ranges)
    }
}

async fn outline(gateway: &Gateway) -> Result<Outline, FrontendError> {
    let written = read::project(gateway).await?;
    let python = super::resolve::python(gateway, &written, &Platforms::of(gateway)?.targets)?;
    let argument = gateway.options().build_args.get(LOCKED).map(String::as_str);
    let locked = is_locked(argument, &written.config).map_err(report::one)?;
    let cache = OutlineCache { id: "pyfront/uv".to_owned(), location: None };
    let builds = written.pyproject.is_package()
        || written.members.values().any(Pyproject::is_package)
        || matches!(written.input, Input::Requirements(_));
    let mut args = Vec::new();
    if !written.lock.manifest.members.is_empty() {
        let project = written.pyproject.project.as_ref();
        args.push(known_argument(PACKAGE, project.map(|project| project.name.value.to_string()).unwrap_or_default()));
    }
    let mut version = known_argument(PYTHON_VERSION, python.version.to_string());
    version.description = format!("{}; {}", version.description, python.reason);
    args.extend([
        version,
        known_argument(LOCKED, locked.to_string()),
        known_argument(ANNOTATIONS, is_annotated(gateway)?.to_string()),
    ]);
    let listed = target::list(&written.config).into_iter().find(|listed| listed.target == written.target);
    let mut description = listed.map(|listed| listed.description).unwrap_or_default();
    if let Some(start) = Box::pin(start(gateway, &written)).await? {
        description = format!("{description}; {start}");
    }
    Ok(Outline {
        name: written.target.name.clone(),
        description,
        args,
        secrets: outline_secrets(&written, builds),
        ssh: optional(secrets::ssh_of_outline(&written)),
        cache: if builds { vec![cache] } else { Vec::new() },
        sources: Vec::new(),
    })
}

/// A build argument of pyfront's, with the value that it has in this build.
fn known_argument(name: &str, value: String) -> OutlineArg {
    let description = KNOWN_ARGUMENTS.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    OutlineArg { name: name.to_owned(), description: description.unwrap_or_default(), value, location: None }
}

/// What the target starts, and why. Of a project that would not be built that is not said: the build and the check say why.
async fn start(gateway: &Gateway, written: &Written) -> Result<Option<String>, FrontendError> {
    match Box::pin(plan(gateway, written, &Platforms::of(gateway)?)).await {
        Ok(planned) => Ok(planned.images.first().and_then(|image| image.plan.config.start())),
        Err(error) if error.is_connection_lost() => Err(error),
        Err(_) => Ok(None),
    }
}

fn optional(ids: Vec<String>) -> Vec<OutlineSecret> {
    ids.into_iter().map(|name| OutlineSecret { name, required: false, location: None }).collect()
}

/// The secrets that a build can use, and those without which it fails.
fn outline_secrets(written: &Written, builds: bool) -> Vec<OutlineSecret> {
    let required = secrets::required_of_outline(written);
    let mut all = optional(secrets::of_outline(written, builds));
    all.retain(|secret| !required.contains(&secret.name));
    all.extend(required.into_iter().map(|name| OutlineSecret { name, required: true, location: None }));
    all
}

/// What could be better. What would fail the build is told, too; some of it ends the search for more.
async fn lint(gateway: &Gateway) -> Result<LintReport, FrontendError> {
    match Box::pin(findings(gateway)).await {
        Ok(report) => Ok(report),
        // Not about the project: the check itself could not be made.
        Err(error) if error.is_connection_lost() || error.sources().is_empty() => Err(error),
        Err(error) => Ok(failed(&error)),
    }
}

async fn findings(gateway: &Gateway) -> Result<LintReport, FrontendError> {
    let platforms = Platforms::of(gateway)?;
    let written = read::project(gateway).await?;
    let planned = Box::pin(plan(gateway, &written, &platforms)).await?;
    let mut findings: Vec<Finding> = planned.findings(&written).cloned().collect();
    for image in &planned.images {
        findings.extend(platforms::emulated(gateway, &image.plan, &image.platform));
    }
    if let Some(image) = planned.images.first() {
        findings.extend(sizes::large_files(gateway, &written, &image.plan).await?);
    }
    Ok(written.checks.report(&findings))
}

/// The answer about a project that would not be built.
fn failed(error: &FrontendError) -> LintReport {
    let mut report = LintReport::default();
    if let Some(place) = error.sources().first() {
        let index = checks::source(&mut report.sources, &place.file);
        let location = AnswerLocation::new(index, place.ranges.clone());
        report.error = Some(LintError { message: error.message().to_owned(), location });
    }
    report
}
