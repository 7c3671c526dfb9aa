//! The image configuration: the JSON that says how an image runs (OCI image-spec `config.md` plus Docker's extensions).
//!
//! Fields that are not known here are kept and written back, so that a base image's configuration survives a round trip.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// The whole configuration of one image for one platform.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// When the image was made, RFC 3339. Leave it out to let the exporter choose (now, or the source date epoch).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// CPU architecture in Go's naming (`amd64`, `arm64`). BuildKit refuses an image without it.
    #[serde(deserialize_with = "null_as_default")]
    pub architecture: String,
    /// Operating system in Go's naming (`linux`). BuildKit refuses an image without it.
    #[serde(deserialize_with = "null_as_default")]
    pub os: String,
    /// Version of the operating system; only Windows images have one.
    #[serde(rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Required features of the operating system; only Windows images have them.
    #[serde(rename = "os.features", deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
    /// CPU variant, such as `v7` on `arm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// How a container of this image runs.
    #[serde(deserialize_with = "null_as_default")]
    pub config: RuntimeConfig,
    /// The layers' uncompressed digests. The exporter replaces them.
    #[serde(deserialize_with = "null_as_default")]
    pub rootfs: RootFs,
    /// One entry per step that made the image, oldest first. The exporter aligns them with the real layers.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
    /// Everything else that the JSON had.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// How a container of an image runs: the member `config` of [`ImageConfig`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RuntimeConfig {
    /// `user`, `uid`, `user:group` or `uid:gid`; empty means root.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Keys such as `8000/tcp`; the values are empty objects.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, Value>,
    /// `NAME=value`, in order. See [`env`](Self::env) and [`set_env`](Self::set_env).
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// What always runs; `cmd` is appended to it.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// The default command, or the default arguments of the entrypoint.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Keys are mount points; the values are empty objects.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Value>,
    /// Directory in which the command starts.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Labels of the image.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Signal that asks the process to end, `SIGTERM` when empty.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// How to find out that the container is well (Docker's extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Dockerfile instructions for images built on this one (Docker's extension). Only a Dockerfile frontend runs them.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub on_build: Vec<String>,
    /// Shell of Dockerfile instructions in shell form (Docker's extension).
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub shell: Vec<String>,
    /// Everything else that the JSON had.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// How Docker finds out that a container is well. Absent durations and retries mean Docker's defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Healthcheck {
    /// `["CMD", …]` runs a command, `["CMD-SHELL", text]` a shell line, `["NONE"]` switches an inherited check off.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Time between two checks.
    #[serde(with = "nanoseconds", skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// Time after which one check counts as hung.
    #[serde(with = "nanoseconds", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Time after the start in which failures do not count.
    #[serde(with = "nanoseconds", skip_serializing_if = "Option::is_none")]
    pub start_period: Option<Duration>,
    /// Time between two checks during the start period.
    #[serde(with = "nanoseconds", skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<Duration>,
    /// Failures in a row that make the container unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Everything else that the JSON had.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The layers of an image, by the digest of their uncompressed content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One digest per layer, bottom first.
    #[serde(deserialize_with = "null_as_default")]
    pub diff_ids: Vec<String>,
}

/// One line of `docker history`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The command or step, as people read it.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub created_by: String,
    /// Who.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// Free text; frontends put their own name here.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// True when the step changed only the configuration and made no layer.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
    /// Everything else that the JSON had.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl ImageConfig {
    /// Reads a configuration as a registry stores it.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The bytes to hand to BuildKit.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers, and maps with string keys: there is nothing in it that can fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl RuntimeConfig {
    /// The value of an environment variable; the last one wins, as at run time.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.env.iter().rev().find_map(|entry| value_of(entry, name))
    }

    /// Sets an environment variable: where it first stood if it exists, else at the end.
    pub fn set_env(&mut self, name: &str, value: &str) {
        let entry = format!("{name}={value}");
        let place = self.env.iter().position(|old| value_of(old, name).is_some()).unwrap_or(self.env.len());
        self.env.retain(|old| value_of(old, name).is_none());
        self.env.insert(place, entry);
    }

    /// Declares a port such as `8000/tcp`.
    pub fn expose(&mut self, port: impl Into<String>) {
        self.exposed_ports.insert(port.into(), Value::Object(Map::new()));
    }

    /// Declares a volume at a path.
    pub fn add_volume(&mut self, path: impl Into<String>) {
        self.volumes.insert(path.into(), Value::Object(Map::new()));
    }
}

fn value_of<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    entry.strip_prefix(name)?.strip_prefix('=')
}

impl Default for RootFs {
    fn default() -> Self {
        Self { kind: "layers".to_owned(), diff_ids: Vec::new() }
    }
}

/// Go writes `null` for what was never set; it means the same as an absent member.
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Durations as Go's `time.Duration` in JSON: a whole number of nanoseconds, zero meaning “not set”.
mod nanoseconds {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it with a reference")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        let nanos = value.map_or(0, |duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX));
        serializer.serialize_i64(nanos)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let nanos = Option::<i64>::deserialize(deserializer)?.unwrap_or_default();
        Ok(u64::try_from(nanos).ok().filter(|nanos| *nanos != 0).map(Duration::from_nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keeps_what_it_does_not_know() {
        let original = json!({
            "architecture": "arm",
            "os": "linux",
            "variant": "v7",
            "docker_version": "26.1.5",
            "moby.buildkit.cache.v0": "x",
            "config": {
                "Hostname": "abc",
                "Env": ["PATH=/usr/bin", "LANG=C.UTF-8"],
                "Cmd": ["python3"],
                "ExposedPorts": {"80/tcp": {}},
                "Healthcheck": {"Test": ["CMD", "true"], "Interval": 30_000_000_000_i64, "Retries": 3, "New": 1},
                "ArgsEscaped": true,
                "StopSignal": "SIGINT"
            },
            "rootfs": {"type": "layers", "diff_ids": ["sha256:1"]},
            "history": [{"created_by": "a", "empty_layer": true, "x": [1]}, {"comment": "b"}]
        });
        let config = ImageConfig::from_json(original.to_string().as_bytes()).unwrap();
        let health = config.config.healthcheck.as_ref().unwrap();
        assert_eq!(health.interval, Some(Duration::from_secs(30)));
        assert_eq!(health.start_period, None);
        let written: Value = serde_json::from_slice(&config.to_json()).unwrap();
        assert_eq!(written, original);
    }

    #[test]
    fn null_is_nothing() {
        let config = ImageConfig::from_json(
            br#"{"architecture":"amd64","os":"linux","config":{"Entrypoint":null,"Cmd":null,"Env":null,"Labels":null,
                "OnBuild":null,"Volumes":null,"User":null,"Healthcheck":null,"WorkingDir":""},
                "rootfs":{"type":"layers","diff_ids":null},"history":null}"#,
        )
        .unwrap();
        assert_eq!(config.config, RuntimeConfig::default());
        let written: Value = serde_json::from_slice(&config.to_json()).unwrap();
        assert_eq!(
            written,
            json!({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}})
        );
        assert!(ImageConfig::from_json(b"[]").is_err());
        assert_eq!(ImageConfig::from_json(b"{}").unwrap(), ImageConfig::default());
    }

    #[test]
    fn environment() {
        let mut config = RuntimeConfig { env: vec!["A=1".into(), "AB=2".into(), "A=3".into()], ..Default::default() };
        assert_eq!(config.env("A"), Some("3"));
        assert_eq!(config.env("B"), None);
        config.set_env("AB", "x=y");
        config.set_env("C", "");
        config.set_env("A", "4");
        assert_eq!(config.env, ["A=4", "AB=x=y", "C="]);
    }
}
