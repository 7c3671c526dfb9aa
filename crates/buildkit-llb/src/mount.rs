//! The mounts of a step besides its root. Each kind is a type of its own, so that only what makes sense can be said.

use buildkit_proto::pb;

use crate::caps::Cap;
use crate::error::OpError;
use crate::graph::{Base, Inputs};
use crate::path::absolute;

/// Any mount.
#[derive(Debug, Clone)]
pub enum Mount {
    /// A file system of the build.
    Bind(Bind),
    /// A directory that outlives the build.
    Cache(Cache),
    /// Memory.
    Tmpfs(Tmpfs),
    /// A secret of the client, as a file.
    Secret(Secret),
    /// The client's SSH agent, as a socket.
    Ssh(Ssh),
}

/// What a step may do with a bind mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only read.
    Readonly,
    /// Write, and the result is an output of the op.
    Writable,
    /// Write, but the changes are thrown away.
    Discarded,
}

/// Whether the cache key of a mount follows its content instead of how it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContentCache {
    /// Where BuildKit finds it safe.
    #[default]
    Default,
    /// Always; an error where it is unsafe.
    On,
    /// Never.
    Off,
}

/// A file system of the build, mounted into a step.
#[derive(Debug, Clone)]
pub struct Bind {
    pub(crate) source: Base,
    pub(crate) dest: String,
    pub(crate) access: Access,
    selector: Option<String>,
    content_cache: ContentCache,
}

impl Bind {
    pub(crate) fn new(source: impl Into<Base>, dest: impl Into<String>, access: Access) -> Self {
        Self { source: source.into(), dest: dest.into(), access, selector: None, content_cache: ContentCache::Default }
    }

    /// To read.
    pub fn readonly(source: impl Into<Base>, dest: impl Into<String>) -> Self {
        Self::new(source, dest, Access::Readonly)
    }

    /// To write; the changed file system is a result of the step
    /// ([`ExecResult::output`](crate::ExecResult::output)).
    pub fn writable(source: impl Into<Base>, dest: impl Into<String>) -> Self {
        Self::new(source, dest, Access::Writable)
    }

    /// To write; the changes are thrown away.
    pub fn discarded(source: impl Into<Base>, dest: impl Into<String>) -> Self {
        Self::new(source, dest, Access::Discarded)
    }

    /// Only this path of the source.
    #[must_use]
    pub fn selector(mut self, path: impl Into<String>) -> Self {
        self.selector = Some(path.into());
        self
    }

    /// How the content counts for the cache key. Needs BuildKit 0.13 unless default.
    #[must_use]
    pub fn content_cache(mut self, mode: ContentCache) -> Self {
        self.content_cache = mode;
        self
    }
}

/// What happens when two steps use one cache mount at the same time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// Both write into it.
    #[default]
    Shared,
    /// The second gets a directory of its own.
    Private,
    /// The second waits.
    Locked,
}

/// A directory that outlives the build. It is one per id and daemon, for all platforms.
#[derive(Debug, Clone)]
pub struct Cache {
    id: String,
    dest: String,
    sharing: Sharing,
    seed: Base,
    selector: Option<String>,
}

impl Cache {
    /// The cache of this id.
    pub fn new(id: impl Into<String>, dest: impl Into<String>) -> Self {
        Self { id: id.into(), dest: dest.into(), sharing: Sharing::Shared, seed: Base(None), selector: None }
    }

    /// What happens with a second user.
    #[must_use]
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// What a new cache begins with; also the way to give it an owner and a mode.
    #[must_use]
    pub fn seed(mut self, seed: impl Into<Base>) -> Self {
        self.seed = seed.into();
        self
    }

    /// Only this path of the cache.
    #[must_use]
    pub fn selector(mut self, path: impl Into<String>) -> Self {
        self.selector = Some(path.into());
        self
    }
}

/// Memory as a directory.
#[derive(Debug, Clone)]
pub struct Tmpfs {
    dest: String,
    size: Option<u64>,
}

impl Tmpfs {
    /// An empty directory in memory.
    pub fn new(dest: impl Into<String>) -> Self {
        Self { dest: dest.into(), size: None }
    }

    /// At most so many bytes. Needs BuildKit 0.10.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }
}

/// A secret of the client, as a file. Its value is in no cache key and in no image.
#[derive(Debug, Clone)]
pub struct Secret {
    id: String,
    dest: String,
    owner: (u32, u32),
    mode: u32,
    optional: bool,
}

impl Secret {
    /// A file that only root can read.
    pub fn new(id: impl Into<String>, dest: impl Into<String>) -> Self {
        Self { id: id.into(), dest: dest.into(), owner: (0, 0), mode: 0o400, optional: false }
    }

    /// Owner of the file.
    #[must_use]
    pub fn owner(mut self, uid: u32, gid: u32) -> Self {
        self.owner = (uid, gid);
        self
    }

    /// Permission bits of the file.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Without the secret there is no file, and no error.
    #[must_use]
    pub fn optional(mut self, yes: bool) -> Self {
        self.optional = yes;
        self
    }
}

/// The client's SSH agent, as a socket. The first one of a step is also what `SSH_AUTH_SOCK` says, unless set.
#[derive(Debug, Clone)]
pub struct Ssh {
    id: String,
    dest: Option<String>,
    owner: (u32, u32),
    mode: u32,
    optional: bool,
}

impl Ssh {
    /// An agent; `default` is the usual one.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), dest: None, owner: (0, 0), mode: 0o600, optional: false }
    }

    /// Where the socket is; `/run/buildkit/ssh_agent.0` and so on unless set.
    #[must_use]
    pub fn dest(mut self, path: impl Into<String>) -> Self {
        self.dest = Some(path.into());
        self
    }

    /// Owner of the socket.
    #[must_use]
    pub fn owner(mut self, uid: u32, gid: u32) -> Self {
        self.owner = (uid, gid);
        self
    }

    /// Permission bits of the socket.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Without the agent there is no socket, and no error.
    #[must_use]
    pub fn optional(mut self, yes: bool) -> Self {
        self.optional = yes;
        self
    }
}

/// `From` of each kind, so that they can be passed as they are.
macro_rules! into_mount {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Mount {
            fn from(mount: $kind) -> Self {
                Self::$kind(mount)
            }
        })*
    };
}
into_mount!(Bind, Cache, Tmpfs, Secret, Ssh);

/// The message-making state of one op: inputs and outputs are numbered in the order of the mounts.
#[derive(Default)]
pub(crate) struct Numbering {
    pub(crate) inputs: Inputs,
    pub(crate) outputs: i64,
    pub(crate) needs: Vec<Cap>,
}

/// A mount that does nothing yet.
fn empty(dest: &str) -> pb::Mount {
    pb::Mount { input: -1, output: -1, dest: dest.to_owned(), ..pb::Mount::default() }
}

impl Mount {
    /// The order of kinds in an op: file systems (which are sorted by destination), then secrets, then sockets.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Bind(_) | Self::Cache(_) | Self::Tmpfs(_) => 0,
            Self::Secret(_) => 1,
            Self::Ssh(_) => 2,
        }
    }

    /// Where it is mounted. A socket without a destination gets the default one for its number among the sockets.
    pub(crate) fn dest(&self, socket: usize) -> String {
        match self {
            Self::Bind(mount) => mount.dest.clone(),
            Self::Cache(mount) => mount.dest.clone(),
            Self::Tmpfs(mount) => mount.dest.clone(),
            Self::Secret(mount) => mount.dest.clone(),
            Self::Ssh(mount) => mount.dest.clone().unwrap_or_else(|| format!("/run/buildkit/ssh_agent.{socket}")),
        }
    }

    /// The message. `dest` is the cleaned destination.
    pub(crate) fn to_pb(&self, dest: &str, numbering: &mut Numbering) -> Result<pb::Mount, OpError> {
        match self {
            Self::Bind(mount) => mount.to_pb(dest, numbering),
            Self::Cache(mount) => mount.to_pb(dest, numbering),
            Self::Tmpfs(mount) => mount.to_pb(dest, numbering),
            Self::Secret(mount) => mount.to_pb(dest, numbering),
            Self::Ssh(mount) => Ok(mount.to_pb(dest, numbering)),
        }
    }
}

/// The selector of a mount. Like the Go client, it is not cleaned; the daemon does that.
fn selector(path: Option<&String>, needs: &mut Vec<Cap>) -> Result<String, OpError> {
    let Some(path) = path else { return Ok(String::new()) };
    if path.is_empty() {
        return Err(OpError::Empty("the selector of a mount"));
    }
    needs.push(Cap::ExecMountSelector);
    Ok(path.clone())
}

impl Bind {
    fn to_pb(&self, dest: &str, numbering: &mut Numbering) -> Result<pb::Mount, OpError> {
        let input = numbering.inputs.add(&self.source);
        numbering.needs.push(Cap::ExecMountBind);
        let output = match self.access {
            Access::Writable => {
                numbering.outputs += 1;
                numbering.outputs - 1
            }
            Access::Readonly => -1,
            Access::Discarded => {
                numbering.needs.push(Cap::ExecMountBindReadWriteNoOutput);
                -1
            }
        };
        if self.content_cache != ContentCache::Default {
            numbering.needs.push(Cap::ExecMountContentCache);
        }
        Ok(pb::Mount {
            input,
            selector: selector(self.selector.as_ref(), &mut numbering.needs)?,
            output,
            readonly: self.access == Access::Readonly,
            content_cache: match self.content_cache {
                ContentCache::Default => pb::MountContentCache::Default,
                ContentCache::On => pb::MountContentCache::On,
                ContentCache::Off => pb::MountContentCache::Off,
            }
            .into(),
            ..empty(dest)
        })
    }
}

impl Cache {
    fn to_pb(&self, dest: &str, numbering: &mut Numbering) -> Result<pb::Mount, OpError> {
        if self.id.is_empty() {
            return Err(OpError::Empty("the id of a cache mount"));
        }
        numbering.needs.extend([Cap::ExecMountCache, Cap::ExecMountCacheSharing]);
        let sharing = match self.sharing {
            Sharing::Shared => pb::CacheSharingOpt::Shared,
            Sharing::Private => pb::CacheSharingOpt::Private,
            Sharing::Locked => pb::CacheSharingOpt::Locked,
        };
        Ok(pb::Mount {
            input: numbering.inputs.add(&self.seed),
            selector: selector(self.selector.as_ref(), &mut numbering.needs)?,
            mount_type: pb::MountType::Cache.into(),
            cache_opt: Some(pb::CacheOpt { id: self.id.clone(), sharing: sharing.into() }),
            ..empty(dest)
        })
    }
}

impl Tmpfs {
    fn to_pb(&self, dest: &str, numbering: &mut Numbering) -> Result<pb::Mount, OpError> {
        numbering.needs.push(Cap::ExecMountTmpfs);
        let size = self.size.unwrap_or_default();
        if self.size.is_some() {
            numbering.needs.push(Cap::ExecMountTmpfsSize);
        }
        let size = i64::try_from(size).map_err(|_| OpError::Invalid {
            what: "the size of a tmpfs",
            value: size.to_string(),
            why: "it is too large",
        })?;
        Ok(pb::Mount { mount_type: pb::MountType::Tmpfs.into(), tmpfs_opt: Some(pb::TmpfsOpt { size }), ..empty(dest) })
    }
}

impl Secret {
    fn to_pb(&self, dest: &str, numbering: &mut Numbering) -> Result<pb::Mount, OpError> {
        if self.id.is_empty() {
            return Err(OpError::Empty("the id of a secret"));
        }
        numbering.needs.push(Cap::ExecMountSecret);
        Ok(pb::Mount {
            // Not -1: that is how the Go client writes it.
            output: 0,
            mount_type: pb::MountType::Secret.into(),
            secret_opt: Some(pb::SecretOpt {
                id: self.id.clone(),
                uid: self.owner.0,
                gid: self.owner.1,
                mode: self.mode,
                optional: self.optional,
            }),
            ..empty(dest)
        })
    }
}

impl Ssh {
    fn to_pb(&self, dest: &str, numbering: &mut Numbering) -> pb::Mount {
        numbering.needs.push(Cap::ExecMountSsh);
        pb::Mount {
            // Not -1: that is how the Go client writes it.
            output: 0,
            mount_type: pb::MountType::Ssh.into(),
            ssh_opt: Some(pb::SshOpt {
                id: self.id.clone(),
                uid: self.owner.0,
                gid: self.owner.1,
                mode: self.mode,
                optional: self.optional,
            }),
            ..empty(dest)
        }
    }
}

/// The cleaned destination of a mount other than the root.
pub(crate) fn destination(path: &str) -> Result<String, OpError> {
    let clean = absolute("the destination of a mount", path)?;
    if clean == "/" { Err(OpError::SecondRoot) } else { Ok(clean) }
}
