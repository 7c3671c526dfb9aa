//! Git LFS: BuildKit checks out a commit with pointers where such files are, and a step puts their content in their place,
//! with the credentials that BuildKit uses for the repository.

use buildkit_llb::{Annotate as _, Bind, Location as Place, OpError, Output};

use super::fetch::with_secrets;
use super::{Emitter, programs};

/// Where the step works on the tree.
const TREE: &str = "/src";

impl Emitter<'_> {
    /// A checked-out commit with the content of its Git LFS files. `title` is the package's, for people.
    pub(super) fn with_lfs_files(
        &self,
        tree: &Output,
        title: &str,
        remote: &str,
        place: Option<Place>,
    ) -> Result<Output, OpError> {
        let name = format!("[deps] fetch Git LFS files of {title}");
        let arguments = [title, remote, TREE].map(str::to_owned);
        let machine = self.context.builder;
        let mut exec = self.networked_step(machine, machine.base, &programs::LFS, arguments, name)?;
        if let Some(host) = host_of_https(remote) {
            // The names are BuildKit's own, the order is in the program.
            let ids = ["GIT_AUTH_HEADER", "GIT_AUTH_TOKEN"].map(str::to_owned);
            let of_host = ids.clone().map(|id| format!("{id}.{host}"));
            exec = with_secrets(exec, of_host.iter().chain(&ids).map(String::as_str));
        }
        exec = exec.mount(Bind::writable(tree, TREE));
        if let Some(place) = place {
            exec = exec.at(place);
        }
        exec.build()?.output(TREE)
    }
}

/// The host (with its port) of an https address. Others get no credentials.
fn host_of_https(remote: &str) -> Option<&str> {
    let authority = remote.strip_prefix("https://")?.split('/').next()?;
    Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}
