//! A script with metadata (PEP 723) is a whole project: nothing is read but the script and its lock.

use std::collections::BTreeMap;

use buildkit_frontend::context::{Context, Entry as EntryFile, Selection};
use buildkit_frontend::{FrontendError, Gateway};

use super::{Written, hidden_or, lock};
use crate::closure::Root;
use crate::diagnostic::{Diagnostic, Location, SourceFile};
use crate::gateway::checks::Checks;
use crate::gateway::report;
use crate::plan::BuildTarget;
use crate::plan::input::Input;
use crate::project::document::Located;
use crate::project::lock::Lock;
use crate::project::pyproject::Pyproject;
use crate::project::{asked_for, script, stale};

/// Reads what belongs to a script.
pub(super) async fn read(
    gateway: &Gateway,
    entry: EntryFile,
    context: Context,
    checks: Checks,
    pyproject: Pyproject,
) -> Result<Written, FrontendError> {
    let place = Location::new(&pyproject.file, 0..0);
    // With a remote context the name is a path in it.
    let name = entry.filename().to_owned();
    let lock_name = script::lock_name(&name);
    let files = Selection::paths([name.as_str(), &lock_name])
        .hint("script")
        .titled(format!("[internal] load {name} and its lock"))
        .small();
    let files = context.open(&files).await?;
    let (same, lock) = tokio::join!(files.read_optional_file(&name), files.read_optional_file(&lock_name));
    let (same, lock) = (same?, lock?);
    if entry.file().is_none_or(|file| Some(&file.data) != same.as_ref()) {
        let problem = Diagnostic::new(match same {
            Some(_) => format!("the {name} at the root of the build context is another one than that given with -f"),
            None => format!("the root of the build context has no {name}"),
        })
        .at_location(Some(place.clone()))
        .help("give the script's directory as the build context: docker buildx build -f DIR/SCRIPT.py DIR");
        return Err(report::one(if same.is_some() { problem } else { hidden_or(&context, &name, problem) }));
    }
    let Some(bytes) = lock else {
        let missing = Diagnostic::new(format!("the script has no {lock_name}, so what to install is not known"))
            .at_location(Some(place))
            .help(format!("run uv lock --script {name}, and commit the {lock_name} that it writes"));
        return Err(report::one(hidden_or(&context, &lock_name, missing)));
    };
    let file = SourceFile::from_bytes(lock_name, bytes).map_err(report::one)?;
    let lock = Lock::read(&file).map_err(|error| report::error(&error))?;
    let config = pyproject.config.clone();
    asked_for::check(&config, &pyproject, None).map_err(|error| report::error(&error))?;
    let fits = stale::check_script(&pyproject, &lock);
    let findings = lock::stale_by(gateway, &checks, &config, fits, "run uv lock --script")?;
    Ok(Written {
        target: BuildTarget::default(),
        targets: Vec::new(),
        workspace: None,
        members: BTreeMap::new(),
        directory: String::new(),
        project: String::new(),
        root: Root::default(),
        config,
        lock,
        input: Input::Lock,
        python_version: None,
        script: Some(Located::new(name, place)),
        pyproject,
        entry,
        checks,
        findings,
        context,
    })
}
