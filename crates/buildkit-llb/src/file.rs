//! Changes files without running anything: no platform, no emulation. The actions of one op build on each other and
//! make one layer.

use buildkit_proto::pb;
use pb::file_action::Action as PbAction;

use crate::caps::Cap;
use crate::error::OpError;
use crate::graph::{Base, Draft, Inputs, Output, number};
use crate::notes::Notes;
use crate::path::{absolute, absolute_destination};
use crate::source::annotate;

/// Builder of a file op.
#[derive(Debug, Clone)]
pub struct File {
    base: Base,
    actions: Vec<Action>,
    notes: Notes,
}

annotate!(File);

impl File {
    /// Starts from a file system, or from [`SCRATCH`](crate::SCRATCH).
    pub fn on(base: impl Into<Base>) -> Self {
        Self { base: base.into(), actions: Vec::new(), notes: Notes::default() }
    }

    /// One more change, made to the result of the ones before.
    #[must_use]
    pub fn then(mut self, action: impl Into<Action>) -> Self {
        self.actions.push(action.into());
        self
    }

    /// Finishes the op. Its platform is that of the base.
    pub fn build(self) -> Result<Output, OpError> {
        if self.actions.is_empty() {
            return Err(OpError::NoActions);
        }
        let mut inputs = Inputs::default();
        let base = inputs.add(&self.base);
        let sources: Vec<i64> = self
            .actions
            .iter()
            .map(|action| match action {
                Action::Copy(copy) => inputs.add(&Base(Some(copy.source.clone()))),
                _ => -1,
            })
            .collect();
        let mut needs = vec![Cap::FileBase];
        let last = self.actions.len() - 1;
        let mut actions = Vec::with_capacity(self.actions.len());
        for (index, (action, secondary_input)) in self.actions.iter().zip(sources).enumerate() {
            actions.push(pb::FileAction {
                input: if index == 0 { base } else { number(inputs.0.len() + index - 1) },
                secondary_input,
                output: if index == last { 0 } else { -1 },
                action: Some(action.to_pb(base, &mut needs)?),
            });
        }
        let platform = self.base.0.as_ref().and_then(|base| base.platform.clone());
        let draft = Draft {
            inputs: inputs.0,
            op: pb::op::Op::File(pb::FileOp { actions }),
            platform: None,
            needs,
            uses: Vec::new(),
            notes: self.notes,
        };
        Ok(draft.output(platform))
    }
}

/// One change.
#[derive(Debug, Clone)]
pub enum Action {
    /// Copies from another file system.
    Copy(Box<Copy>),
    /// Writes a file.
    Mkfile(Mkfile),
    /// Makes a directory.
    Mkdir(Mkdir),
    /// Removes.
    Rm(Rm),
    /// Makes a symbolic link.
    Symlink(Symlink),
}

/// `From` of the kinds, so that they can be passed as they are.
macro_rules! into_action {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Action {
            fn from(action: $kind) -> Self {
                Self::$kind(action)
            }
        })*
    };
}
into_action!(Mkfile, Mkdir, Rm, Symlink);

impl From<Copy> for Action {
    fn from(action: Copy) -> Self {
        Self::Copy(Box::new(action))
    }
}

/// A moment that files are said to be from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970.
    pub const EPOCH: Self = Self(0);

    /// Seconds since 1970; what lies beyond the year 2262 is cut off there.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }
}

/// On the wire, -1 means that no time is given.
fn timestamp(timestamp: Option<Timestamp>) -> i64 {
    timestamp.map_or(-1, |timestamp| timestamp.0)
}

/// A user or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// By number: the same in every image.
    Id(u32),
    /// By name, which is looked up in the base of the op.
    Name(String),
}

impl From<u32> for User {
    fn from(id: u32) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for User {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

/// Owner of new files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    user: Option<User>,
    group: Option<User>,
}

impl Owner {
    /// A user and a group, each by number or by name.
    pub fn new(user: impl Into<User>, group: impl Into<User>) -> Self {
        Self { user: Some(user.into()), group: Some(group.into()) }
    }

    /// A user; the group is the daemon's choice.
    pub fn user(user: impl Into<User>) -> Self {
        Self { user: Some(user.into()), group: None }
    }

    fn to_pb(&self, base: i64) -> Result<pb::ChownOpt, OpError> {
        let one = |user: &Option<User>| -> Result<Option<pb::UserOpt>, OpError> {
            let Some(user) = user else { return Ok(None) };
            let user = match user {
                User::Id(id) => pb::user_opt::User::ById(*id),
                User::Name(name) if name.is_empty() => return Err(OpError::Empty("the name of an owner")),
                User::Name(name) => pb::user_opt::User::ByName(pb::NamedUserOpt { name: name.clone(), input: base }),
            };
            Ok(Some(pb::UserOpt { user: Some(user) }))
        };
        Ok(pb::ChownOpt { user: one(&self.user)?, group: one(&self.group)? })
    }
}

fn owner(owner: Option<&Owner>, base: i64) -> Result<Option<pb::ChownOpt>, OpError> {
    owner.map(|owner| owner.to_pb(base)).transpose()
}

/// Permission bits, as far as an action can set them.
fn mode(mode: u32, max: u32) -> Result<i32, OpError> {
    match i32::try_from(mode) {
        Ok(bits) if mode <= max => Ok(bits),
        _ => Err(OpError::Invalid {
            what: "a file mode",
            value: format!("{mode:o}"),
            why: "it has bits that this action cannot set",
        }),
    }
}

/// Methods that all actions that make files have.
macro_rules! new_files {
    ($kind:ident) => {
        impl $kind {
            /// Who owns what is made; for a copy, root unless set.
            #[must_use]
            pub fn owner(mut self, owner: Owner) -> Self {
                self.owner = Some(owner);
                self
            }

            /// The time of what is made; otherwise that of the source, or now.
            #[must_use]
            pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
                self.timestamp = Some(timestamp);
                self
            }
        }
    };
}
new_files!(Copy);
new_files!(Mkfile);
new_files!(Mkdir);
new_files!(Symlink);

/// How a copy sets permissions.
#[derive(Debug, Clone)]
enum Chmod {
    Bits(u32),
    Text(String),
}

/// Copies files and directories from another file system.
#[derive(Debug, Clone)]
pub struct Copy {
    source: Output,
    src: String,
    dest: String,
    owner: Option<Owner>,
    chmod: Option<Chmod>,
    timestamp: Option<Timestamp>,
    follow_symlinks: bool,
    contents_only: bool,
    unpack: bool,
    create_dest_path: bool,
    wildcard: bool,
    empty_wildcard: bool,
    always_replace: bool,
    include: Vec<String>,
    exclude: Vec<String>,
    required: Vec<String>,
}

impl Copy {
    /// A file or directory to a place. A destination that ends in `/` is a directory to copy into.
    pub fn new(source: impl Into<Output>, src: impl Into<String>, dest: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            src: src.into(),
            dest: dest.into(),
            owner: None,
            chmod: None,
            timestamp: None,
            follow_symlinks: false,
            contents_only: false,
            unpack: false,
            create_dest_path: false,
            wildcard: false,
            empty_wildcard: false,
            always_replace: false,
            include: Vec::new(),
            exclude: Vec::new(),
            required: Vec::new(),
        }
    }

    /// Permission bits of everything copied; otherwise those of the source.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.chmod = Some(Chmod::Bits(mode));
        self
    }

    /// Permissions in chmod's language, such as `u=rwX,go=rX`. Needs BuildKit 0.17.
    #[must_use]
    pub fn mode_text(mut self, mode: impl Into<String>) -> Self {
        self.chmod = Some(Chmod::Text(mode.into()));
        self
    }

    /// Copies what a symbolic link at the source points at.
    #[must_use]
    pub fn follow_symlinks(mut self) -> Self {
        self.follow_symlinks = true;
        self
    }

    /// Copies what is in the directory, not the directory.
    #[must_use]
    pub fn contents_only(mut self) -> Self {
        self.contents_only = true;
        self
    }

    /// Unpacks the source when it is an archive.
    #[must_use]
    pub fn unpack(mut self) -> Self {
        self.unpack = true;
        self
    }

    /// Makes missing parents of the destination.
    #[must_use]
    pub fn create_dest_path(mut self) -> Self {
        self.create_dest_path = true;
        self
    }

    /// The source may have wildcards; with `allow_none` they may match nothing.
    #[must_use]
    pub fn wildcard(mut self, allow_none: bool) -> Self {
        self.wildcard = true;
        self.empty_wildcard = allow_none;
        self
    }

    /// A file may take the place of a directory and the other way round. Needs BuildKit 0.14.
    #[must_use]
    pub fn always_replace(mut self) -> Self {
        self.always_replace = true;
        self
    }

    /// Only what matches one of these patterns; no patterns, no restriction.
    #[must_use]
    pub fn include<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.include = patterns.into_iter().map(Into::into).collect();
        self
    }

    /// Not what matches one of these patterns.
    #[must_use]
    pub fn exclude<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.exclude = patterns.into_iter().map(Into::into).collect();
        self
    }

    /// Include patterns that must match something. Needs BuildKit 0.26.
    #[must_use]
    pub fn required<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Self {
        self.required = paths.into_iter().map(Into::into).collect();
        self
    }

    fn to_pb(&self, base: i64, needs: &mut Vec<Cap>) -> Result<PbAction, OpError> {
        let (mode, mode_str) = match &self.chmod {
            None => (-1, String::new()),
            Some(Chmod::Bits(bits)) => (mode(*bits, 0o7777)?, String::new()),
            Some(Chmod::Text(text)) if text.is_empty() => return Err(OpError::Empty("a file mode")),
            Some(Chmod::Text(text)) => {
                // Has no capability of its own that a daemon lists; this one came in the same release.
                needs.push(Cap::ExecValidExitCode);
                (0, text.clone())
            }
        };
        for (set, cap) in [
            (!(self.include.is_empty() && self.exclude.is_empty()), Cap::FileCopyIncludeExcludePatterns),
            (!self.required.is_empty(), Cap::FileCopyRequiredPaths),
            (self.always_replace, Cap::FileCopyAlwaysReplaceExistingDestPaths),
        ] {
            if set {
                needs.push(cap);
            }
        }
        Ok(PbAction::Copy(pb::FileActionCopy {
            src: absolute("the source of a copy", &self.src)?,
            dest: absolute_destination("the destination of a copy", &self.dest)?,
            owner: owner(self.owner.as_ref(), base)?,
            mode,
            follow_symlink: self.follow_symlinks,
            dir_copy_contents: self.contents_only,
            attempt_unpack_docker_compatibility: self.unpack,
            create_dest_path: self.create_dest_path,
            allow_wildcard: self.wildcard,
            allow_empty_wildcard: self.empty_wildcard,
            timestamp: timestamp(self.timestamp),
            include_patterns: self.include.clone(),
            exclude_patterns: self.exclude.clone(),
            always_replace_existing_dest_paths: self.always_replace,
            mode_str,
            required_paths: self.required.clone(),
        }))
    }
}

/// Writes a file.
#[derive(Debug, Clone)]
pub struct Mkfile {
    path: String,
    data: Vec<u8>,
    mode: u32,
    owner: Option<Owner>,
    timestamp: Option<Timestamp>,
}

impl Mkfile {
    /// A file with mode 0644. Its directory must exist.
    pub fn new(path: impl Into<String>, data: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), data: data.into(), mode: 0o644, owner: None, timestamp: None }
    }

    /// Permission bits, up to 0777.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    fn to_pb(&self, base: i64) -> Result<PbAction, OpError> {
        Ok(PbAction::Mkfile(pb::FileActionMkFile {
            path: absolute("the path of a file", &self.path)?,
            mode: mode(self.mode, 0o777)?,
            data: self.data.clone(),
            owner: owner(self.owner.as_ref(), base)?,
            timestamp: timestamp(self.timestamp),
        }))
    }
}

/// Makes a directory. One that exists stays as it is.
#[derive(Debug, Clone)]
pub struct Mkdir {
    path: String,
    mode: u32,
    parents: bool,
    owner: Option<Owner>,
    timestamp: Option<Timestamp>,
}

impl Mkdir {
    /// A directory with mode 0755.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), mode: 0o755, parents: false, owner: None, timestamp: None }
    }

    /// Permission bits, up to 0777.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Makes missing parents too, with the same mode, owner and time.
    #[must_use]
    pub fn parents(mut self) -> Self {
        self.parents = true;
        self
    }

    fn to_pb(&self, base: i64) -> Result<PbAction, OpError> {
        Ok(PbAction::Mkdir(pb::FileActionMkDir {
            path: absolute("the path of a directory", &self.path)?,
            mode: mode(self.mode, 0o777)?,
            make_parents: self.parents,
            owner: owner(self.owner.as_ref(), base)?,
            timestamp: timestamp(self.timestamp),
        }))
    }
}

/// Removes a file or a tree.
#[derive(Debug, Clone)]
pub struct Rm {
    path: String,
    allow_not_found: bool,
    wildcard: bool,
}

impl Rm {
    /// What is to be gone.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), allow_not_found: false, wildcard: false }
    }

    /// It need not be there.
    #[must_use]
    pub fn allow_not_found(mut self) -> Self {
        self.allow_not_found = true;
        self
    }

    /// The path may have wildcards.
    #[must_use]
    pub fn wildcard(mut self) -> Self {
        self.wildcard = true;
        self
    }

    fn to_pb(&self, needs: &mut Vec<Cap>) -> Result<PbAction, OpError> {
        if self.wildcard {
            needs.push(Cap::FileRmWildcard);
        }
        Ok(PbAction::Rm(pb::FileActionRm {
            path: absolute("the path to remove", &self.path)?,
            allow_not_found: self.allow_not_found,
            allow_wildcard: self.wildcard,
        }))
    }
}

/// Makes a symbolic link. Needs BuildKit 0.19.
#[derive(Debug, Clone)]
pub struct Symlink {
    target: String,
    path: String,
    owner: Option<Owner>,
    timestamp: Option<Timestamp>,
}

impl Symlink {
    /// A link at `path` that says `target`, as `ln -s target path`.
    pub fn new(target: impl Into<String>, path: impl Into<String>) -> Self {
        Self { target: target.into(), path: path.into(), owner: None, timestamp: None }
    }

    fn to_pb(&self, base: i64, needs: &mut Vec<Cap>) -> Result<PbAction, OpError> {
        if self.target.is_empty() {
            return Err(OpError::Empty("the target of a symbolic link"));
        }
        needs.push(Cap::FileSymlinkCreate);
        Ok(PbAction::Symlink(pb::FileActionSymlink {
            oldpath: self.target.clone(),
            newpath: absolute("the path of a symbolic link", &self.path)?,
            owner: owner(self.owner.as_ref(), base)?,
            timestamp: timestamp(self.timestamp),
        }))
    }
}

impl Action {
    /// The message. `base` is the number of the input that names are looked up in.
    fn to_pb(&self, base: i64, needs: &mut Vec<Cap>) -> Result<PbAction, OpError> {
        match self {
            Self::Copy(copy) => copy.to_pb(base, needs),
            Self::Mkfile(mkfile) => mkfile.to_pb(base),
            Self::Mkdir(mkdir) => mkdir.to_pb(base),
            Self::Rm(rm) => rm.to_pb(needs),
            Self::Symlink(symlink) => symlink.to_pb(base, needs),
        }
    }
}
