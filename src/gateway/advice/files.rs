//! What to do when a package of the lock does not arrive or cannot be built: which it is, who wants it, and what helps.
//! BuildKit's own words are "digest mismatch", "unexpected EOF" or "exit code: 1".

use buildkit_frontend::FrontendError;

use crate::closure::Closure;
use crate::diagnostic::Location;
use crate::gateway::report;
use crate::plan::{BuildSource, Plan};
use crate::project::pyproject::Pyproject;

/// The sha256 of nothing.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// How many requirements are shown of a step that installs several packages. Of more, the place where they all stand is.
const MOST_PLACES: usize = 8;

/// The source of a package in the lock: a file, or a commit of a repository.
struct LockedSource<'a> {
    name: &'a str,
    version: &'a str,
    /// Where BuildKit itself fetches it from. `None` where nothing is fetched, or by a step, whose own words say enough.
    url: Option<&'a str>,
    digest: Option<&'a str>,
    origin: &'a Location,
}

/// The packages of a plan, and who wants them.
pub(super) struct Files<'a> {
    locked: Vec<LockedSource<'a>>,
    /// Steps that install several: their arguments, as BuildKit writes them, and the packages.
    steps: Vec<(String, Vec<&'a str>)>,
    closure: &'a Closure,
    pyproject: &'a Pyproject,
}

impl<'a> Files<'a> {
    pub(super) fn new(plan: &'a Plan, closure: &'a Closure, pyproject: &'a Pyproject) -> Self {
        let wheels = plan.groups.iter().flat_map(|group| &group.wheels).map(|wheel| LockedSource {
            name: &wheel.name,
            version: &wheel.version,
            url: wheel.access.is_none().then_some(&wheel.url),
            digest: wheel.digest.as_deref(),
            origin: &wheel.origin,
        });
        let built = plan.built.iter().map(|built| {
            let (url, digest) = match &built.source {
                BuildSource::Archive { url, digest, access, .. } => {
                    (access.is_none().then_some(url.as_str()), digest.as_deref())
                }
                BuildSource::Git { remote, .. } => (Some(remote.as_str()), None),
                BuildSource::File { .. } => (None, None),
            };
            LockedSource { name: &built.name, version: &built.version, url, digest, origin: &built.origin }
        });
        let several = plan.groups.iter().filter(|group| group.wheels.len() > 1);
        let steps = several.map(|group| {
            let wheels = group.wheels.iter().map(|wheel| format!(" {}=={}", wheel.name, wheel.version));
            (
                format!("/install.py{}\"", wheels.collect::<String>()),
                group.wheels.iter().map(|it| it.name.as_str()).collect(),
            )
        });
        Self { locked: wheels.chain(built).collect(), steps: steps.collect(), closure, pyproject }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.locked.is_empty()
    }

    /// The error with the package that it is about, if it is about one: what happened, who wants it, and what helps.
    /// `repository` is what helps with a git repository, if it is that; `credentials` is what to pass if the index wants
    /// credentials.
    pub(super) fn on(
        &self,
        error: FrontendError,
        repository: Option<String>,
        credentials: Option<&str>,
    ) -> FrontendError {
        let credentials = credentials.filter(|_| repository.is_none() && may_be_refusal(error.message()));
        let step = self.steps.iter().find(|(arguments, _)| error.message().contains(arguments));
        if let Some((_, packages)) = step {
            return self.one_of(packages, error);
        }
        let Some(file) = self.failed(&error) else {
            return match repository.as_deref().or(credentials) {
                Some(help) => error.help(help),
                None => error,
            };
        };
        let package = self.closure.packages.iter().find(|package| package.name.as_str() == file.name);
        let chain = package.map(|package| &package.chain);
        let message = error.message().to_owned();
        let mut error = error;
        if let Some(url) = file.url {
            error = error.note(format!("{} {} is fetched from {url}", file.name, file.version));
        }
        if let Some(chain) = chain {
            error = error.note(format!("wanted by {chain}"));
        }
        // The first package that is not the project itself is what pyproject.toml names.
        let direct = chain.and_then(|chain| chain.0.get(1)).and_then(|link| link.package.as_ref());
        if let Some(place) = direct.and_then(|name| self.pyproject.who_asks_for(name)) {
            error = error.with_source(report::place(place));
        }
        match repository.or_else(|| file.url.and_then(|_| help(&message, file.name))) {
            Some(help) => error.help(match credentials {
                Some(credentials) => format!("{help}\n  {credentials}"),
                None => help,
            }),
            None => error,
        }
    }

    /// The error of a step that installs several packages. Which of them failed only uv's own words say.
    fn one_of(&self, packages: &[&str], mut error: FrontendError) -> FrontendError {
        let mut places = Vec::new();
        for package in self.closure.packages.iter().filter(|package| packages.contains(&package.name.as_str())) {
            let chain = &package.chain;
            if chain.0.len() > 2 {
                error = error.note(format!("{} is wanted by {chain}", package.name));
            }
            let direct = chain.0.get(1).and_then(|link| link.package.as_ref());
            places.extend(direct.and_then(|name| self.pyproject.who_asks_for(name)));
        }
        places.sort_by_key(|place| place.lines());
        places.dedup();
        if places.len() > MOST_PLACES {
            let dependencies =
                self.pyproject.project.as_ref().and_then(|project| project.dependencies_location.as_ref());
            places = dependencies.into_iter().collect();
        }
        for place in places {
            error = error.with_source(report::place(place));
        }
        error.help(
            "what uv said above names the file; if that is broken, lock another version of its package: \
             uv lock --upgrade-package …",
        )
    }

    /// The one that failed: whose hash BuildKit names, or else at whose place the error is.
    fn failed(&self, error: &FrontendError) -> Option<&LockedSource<'a>> {
        let named = self.locked.iter().find(|file| file.digest.is_some_and(|digest| error.message().contains(digest)));
        let places = error.forwarded_places();
        let is_there = |file: &&LockedSource<'_>| {
            let line = file.origin.lines().0;
            places.iter().any(|(name, at)| name == file.origin.file.name() && *at == line)
        };
        // A step can be about several packages.
        let mut there = self.locked.iter().filter(is_there);
        let only = there.next().filter(|_| there.next().is_none());
        named.or(only)
    }
}

/// Whether this can be what a server says to those that it does not know.
fn may_be_refusal(message: &str) -> bool {
    let texts = ["digest mismatch", "response status 401", "response status 403", "response status 404"];
    texts.iter().any(|text| message.contains(text))
}

fn help(message: &str, name: &str) -> Option<String> {
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if says(&["did not complete successfully"]) {
        // Steps say themselves what helps, but for the one that does nothing but install. What else is in the message is the
        // name of a package.
        return says(&["/install.py "]).then(|| {
            format!(
                "what uv said of the file stands above; if the file is broken, lock another version: \
                 uv lock --upgrade-package {name}"
            )
        });
    }
    // BuildKit before 0.21 looks at the hash of what it got, whatever the status.
    let help = if says(&["digest mismatch"]) {
        let what = if says(&[NOTHING]) { "nothing" } else { "something else than the locked file" };
        format!(
            "the server sent {what}; open the address: when it gives the file again, build again, and if the file is gone or was \
             replaced, run uv lock --upgrade-package {name}"
        )
    } else if says(&["response status 404", "response status 410"]) {
        format!("the server does not have the file any more: run uv lock --upgrade-package {name}, and build again")
    } else if says(&["response status 401", "response status 403"]) {
        "the server wants credentials, or does not accept those that it was given".to_owned()
    } else if says(&["response status "]) {
        "the server has trouble: build again later; what was fetched is kept".to_owned()
    } else if says(&["x509: ", "certificate"]) {
        "BuildKit fetches with the certificates of the machine or container that it runs on: add your company's to those"
            .to_owned()
    } else if says(&[
        "EOF",
        "connection re",
        "no such host",
        "timeout",
        "timed out",
        "unreachable",
        "dial tcp",
        "server misbehaving",
    ]) {
        "the connection broke or could not be made: build again, what was fetched is kept; BuildKit uses the proxy and the name \
         servers of the machine or container that it runs on"
            .to_owned()
    } else {
        return None;
    };
    Some(help)
}
