//! Which secrets the client gives. The protocol has no list of them, but BuildKit asks the client for a secret as soon as
//! a container that mounts it is prepared: one that is never started says whether the secret is there, and costs neither
//! a process nor a line of progress. The secret's value stays with the daemon.

use std::time::Duration;

use buildkit_proto::{gateway as proto, pb};

use crate::caps::GatewayCap;
use crate::gateway::{Gateway, within};

/// Time for one question to the client.
const PATIENCE: Duration = Duration::from_secs(20);

impl Gateway {
    /// Whether the client gives this secret (`--secret id=…`). A daemon that cannot prepare containers is taken to have
    /// none, and so is one that fails to answer: steps mount secrets as optional, and say themselves what they miss.
    pub async fn has_secret(&self, id: &str) -> bool {
        if !self.caps().supports(GatewayCap::Exec) {
            return false;
        }
        let container = format!("secret-{id}");
        let secret = pb::SecretOpt { id: id.to_owned(), mode: 0o400, ..pb::SecretOpt::default() };
        let mount = pb::Mount {
            dest: "/run/secrets/asked-for".to_owned(),
            mount_type: pb::MountType::Secret.into(),
            secret_opt: Some(secret),
            ..pb::Mount::default()
        };
        let request = proto::NewContainerRequest { container_id: container.clone(), mounts: vec![mount] };
        let call = self.connection().call(|mut client| async move { client.new_container(request).await });
        if within(PATIENCE, "NewContainer", call).await.is_err() {
            return false;
        }
        // The daemon gives it up at the end of the build at the latest.
        let request = proto::ReleaseContainerRequest { container_id: container };
        let call = self.connection().call(|mut client| async move { client.release_container(request).await });
        drop(within(PATIENCE, "ReleaseContainer", call).await);
        true
    }
}
