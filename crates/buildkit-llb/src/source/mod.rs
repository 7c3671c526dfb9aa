//! Ops that bring something into the build: one file for each kind of source. All of them are an identifier and a map
//! of attributes; the types here make sure that no key or value is empty (see `encode`).

mod git;
mod http;
mod image;
mod local;
mod oci;

use std::collections::BTreeMap;

use buildkit_proto::pb;

pub use git::Git;
pub use http::Http;
pub use image::{Image, RecordType, ResolveMode};
pub use local::{Differ, Local};
pub use oci::OciLayout;

use crate::caps::Cap;
use crate::encode::encode_op_by_number;
use crate::error::OpError;
use crate::graph::{Draft, Output};
use crate::notes::Notes;
use crate::platform::Platform;

/// The attributes of a source and the capabilities that they need.
#[derive(Default)]
struct Attrs {
    map: BTreeMap<String, String>,
    needs: Vec<Cap>,
    uses: Vec<Cap>,
    /// Encoded as before BuildKit 0.17.
    by_number: bool,
}

impl Attrs {
    fn set(&mut self, key: &'static str, value: impl Into<String>) -> Result<(), OpError> {
        let value = value.into();
        if value.is_empty() {
            return Err(OpError::Empty(key));
        }
        self.map.insert(key.to_owned(), value);
        Ok(())
    }

    fn set_some(&mut self, key: &'static str, value: Option<impl Into<String>>, needs: &[Cap]) -> Result<(), OpError> {
        if let Some(value) = value {
            self.set(key, value)?;
            self.needs.extend(needs);
        }
        Ok(())
    }

    fn set_if_true(&mut self, yes: bool, key: &'static str, needs: Cap) -> Result<(), OpError> {
        self.set_some(key, yes.then_some("true"), &[needs])
    }

    fn source(self, identifier: String, platform: Option<Platform>, notes: Notes) -> Output {
        let op = pb::op::Op::Source(pb::SourceOp { identifier, attrs: self.map });
        let draft =
            Draft { inputs: Vec::new(), op, platform: platform.clone(), needs: self.needs, uses: self.uses, notes };
        let vertex = if self.by_number { draft.encode_by(encode_op_by_number) } else { draft.encode() };
        Output { vertex, index: 0, platform }
    }
}

/// Gives a builder its notes.
macro_rules! annotate {
    ($($builder:ty),*) => {
        $(impl crate::notes::Annotate for $builder {
            fn notes_mut(&mut self) -> &mut crate::notes::Notes {
                &mut self.notes
            }
        })*
    };
}
pub(crate) use annotate;
