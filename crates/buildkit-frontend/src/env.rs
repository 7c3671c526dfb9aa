//! What BuildKit tells a frontend through its environment: the options, the client's session, the workers.
//!
//! Reading is a pure function of the variables; nothing here is judged yet (see [`crate::options`] for that).

use std::collections::BTreeMap;

use buildkit_llb::Platform;
use serde_json::{Map, Value};

const OPT_PREFIX: &str = "BUILDKIT_FRONTEND_OPT_";
const SESSION_ID: &str = "BUILDKIT_SESSION_ID";
const WORKERS: &str = "BUILDKIT_WORKERS";
const EXPORTED_PRODUCT: &str = "BUILDKIT_EXPORTEDPRODUCT";

/// The environment of a frontend process, as far as it is BuildKit's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The options as they were sent, by key.
    pub options: BTreeMap<String, String>,
    /// The session of the client; local sources are read through it.
    pub session_id: String,
    /// The workers of the daemon; the first one is the default.
    pub workers: Vec<Worker>,
    /// `docker`, `buildkit` or empty: how the product calls itself.
    pub exported_product: String,
}

/// A worker of the daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worker {
    /// Its id.
    pub id: String,
    /// Its labels, such as `org.mobyproject.buildkit.worker.snapshotter`.
    pub labels: BTreeMap<String, String>,
    /// What it can run: its own platform first, then variants and emulated ones.
    pub platforms: Vec<Platform>,
    /// Version of BuildKit, such as `v0.25.2`; empty before 0.11.
    pub buildkit_version: String,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn from_process() -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        Self::from_variables(std::env::vars_os().map(|(key, value)| (text(key), text(value))))
    }

    /// Whether BuildKit has started this process as a frontend. It always says so with a variable of its own; a person's
    /// environment may have others of BuildKit (`BUILDKIT_HOST`, `BUILDKIT_PROGRESS`).
    pub fn is_there() -> bool {
        let is_own = |name: &str| name == SESSION_ID || name == WORKERS || name.starts_with(OPT_PREFIX);
        std::env::vars_os().any(|(name, _)| name.to_str().is_some_and(is_own))
    }

    /// Reads an environment given as pairs.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            match name.as_str() {
                SESSION_ID => environment.session_id = value,
                WORKERS => environment.workers = parse_workers(&value),
                EXPORTED_PRODUCT => environment.exported_product = value,
                _ if name.starts_with(OPT_PREFIX) => {
                    let (key, value) = value.split_once('=').unwrap_or((&value, ""));
                    environment.options.insert(key.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        environment
    }
}

/// Reads the workers' JSON. Go matches member names without regard to case, and their case did change between releases.
/// What cannot be understood is left out: BuildKit sends an empty text when it failed itself.
fn parse_workers(text: &str) -> Vec<Worker> {
    let Ok(Value::Array(workers)) = serde_json::from_str(text) else { return Vec::new() };
    workers.iter().filter_map(Value::as_object).map(parse_worker).collect()
}

fn parse_worker(worker: &Map<String, Value>) -> Worker {
    let labels = member(worker, "labels").and_then(Value::as_object);
    let platforms = member(worker, "platforms").and_then(Value::as_array);
    let version = member(worker, "buildkitVersion").and_then(Value::as_object);
    Worker {
        id: string(worker, "id"),
        labels: labels
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
        platforms: platforms.into_iter().flatten().filter_map(Value::as_object).map(parse_platform).collect(),
        buildkit_version: version.map(|version| string(version, "version")).unwrap_or_default(),
    }
}

fn parse_platform(platform: &Map<String, Value>) -> Platform {
    let features = member(platform, "os.features").or_else(|| member(platform, "OSFeatures")).and_then(Value::as_array);
    let version = string(platform, "os.version");
    Platform {
        os: string(platform, "os"),
        architecture: string(platform, "architecture"),
        variant: string(platform, "variant"),
        os_version: if version.is_empty() { string(platform, "OSVersion") } else { version },
        os_features: features.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.iter().find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value)))
}

fn string(object: &Map<String, Value>, name: &str) -> String {
    member(object, name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_variables(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn options_are_split_once() {
        let environment = variables(&[
            ("BUILDKIT_FRONTEND_OPT_0", "filename=a=b"),
            ("BUILDKIT_FRONTEND_OPT_17", "build-arg:X=line 1\nline 2="),
            ("BUILDKIT_FRONTEND_OPT_2", "no-cache="),
            ("BUILDKIT_FRONTEND_OPT_3", "flag"),
            ("BUILDKIT_SESSION_ID", "s1"),
            ("BUILDKIT_EXPORTEDPRODUCT", "docker"),
            ("PATH", "/bin"),
        ]);
        let options: Vec<_> = environment.options.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(options, [("build-arg:X", "line 1\nline 2="), ("filename", "a=b"), ("flag", ""), ("no-cache", "")]);
        assert_eq!(environment.session_id, "s1");
        assert_eq!(environment.exported_product, "docker");
    }

    #[test]
    fn workers_in_any_case() {
        let new = r#"[{"id":"w","labels":{"Key":"v"},"platforms":[{"architecture":"arm","os":"linux","variant":"v7"},
            {"architecture":"amd64","os":"windows","os.version":"10.0"}],
            "buildkitVersion":{"package":"p","version":"v0.13.1"},"gcPolicy":null}]"#;
        let old = r#"[{"ID":"w","Labels":{"Key":"v"},"Platforms":[{"Architecture":"arm","OS":"linux","Variant":"v7"},
            {"Architecture":"amd64","OS":"windows","OSVersion":"10.0"}],"BuildkitVersion":{"Version":"v0.13.1"}}]"#;
        let new = variables(&[("BUILDKIT_WORKERS", new)]).workers;
        let old = variables(&[("BUILDKIT_WORKERS", old)]).workers;
        assert_eq!(new, old);
        assert_eq!(new[0].id, "w");
        assert_eq!(new[0].labels["Key"], "v");
        assert_eq!(new[0].buildkit_version, "v0.13.1");
        assert_eq!((new[0].platforms[0].architecture.as_str(), new[0].platforms[0].variant.as_str()), ("arm", "v7"));
        assert_eq!(new[0].platforms[1].os_version, "10.0");
    }

    #[test]
    fn nonsense_means_no_workers() {
        for text in ["", "null", "{}", "[", "[1]"] {
            assert_eq!(variables(&[("BUILDKIT_WORKERS", text)]).workers, [], "{text}");
        }
    }
}
