//! A step: runs one program on a file system, with further mounts, and makes the changed file systems its results.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use buildkit_proto::pb;

use crate::caps::Cap;
use crate::error::OpError;
use crate::graph::{Base, Draft, Output, Vertex};
use crate::mount::{Access, Bind, Mount, Numbering, destination};
use crate::notes::Notes;
use crate::path::absolute;
use crate::platform::Platform;
use crate::source::annotate;

/// What a step can reach over the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NetworkMode {
    /// The daemon's sandbox network.
    #[default]
    Sandbox,
    /// The host's network; the user has to allow `network.host`.
    Host,
    /// Loopback only.
    None,
}

/// Values for the usual proxy variables. They are in no cache key and not in the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyEnv {
    /// `HTTP_PROXY`.
    pub http: String,
    /// `HTTPS_PROXY`.
    pub https: String,
    /// `FTP_PROXY`.
    pub ftp: String,
    /// `NO_PROXY`.
    pub no: String,
    /// `ALL_PROXY`.
    pub all: String,
}

impl ProxyEnv {
    /// Whether there is no proxy at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A line for `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraHost {
    /// The name.
    pub host: String,
    /// Its address.
    pub ip: IpAddr,
}

/// A resource limit, as in setrlimit(2); -1 is unlimited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    /// In lower case, for example `nofile`.
    pub name: String,
    /// The limit.
    pub soft: i64,
    /// How far a process may raise it.
    pub hard: i64,
}

/// A mount with its cleaned destination.
type Placed = (String, Mount);

/// Builder of a step.
#[derive(Debug, Clone)]
pub struct Exec {
    root: Bind,
    args: Vec<String>,
    env: Vec<(String, String)>,
    cwd: String,
    user: String,
    hostname: String,
    proxy: Option<ProxyEnv>,
    extra_hosts: Vec<ExtraHost>,
    ulimits: Vec<Ulimit>,
    cgroup_parent: String,
    valid_exit_codes: Vec<i32>,
    network: NetworkMode,
    insecure: bool,
    secret_env: Vec<pb::SecretEnv>,
    devices: Vec<pb::CdiDevice>,
    mounts: Vec<Mount>,
    platform: Option<Platform>,
    notes: Notes,
}

annotate!(Exec);

impl Exec {
    /// A program with its arguments, on a root file system whose changes are a result of the step. No shell is
    /// involved, and nothing is expanded.
    pub fn on<S: Into<String>>(root: impl Into<Base>, args: impl IntoIterator<Item = S>) -> Self {
        Self::with_root(root, args, Access::Writable)
    }

    /// The same, but the root cannot be written to; its result is the root itself.
    pub fn on_readonly<S: Into<String>>(root: impl Into<Base>, args: impl IntoIterator<Item = S>) -> Self {
        Self::with_root(root, args, Access::Readonly)
    }

    /// The same, but changes of the root are thrown away: the results are in the writable mounts.
    pub fn on_discarded<S: Into<String>>(root: impl Into<Base>, args: impl IntoIterator<Item = S>) -> Self {
        Self::with_root(root, args, Access::Discarded)
    }

    fn with_root<S: Into<String>>(root: impl Into<Base>, args: impl IntoIterator<Item = S>, access: Access) -> Self {
        Self {
            root: Bind::new(root, "/", access),
            args: args.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            cwd: "/".to_owned(),
            user: String::new(),
            hostname: String::new(),
            proxy: None,
            extra_hosts: Vec::new(),
            ulimits: Vec::new(),
            cgroup_parent: String::new(),
            valid_exit_codes: Vec::new(),
            network: NetworkMode::Sandbox,
            insecure: false,
            secret_env: Vec::new(),
            devices: Vec::new(),
            mounts: Vec::new(),
            platform: None,
            notes: Notes::default(),
        }
    }

    /// A variable. The order counts for the cache key; a variable that is set again moves to the end.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.into()));
        self
    }

    /// Several variables.
    #[must_use]
    pub fn envs<N: Into<String>, V: Into<String>>(self, variables: impl IntoIterator<Item = (N, V)>) -> Self {
        variables.into_iter().fold(self, |exec, (name, value)| exec.env(name, value))
    }

    /// The working directory; `/` unless set. It is made if it is missing.
    #[must_use]
    pub fn cwd(mut self, path: impl Into<String>) -> Self {
        self.cwd = path.into();
        self
    }

    /// The user, by name or number, optionally with a group: `10001:10001`; root unless set.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// The host name.
    #[must_use]
    pub fn hostname(mut self, name: impl Into<String>) -> Self {
        self.hostname = name.into();
        self
    }

    /// Proxies. No proxy at all is the same as not calling this.
    #[must_use]
    pub fn proxy(mut self, proxy: ProxyEnv) -> Self {
        self.proxy = (!proxy.is_empty()).then_some(proxy);
        self
    }

    /// A line for `/etc/hosts`.
    #[must_use]
    pub fn extra_host(mut self, host: ExtraHost) -> Self {
        self.extra_hosts.push(host);
        self
    }

    /// Several lines for `/etc/hosts`.
    #[must_use]
    pub fn extra_hosts(mut self, hosts: impl IntoIterator<Item = ExtraHost>) -> Self {
        self.extra_hosts.extend(hosts);
        self
    }

    /// A resource limit. Needs BuildKit 0.10.
    #[must_use]
    pub fn ulimit(mut self, limit: Ulimit) -> Self {
        self.ulimits.push(limit);
        self
    }

    /// Several resource limits. Needs BuildKit 0.10 if there are any.
    #[must_use]
    pub fn ulimits(mut self, limits: impl IntoIterator<Item = Ulimit>) -> Self {
        self.ulimits.extend(limits);
        self
    }

    /// The control group above the step's own. Needs BuildKit 0.10 unless empty.
    #[must_use]
    pub fn cgroup_parent(mut self, name: impl Into<String>) -> Self {
        self.cgroup_parent = name.into();
        self
    }

    /// The exit codes that count as success, instead of 0. Needs BuildKit 0.17.
    #[must_use]
    pub fn valid_exit_codes(mut self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.valid_exit_codes = codes.into_iter().collect();
        self
    }

    /// What can be reached.
    #[must_use]
    pub fn network(mut self, mode: NetworkMode) -> Self {
        self.network = mode;
        self
    }

    /// Privileged; the user has to allow `security.insecure`.
    #[must_use]
    pub fn insecure(mut self, yes: bool) -> Self {
        self.insecure = yes;
        self
    }

    /// A secret as a variable. Needs BuildKit 0.10. A missing optional secret makes the variable empty, not unset.
    #[must_use]
    pub fn secret_env(mut self, name: impl Into<String>, id: impl Into<String>, optional: bool) -> Self {
        self.secret_env.push(pb::SecretEnv { id: id.into(), name: name.into(), optional });
        self
    }

    /// A device of the host, by its CDI name. Needs BuildKit 0.20.
    #[must_use]
    pub fn device(mut self, name: impl Into<String>, optional: bool) -> Self {
        self.devices.push(pb::CdiDevice { name: name.into(), optional });
        self
    }

    /// A mount.
    #[must_use]
    pub fn mount(mut self, mount: impl Into<Mount>) -> Self {
        self.mounts.push(mount.into());
        self
    }

    /// Several mounts of one kind, or of several as [`Mount`].
    #[must_use]
    pub fn mounts<M: Into<Mount>>(mut self, mounts: impl IntoIterator<Item = M>) -> Self {
        self.mounts.extend(mounts.into_iter().map(Into::into));
        self
    }

    /// What the program runs as, where that is not the platform of the root.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = Some(platform);
        self
    }

    /// Finishes the op.
    pub fn build(self) -> Result<ExecResult, OpError> {
        let root = self.root.source.0.clone();
        let platform = self.platform.clone().or_else(|| root.as_ref()?.platform.clone()).ok_or(OpError::NoPlatform)?;
        let mut needs = vec![Cap::ExecMetaBase];
        let (mounts, socket) = self.placed_mounts()?;
        let meta = self.meta(socket, &mut needs)?;
        if self.network != NetworkMode::Sandbox {
            needs.push(Cap::ExecMetaNetwork);
        }
        if self.insecure {
            needs.push(Cap::ExecMetaSecurity);
        }
        if !self.secret_env.is_empty() {
            needs.extend([Cap::ExecMountSecret, Cap::ExecSecretEnv]);
        }
        for secret in &self.secret_env {
            if secret.id.is_empty() {
                return Err(OpError::Empty("the id of a secret"));
            }
            check_variable(&secret.name)?;
        }
        if !self.devices.is_empty() {
            needs.push(Cap::ExecMetaCdi);
        }
        let mut numbering = Numbering { needs, ..Numbering::default() };
        let mut outputs = BTreeMap::new();
        let mut messages = Vec::with_capacity(mounts.len());
        for (dest, mount) in &mounts {
            let message = mount.to_pb(dest, &mut numbering)?;
            if let Mount::Bind(bind) = mount {
                outputs.insert(
                    dest.clone(),
                    match bind.access {
                        Access::Writable => u32::try_from(message.output).ok().map(MountResult::Made),
                        Access::Readonly => bind.source.0.clone().map(MountResult::Unchanged),
                        Access::Discarded => None,
                    },
                );
            }
            messages.push(message);
        }
        let op = pb::op::Op::Exec(pb::ExecOp {
            meta: Some(meta),
            mounts: messages,
            network: match self.network {
                NetworkMode::Sandbox => pb::NetMode::Unset,
                NetworkMode::Host => pb::NetMode::Host,
                NetworkMode::None => pb::NetMode::None,
            }
            .into(),
            security: if self.insecure { pb::SecurityMode::Insecure } else { pb::SecurityMode::Sandbox }.into(),
            secretenv: self.secret_env,
            cdi_devices: self.devices,
        });
        let draft = Draft {
            inputs: numbering.inputs.0,
            op,
            platform: Some(platform.clone()),
            needs: numbering.needs,
            uses: vec![Cap::ExecMetaSetsDefaultPath],
            notes: self.notes,
        };
        let outputs = outputs.into_iter().filter_map(|(dest, result)| Some((dest, result?))).collect();
        Ok(ExecResult { vertex: draft.encode(), platform, outputs })
    }

    /// All mounts in the order of the op, by cleaned destination; and where the first SSH socket is.
    fn placed_mounts(&self) -> Result<(Vec<Placed>, Option<String>), OpError> {
        let mut placed = vec![("/".to_owned(), Mount::Bind(self.root.clone()))];
        let mut sockets = 0;
        let mut first_socket = None;
        for mount in &self.mounts {
            let dest = destination(&mount.dest(sockets))?;
            if placed.iter().any(|(taken, _)| *taken == dest) {
                return Err(OpError::DuplicateMount(dest));
            }
            if matches!(mount, Mount::Ssh(_)) {
                sockets += 1;
                first_socket.get_or_insert_with(|| dest.clone());
            }
            placed.push((dest, mount.clone()));
        }
        placed.sort_by(|(a_dest, a), (b_dest, b)| {
            let by_rank = a.rank().cmp(&b.rank());
            // Only file systems are sorted; secrets and sockets stay as they came.
            if a.rank() == 0 { by_rank.then_with(|| a_dest.cmp(b_dest)) } else { by_rank }
        });
        Ok((placed, first_socket))
    }

    /// What the process is started with.
    fn meta(&self, socket: Option<String>, needs: &mut Vec<Cap>) -> Result<pb::Meta, OpError> {
        if self.args.is_empty() {
            return Err(OpError::NoArgs);
        }
        if self.args[0].is_empty() {
            return Err(OpError::Empty("the program of a step"));
        }
        let mut env = self.env.clone();
        if let Some(socket) = socket
            && !env.iter().any(|(name, _)| name == "SSH_AUTH_SOCK")
        {
            env.push(("SSH_AUTH_SOCK".to_owned(), socket));
        }
        for (name, _) in &env {
            check_variable(name)?;
        }
        for (set, cap) in [
            (!self.ulimits.is_empty(), Cap::ExecMetaUlimit),
            (!self.cgroup_parent.is_empty(), Cap::ExecMetaCgroupParent),
            (!self.valid_exit_codes.is_empty(), Cap::ExecValidExitCode),
            (self.proxy.is_some(), Cap::ExecMetaProxy),
        ] {
            if set {
                needs.push(cap);
            }
        }
        Ok(pb::Meta {
            args: self.args.clone(),
            env: env.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
            cwd: absolute("the working directory of a step", &self.cwd)?,
            user: self.user.clone(),
            proxy_env: self.proxy.as_ref().map(|proxy| pb::ProxyEnv {
                http_proxy: proxy.http.clone(),
                https_proxy: proxy.https.clone(),
                ftp_proxy: proxy.ftp.clone(),
                no_proxy: proxy.no.clone(),
                all_proxy: proxy.all.clone(),
            }),
            extra_hosts: self
                .extra_hosts
                .iter()
                .map(|host| pb::HostIp { host: host.host.clone(), ip: host.ip.to_string() })
                .collect(),
            hostname: self.hostname.clone(),
            ulimit: self
                .ulimits
                .iter()
                .map(|limit| pb::Ulimit { name: limit.name.clone(), soft: limit.soft, hard: limit.hard })
                .collect(),
            cgroup_parent: self.cgroup_parent.clone(),
            // The Go client's choice since 0.11: mount points leave nothing behind in the result.
            remove_mount_stubs_recursive: true,
            valid_exit_codes: self.valid_exit_codes.clone(),
        })
    }
}

/// Whether a text can be the name of a variable.
fn check_variable(name: &str) -> Result<(), OpError> {
    if name.is_empty() {
        return Err(OpError::Empty("the name of a variable"));
    }
    if name.contains(['=', '\0']) {
        return Err(OpError::Invalid {
            what: "the name of a variable",
            value: name.to_owned(),
            why: "it has “=” or a zero byte in it",
        });
    }
    Ok(())
}

/// What a bind mount of a step results in.
#[derive(Debug, Clone)]
enum MountResult {
    /// An output of the step.
    Made(u32),
    /// What was mounted, since it could not change.
    Unchanged(Output),
}

/// A finished step.
#[derive(Clone)]
pub struct ExecResult {
    vertex: Arc<Vertex>,
    platform: Platform,
    outputs: BTreeMap<String, MountResult>,
}

impl std::fmt::Debug for ExecResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecResult")
            .field("digest", &self.vertex.digest)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

impl ExecResult {
    /// The digest of the op.
    pub fn digest(&self) -> crate::digest::Digest {
        self.vertex.digest
    }

    /// The root file system after the step.
    pub fn root(&self) -> Result<Output, OpError> {
        self.output("/")
    }

    /// The file system of a writable bind mount after the step. A read-only one is what it was before.
    pub fn output(&self, dest: &str) -> Result<Output, OpError> {
        let clean = absolute("the destination of a mount", dest)?;
        match self.outputs.get(&clean) {
            None => Err(OpError::NoOutput(clean)),
            Some(MountResult::Unchanged(output)) => Ok(output.clone()),
            Some(MountResult::Made(index)) => {
                Ok(Output { vertex: Arc::clone(&self.vertex), index: *index, platform: Some(self.platform.clone()) })
            }
        }
    }
}
