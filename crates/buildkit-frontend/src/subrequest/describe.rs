//! `--call=subrequests.describe`: which questions the frontend answers.

use serde::Serialize;

use super::{VERSION, answer, lint, outline, table, targets};
use crate::result::BuildResult;

pub(super) const ID: &str = "frontend.subrequests.describe";

/// A question that the frontend answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// Its id, such as `frontend.outline`.
    pub id: String,
    /// One line.
    pub description: String,
}

impl Capability {
    /// A question of the frontend's own.
    pub fn new(id: impl Into<String>, description: impl Into<String>) -> Self {
        Self { id: id.into(), description: description.into() }
    }

    /// `frontend.outline`.
    pub fn outline() -> Self {
        Self::new(outline::ID, "List all parameters current build target supports")
    }

    /// `frontend.targets`.
    pub fn targets() -> Self {
        Self::new(targets::ID, "List all targets current build supports")
    }

    /// `frontend.lint`.
    pub fn lint() -> Self {
        Self::new(lint::ID, "Check the build definition without building")
    }
}

/// The list of questions; `describe` itself is added.
pub fn describe(capabilities: impl IntoIterator<Item = Capability>) -> BuildResult {
    let own = Capability::new(ID, "List available subrequest types");
    let list: Vec<Json> = capabilities.into_iter().chain([own]).map(Json::from).collect();
    let mut rows = vec![vec!["NAME", "VERSION", "DESCRIPTION"]];
    rows.extend(list.iter().map(|request| {
        vec![request.name.strip_prefix("frontend.").unwrap_or(&request.name), request.version, &request.description]
    }));
    answer(&list, table::draw(1, &rows))
}

#[derive(Serialize)]
struct Json {
    name: String,
    version: &'static str,
    r#type: &'static str,
    description: String,
    opts: Vec<NamedJson>,
    inputs: Vec<NamedJson>,
    metadata: Vec<NamedJson>,
    refs: Vec<NamedJson>,
}

#[derive(Serialize)]
struct NamedJson {
    name: &'static str,
    description: &'static str,
}

impl From<Capability> for Json {
    fn from(capability: Capability) -> Self {
        let named = |name| NamedJson { name, description: "" };
        let mut metadata = vec![named("result.json"), named("result.txt")];
        let mut opts = Vec::new();
        match capability.id.as_str() {
            lint::ID => metadata.push(named("result.statuscode")),
            outline::ID => opts.push(NamedJson { name: "target", description: "Target build stage" }),
            _ => {}
        }
        Self {
            name: capability.id,
            version: VERSION,
            r#type: "rpc",
            description: capability.description,
            opts,
            inputs: Vec::new(),
            metadata,
            refs: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::forms;
    use super::*;

    #[test]
    fn lists_itself() {
        let (json, text) = forms(describe([Capability::lint(), Capability::new("x.schema", "The schema")]));
        assert_eq!(
            text,
            "NAME                 VERSION DESCRIPTION\n\
             lint                 1.0.0   Check the build definition without building\n\
             x.schema             1.0.0   The schema\n\
             subrequests.describe 1.0.0   List available subrequest types\n"
        );
        assert_eq!(json[0]["metadata"][2]["name"], "result.statuscode");
        assert_eq!(json[2]["name"], ID);
        assert_eq!(json[2]["type"], "rpc");
    }
}
