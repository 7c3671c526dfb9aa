//! Which secrets a build can use, and which of them the client gives. The latter is asked of the daemon before the plan,
//! since it decides how files are fetched.

use std::collections::BTreeSet;

use buildkit_frontend::Gateway;
use tokio::task::JoinSet;

use super::read::Written;
use crate::emit::CA_SECRET;
use crate::plan::indexes::{NETRC, secret_ids};
use crate::project::config::repositories::Key;
use crate::project::indexes::Index;
use crate::project::lock::Source;

/// The given ones among the secrets that the project's indexes may need.
pub(super) async fn given(gateway: &Gateway, indexes: &[Index]) -> BTreeSet<String> {
    let mut questions = JoinSet::new();
    for id in secret_ids(indexes) {
        let gateway = gateway.clone();
        questions.spawn(async move { gateway.has_secret(&id).await.then_some(id) });
    }
    questions.join_all().await.into_iter().flatten().collect()
}

/// The secrets that `--call=outline` lists: the company's certificates, those of declared indexes, and those of git. All are
/// optional.
pub(super) fn of_outline(written: &Written, builds: bool) -> Vec<String> {
    // A netrc is listed where there is an index that it can be for.
    let private = !written.root().uv.indexes.is_empty();
    let indexes: Vec<_> =
        secret_ids(&written.root().uv.indexes).into_iter().filter(|id| private || id != NETRC).collect();
    let mut ids = Vec::new();
    if builds || private {
        ids.push(CA_SECRET.to_owned());
    }
    ids.extend(indexes);
    if written.config.repositories.is_some() && !ids.iter().any(|id| id == NETRC) {
        ids.push(NETRC.to_owned());
    }
    if has_git(written, "https://") {
        ids.extend(["GIT_AUTH_HEADER", "GIT_AUTH_TOKEN"].map(str::to_owned));
    }
    ids
}

/// The secrets that `--call=outline` lists as required: those that commands name, and keys of repositories.
pub(super) fn required_of_outline(written: &Written) -> BTreeSet<String> {
    if !written.target.kind.is_on_base() {
        return BTreeSet::new();
    }
    let runs = written.config.run.iter().flat_map(|runs| &runs.value.0).flat_map(|run| run.secrets.clone());
    let repositories = written.config.repositories.iter().flat_map(|repositories| &repositories.value.0);
    let keys = repositories.filter_map(|repository| match &repository.key {
        Key::Secret(id) => Some(id.clone()),
        Key::File(_) => None,
    });
    runs.chain(keys).collect()
}

/// The SSH agents that `--call=outline` lists.
pub(super) fn ssh_of_outline(written: &Written) -> Vec<String> {
    if has_git(written, "ssh://") { vec!["default".to_owned()] } else { Vec::new() }
}

fn has_git(written: &Written, scheme: &str) -> bool {
    let is_git = |source: &Source| match source {
        Source::Git(git) => git.url.strip_prefix("git+").unwrap_or(&git.url).starts_with(scheme),
        _ => false,
    };
    written.lock.packages.iter().any(|package| is_git(&package.source))
}
