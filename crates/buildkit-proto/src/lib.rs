//! BuildKit's wire protocol in Rust: the messages that a frontend exchanges with the daemon, and the gRPC client for
//! them. Everything here is generated from the `.proto` files in `proto/` of this repository; read those for what a
//! field means, and change those (then run `cargo xtask codegen`) to change anything.
//!
//! Every map is a `BTreeMap`, so that encoding is deterministic. The encoding of [`pb::Op`] alone still differs from
//! what BuildKit's own Go code writes (a oneof comes last there); the crate `buildkit-llb` takes care of it.
//!
//! The client ([`gateway::llb_bridge_client`]) brings no transport: it works over any tower service. The server trait
//! is behind the feature `server`, for tests that play the daemon.

/// The packages, nested as the generated code expects them.
#[allow(missing_docs, unreachable_pub, rust_2018_idioms, clippy::all, clippy::pedantic)]
mod generated {
    pub mod pb {
        include!("generated/pb.rs");
    }
    pub mod fsutil {
        pub mod types {
            include!("generated/fsutil.types.rs");
        }
    }
    pub mod google {
        pub mod rpc {
            include!("generated/google.rpc.rs");
        }
    }
    pub mod moby {
        pub mod buildkit {
            pub mod v1 {
                pub mod apicaps {
                    include!("generated/moby.buildkit.v1.apicaps.rs");
                }
                pub mod frontend {
                    include!("generated/moby.buildkit.v1.frontend.rs");
                }
                pub mod types {
                    include!("generated/moby.buildkit.v1.types.rs");
                }
            }
        }
    }
}

/// A file's metadata (`fsutil.types`).
pub use generated::fsutil::types as fsutil;
/// The error form of gRPC (`google.rpc`).
pub use generated::google::rpc;
/// Capabilities (`moby.buildkit.v1.apicaps`).
pub use generated::moby::buildkit::v1::apicaps;
/// The `LLBBridge` service (`moby.buildkit.v1.frontend`).
pub use generated::moby::buildkit::v1::frontend as gateway;
/// Workers (`moby.buildkit.v1.types`).
pub use generated::moby::buildkit::v1::types;
/// The build graph (`pb`).
pub use generated::pb;
