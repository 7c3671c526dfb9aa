//! What the daemon's gateway can do, by capability (`frontend/gateway/pb/caps.go` in BuildKit), and the least that a
//! frontend made with this crate needs. What the daemon can do with a build graph is [`buildkit_llb::Caps`].

use std::collections::BTreeSet;
use std::fmt;

use buildkit_llb::{Cap, Caps};
use buildkit_proto::apicaps::ApiCap;

use crate::error::FrontendError;

macro_rules! caps {
    ($($name:ident = $id:literal since $since:literal,)*) => {
        /// A capability of the gateway that this crate makes use of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum GatewayCap {
            $(#[doc = concat!("`", $id, "`, since BuildKit ", $since, ".")] $name,)*
        }

        impl GatewayCap {
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
    SolveBase = "solve.base" since "0.3",
    ResolveImage = "resolveimage" since "0.3",
    ResolveImageMode = "resolveimage.resolvemode" since "0.3",
    ReadFile = "readfile" since "0.3",
    ReadDir = "readdir" since "0.3",
    StatFile = "statfile" since "0.3",
    Return = "return" since "0.3",
    ReturnMap = "returnmap" since "0.3",
    ImportCaches = "importcaches" since "0.4",
    RefArray = "proto.refarray" since "0.7",
    Inputs = "frontend.inputs" since "0.7",
    Exec = "gateway.exec" since "0.8",
    Warnings = "gateway.warnings" since "0.10",
    Evaluate = "gateway.evaluate" since "0.11",
    ReferenceAttestations = "reference.attestations" since "0.11",
    SourceMetaResolver = "source.metaresolver" since "0.13",
}

impl fmt::Display for GatewayCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// The gateway capabilities of one daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayCaps(BTreeSet<String>);

impl GatewayCaps {
    /// What a daemon answered to `Ping`.
    pub fn from_api<'a>(caps: impl IntoIterator<Item = &'a ApiCap>) -> Self {
        Self(caps.into_iter().filter(|cap| cap.enabled).map(|cap| cap.id.clone()).collect())
    }

    /// Whether the daemon can do this.
    pub fn supports(&self, cap: GatewayCap) -> bool {
        self.0.contains(cap.id())
    }
}

const NEEDED_OF_GATEWAY: &[GatewayCap] = &[
    GatewayCap::SolveBase,
    GatewayCap::ReadFile,
    GatewayCap::ReadDir,
    GatewayCap::StatFile,
    GatewayCap::Return,
    GatewayCap::RefArray,
];

const NEEDED_OF_LLB: &[Cap] = &[
    Cap::FileBase,
    Cap::ExecMetaBase,
    Cap::ExecMountBind,
    Cap::ExecMountCache,
    Cap::SourceImage,
    Cap::SourceLocal,
    Cap::SourceLocalSessionId,
    Cap::SourceLocalFollowPaths,
    Cap::SourceLocalExcludePatterns,
    Cap::SourceLocalSharedKeyHint,
    Cap::SourceLocalDiffer,
];

/// Refuses a daemon that is too old, in one line that says what to do.
pub(crate) fn require_minimum(gateway: &GatewayCaps, llb: &Caps) -> Result<(), FrontendError> {
    let of_gateway = NEEDED_OF_GATEWAY.iter().filter(|cap| !gateway.supports(**cap)).map(|cap| cap.id());
    let of_llb = NEEDED_OF_LLB.iter().filter(|cap| !llb.supports(**cap)).map(|cap| cap.id());
    let missing: Vec<_> = of_gateway.chain(of_llb).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(FrontendError::new(format!(
        "this build needs BuildKit 0.13 or later (Docker Engine 26.1); this daemon lacks: {}",
        missing.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> GatewayCaps {
        GatewayCaps(GatewayCap::ALL.iter().map(|cap| cap.id().to_owned()).collect())
    }

    #[test]
    fn listed_and_enabled() {
        let cap = |id: &str, enabled| ApiCap { id: id.into(), enabled, ..ApiCap::default() };
        let caps = GatewayCaps::from_api(&[cap("readfile", true), cap("readdir", false)]);
        assert!(caps.supports(GatewayCap::ReadFile));
        assert!(!caps.supports(GatewayCap::ReadDir));
        assert!(!caps.supports(GatewayCap::Warnings));
    }

    #[test]
    fn the_minimum() {
        assert!(require_minimum(&all(), &Caps::all()).is_ok());
        let mut old = all();
        old.0.remove("readfile");
        let error = require_minimum(&old, &Caps::all().without(Cap::FileBase, "")).unwrap_err();
        assert_eq!(
            error.message(),
            "this build needs BuildKit 0.13 or later (Docker Engine 26.1); this daemon lacks: readfile, file.base"
        );
    }
}
