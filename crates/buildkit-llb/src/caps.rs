//! What a daemon can do with a build graph, by capability. An op knows which capabilities it needs; a graph is only
//! marshalled for a daemon that has them all, and the error says which BuildKit is new enough.

use std::collections::BTreeMap;
use std::fmt;

use buildkit_proto::apicaps::ApiCap;

/// Declares [`Cap`] with each capability's id and the release that brought it.
macro_rules! caps {
    ($($name:ident = $id:literal since $since:literal,)*) => {
        /// A capability that an op of this crate can need (`solver/pb/caps.go` in BuildKit).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Cap {
            $(#[doc = concat!("`", $id, "`, since BuildKit ", $since, ".")] $name,)*
        }

        impl Cap {
            /// Every capability of this type.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The id that the daemon lists.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The first BuildKit release that has it.
            pub const fn since(self) -> &'static str {
                match self { $(Self::$name => $since,)* }
            }
        }
    };
}

caps! {
    SourceImage = "source.image" since "0.3",
    SourceImageResolveMode = "source.image.resolvemode" since "0.3",
    SourceImageLayerLimit = "source.image.layerlimit" since "0.11",
    SourceImageChecksum = "source.image.checksum" since "0.25",
    SourceOciLayout = "source.ocilayout" since "0.11",
    SourceLocal = "source.local" since "0.3",
    SourceLocalUnique = "source.local.unique" since "0.3",
    SourceLocalSessionId = "source.local.sessionid" since "0.3",
    SourceLocalIncludePatterns = "source.local.includepatterns" since "0.3",
    SourceLocalFollowPaths = "source.local.followpaths" since "0.3",
    SourceLocalExcludePatterns = "source.local.excludepatterns" since "0.3",
    SourceLocalSharedKeyHint = "source.local.sharedkeyhint" since "0.3",
    SourceLocalDiffer = "source.local.differ" since "0.9",
    SourceLocalMetadataTransfer = "source.local.metadatatransfer" since "0.21",
    SourceGit = "source.git" since "0.3",
    SourceGitKeepDir = "source.git.keepgitdir" since "0.3",
    SourceGitFullUrl = "source.git.fullurl" since "0.3",
    SourceGitHttpAuth = "source.git.httpauth" since "0.8",
    SourceGitKnownSshHosts = "source.git.knownsshhosts" since "0.8",
    SourceGitMountSshSock = "source.git.mountsshsock" since "0.8",
    SourceGitSubdir = "source.git.subdir" since "0.9",
    SourceGitChecksum = "source.git.checksum" since "0.22",
    SourceGitSkipSubmodules = "source.git.skipsubmodules" since "0.24",
    SourceGitMtime = "source.git.mtime" since "0.29",
    SourceHttp = "source.http" since "0.3",
    SourceHttpChecksum = "source.http.checksum" since "0.3",
    SourceHttpPerm = "source.http.perm" since "0.3",
    // BuildKit's own spelling.
    SourceHttpUidGid = "soruce.http.uidgid" since "0.3",
    SourceHttpAuth = "source.http.auth" since "0.21",
    SourceHttpHeader = "source.http.header" since "0.21",
    ExecMetaBase = "exec.meta.base" since "0.3",
    ExecMetaNetwork = "exec.meta.network" since "0.3",
    ExecMetaProxy = "exec.meta.proxyenv" since "0.3",
    ExecMetaSecurity = "exec.meta.security" since "0.5",
    ExecMetaSetsDefaultPath = "exec.meta.setsdefaultpath" since "0.3",
    ExecMetaCgroupParent = "exec.meta.cgroup.parent" since "0.10",
    ExecMetaUlimit = "exec.meta.ulimit" since "0.10",
    ExecMetaCdi = "exec.meta.cdi" since "0.20",
    ExecMetaLinuxResources = "exec.meta.linux.resources" since "0.31",
    ExecMountBind = "exec.mount.bind" since "0.3",
    ExecMountBindReadWriteNoOutput = "exec.mount.bind.readwrite-nooutput" since "0.6.1",
    ExecMountCache = "exec.mount.cache" since "0.3",
    ExecMountCacheSharing = "exec.mount.cache.sharing" since "0.3",
    ExecMountContentCache = "exec.mount.cache.content" since "0.13",
    ExecMountSelector = "exec.mount.selector" since "0.3",
    ExecMountTmpfs = "exec.mount.tmpfs" since "0.3",
    ExecMountTmpfsSize = "exec.mount.tmpfs.size" since "0.10",
    ExecMountSecret = "exec.mount.secret" since "0.3",
    ExecMountSsh = "exec.mount.ssh" since "0.3",
    ExecSecretEnv = "exec.secretenv" since "0.10",
    ExecValidExitCode = "exec.validexitcode" since "0.17",
    FileBase = "file.base" since "0.5",
    FileRmWildcard = "file.rm.wildcard" since "0.7",
    FileCopyIncludeExcludePatterns = "file.copy.includeexcludepatterns" since "0.9",
    FileCopyAlwaysReplaceExistingDestPaths = "file.copy.alwaysreplaceexistingdestpaths" since "0.14",
    FileCopyRequiredPaths = "file.copy.requiredpaths" since "0.26",
    FileSymlinkCreate = "file.symlink.create" since "0.19",
    MergeOp = "mergeop" since "0.10",
    DiffOp = "diffop" since "0.10",
    Constraints = "constraints" since "0.3",
    Platform = "platform" since "0.3",
    MetaIgnoreCache = "meta.ignorecache" since "0.3",
    MetaDescription = "meta.description" since "0.3",
    MetaExportCache = "meta.exportcache" since "0.3",
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// The LLB capabilities of one daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caps {
    /// Id → `None` when it can be used, else why not.
    listed: BTreeMap<String, Option<String>>,
}

impl Caps {
    /// A daemon that can do everything this crate knows of.
    pub fn all() -> Self {
        Cap::ALL.iter().map(|cap| cap.id()).collect()
    }

    /// What a daemon answered to `Ping`.
    pub fn from_api<'a>(caps: impl IntoIterator<Item = &'a ApiCap>) -> Self {
        let listed = caps.into_iter().map(|cap| {
            let reason = (!cap.enabled).then(|| cap.disabled_reason_msg.clone());
            (cap.id.clone(), reason)
        });
        Self { listed: listed.collect() }
    }

    /// The same without one capability; `reason` is what the daemon would give.
    #[must_use]
    pub fn without(mut self, cap: Cap, reason: &str) -> Self {
        self.listed.insert(cap.id().to_owned(), Some(reason.to_owned()));
        self
    }

    /// Whether the daemon can do this.
    pub fn supports(&self, cap: Cap) -> bool {
        self.listed.get(cap.id()).is_some_and(Option::is_none)
    }

    /// Why the daemon cannot do something that it knows of, in its own words.
    pub fn disabled_reason(&self, cap: Cap) -> Option<&str> {
        self.listed.get(cap.id())?.as_deref().filter(|reason| !reason.is_empty())
    }
}

/// Enabled ids.
impl<S: Into<String>> FromIterator<S> for Caps {
    fn from_iter<I: IntoIterator<Item = S>>(ids: I) -> Self {
        Self { listed: ids.into_iter().map(|id| (id.into(), None)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_is_usable_when_listed_and_enabled() {
        let answer = [
            ApiCap { id: "mergeop".into(), disabled_reason_msg: "no store".into(), ..ApiCap::default() },
            ApiCap { id: "file.base".into(), enabled: true, ..ApiCap::default() },
        ];
        let caps = Caps::from_api(&answer);
        assert!(caps.supports(Cap::FileBase));
        assert!(!caps.supports(Cap::MergeOp));
        assert!(!caps.supports(Cap::DiffOp));
        assert_eq!(caps.disabled_reason(Cap::MergeOp), Some("no store"));
        assert_eq!(caps.disabled_reason(Cap::DiffOp), None);
        assert!(Cap::ALL.iter().all(|cap| Caps::all().supports(*cap)));
    }

    #[test]
    fn ids_are_distinct() {
        let ids: std::collections::BTreeSet<_> = Cap::ALL.iter().map(|cap| cap.id()).collect();
        assert_eq!(ids.len(), Cap::ALL.len());
    }
}
