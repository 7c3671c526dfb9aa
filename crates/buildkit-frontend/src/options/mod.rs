//! The options of a build, from the text that clients send to values with a meaning. One small file per family of options;
//! each parser is a pure function `text → value or error`. Options that are not known here are ignored, as every BuildKit
//! frontend does.

mod attest;
mod boolean;
mod cache;
mod check;
mod contexts;
mod csv;
mod epoch;
mod inputs;
mod network;
mod platform;
mod resources;

use std::collections::BTreeMap;

use buildkit_llb::{ExtraHost, NetworkMode, Platform, ProxyEnv, ResolveMode, Ulimit};
use buildkit_proto::pb::LinuxResources;

pub use attest::SbomOptions;
pub use cache::{CacheImport, NoCache};
pub use check::{CheckOptions, RuleSet};
pub(crate) use contexts::normalized_name;
pub use contexts::{DEFAULT_CONTEXT_LOCAL, DEFAULT_ENTRY_LOCAL, MainContextOptions, NamedContexts, NamedSource};
pub use epoch::SourceDateEpoch;

use crate::error::FrontendError;

const BUILD_ARG: &str = "build-arg:";
const DEFAULT_FILENAME: &str = "Dockerfile";

/// All options of one build.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The entry file, relative to the local source that holds it (`filename`, `-f`). `Dockerfile` when nothing was said.
    pub filename: String,
    /// Where the main context and the entry file come from.
    pub context: MainContextOptions,
    /// What to build (`target`).
    pub target: Option<String>,
    /// What to build for, normalised. Empty when nothing was said; see
    /// [`Gateway::target_platforms`](crate::Gateway::target_platforms).
    pub platforms: Vec<Platform>,
    /// True if the answer has to be a list of platforms, even of one.
    pub multi_platform: bool,
    /// All build args, those with a meaning of their own included; see [`user_build_args`](Self::user_build_args).
    pub build_args: BTreeMap<String, String>,
    /// The proxies among the build args, for steps with network.
    pub proxy: ProxyEnv,
    /// Labels for the image (`--label`). They win over all others.
    pub labels: BTreeMap<String, String>,
    /// Which steps may not use the cache.
    pub no_cache: NoCache,
    /// How image references are resolved (`--pull`).
    pub resolve_mode: ResolveMode,
    /// Caches to use; sent with every solve.
    pub cache_imports: Vec<CacheImport>,
    /// The network that steps get unless they ask for less.
    pub network: NetworkMode,
    /// Additional lines for `/etc/hosts`.
    pub extra_hosts: Vec<ExtraHost>,
    /// Host name of build containers.
    pub hostname: Option<String>,
    /// Bytes of `/dev/shm`.
    pub shm_size: Option<u64>,
    /// Limits for the processes of steps.
    pub ulimits: Vec<Ulimit>,
    /// Cgroup below which steps run.
    pub cgroup_parent: Option<String>,
    /// Limits on memory and CPU of steps.
    pub linux_resources: Option<LinuxResources>,
    /// Prefix of the ids of cache mounts (`BUILDKIT_CACHE_MOUNT_NS`).
    pub cache_mount_namespace: Option<String>,
    /// How lint rules are treated (`BUILDKIT_DOCKERFILE_CHECK`).
    pub check: CheckOptions,
    /// `--build-context`.
    pub named_contexts: NamedContexts,
    /// What is known about inputs, by input name (or `name::platform`) and key.
    pub input_metadata: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// Sessions other than the usual one, by local source.
    pub local_session_ids: BTreeMap<String, String>,
    /// Hints for reusing earlier transfers, by named context.
    pub shared_keys: BTreeMap<String, String>,
    /// What buildx knows about the git checkout that the build is called from.
    pub vcs: Vcs,
    /// The time that a reproducible image carries.
    pub source_date_epoch: Option<SourceDateEpoch>,
    /// Whether a list of the image's parts is wanted (`--sbom`).
    pub sbom: Option<SbomOptions>,
    /// Set when the client asks a question instead of building (`--call`).
    pub request_id: Option<String>,
    /// The image reference that this frontend was started from (`source`).
    pub source: Option<String>,
    /// The whole value of the `# syntax=` line, arguments behind the reference included.
    pub cmdline: Option<String>,
}

/// What buildx knows about the git checkout that the build is called from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vcs {
    /// URL of the remote.
    pub source: Option<String>,
    /// The commit, with `-dirty` behind it if the client was told to say so.
    pub revision: Option<String>,
    /// Where local sources stand below the root of the checkout, by local source.
    pub local_dirs: BTreeMap<String, String>,
}

/// An option whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    option: String,
    value: String,
    expected: String,
}

impl OptionError {
    fn new(option: &str, value: &str, expected: impl Into<String>) -> Self {
        Self { option: option.to_owned(), value: value.to_owned(), expected: expected.into() }
    }

    /// The flag of `docker build` that people set the option with.
    fn flag(&self) -> Option<String> {
        let flag = match self.option.as_str() {
            "add-hosts" => "add-host",
            "attest:sbom" => "sbom",
            "cache-imports" | "cache-from" => "cache-from",
            "cgroup-parent" => "cgroup-parent",
            "force-network-mode" => "network",
            "image-resolve-mode" => "pull",
            "platform" => "platform",
            "shm-size" => "shm-size",
            "ulimit" => "ulimit",
            option => {
                return if let Some(name) = option.strip_prefix(BUILD_ARG) {
                    Some(format!("--build-arg {name}"))
                } else {
                    option.strip_prefix("context:").map(|name| format!("--build-context {name}"))
                };
            }
        };
        Some(format!("--{flag}"))
    }
}

impl std::fmt::Display for OptionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { option, value, expected } = self;
        write!(f, "invalid value {value:?} for option {option}")?;
        if let Some(flag) = self.flag() {
            write!(f, " ({flag})")?;
        }
        write!(f, ": expected {expected}")
    }
}

impl std::error::Error for OptionError {}

impl From<OptionError> for FrontendError {
    fn from(error: OptionError) -> Self {
        Self::new(error.to_string())
    }
}

impl Options {
    /// Gives every option its meaning. `raw` is what BuildKit passed, by key.
    pub fn parse(raw: &BTreeMap<String, String>) -> Result<Self, OptionError> {
        let get = |key: &str| raw.get(key).map(String::as_str);
        let text = |key: &str| get(key).unwrap_or_default();
        let filled = |key: &str| get(key).filter(|value| !value.is_empty()).map(str::to_owned);
        let build_args = with_prefix(raw, BUILD_ARG);
        let arg = |name: &str| build_args.get(name).map(String::as_str);
        let platforms = platform::parse_list(text("platform"))?;
        Ok(Self {
            filename: filled("filename").unwrap_or_else(|| DEFAULT_FILENAME.to_owned()),
            context: MainContextOptions {
                url: filled(get("contextkey").unwrap_or(DEFAULT_CONTEXT_LOCAL)),
                subdir: filled("contextsubdir"),
                entry_local: filled("dockerfilekey").unwrap_or_else(|| DEFAULT_ENTRY_LOCAL.to_owned()),
                force_entry_local: get("dockerfilekey").is_some(),
                // Like BuildKit, anything that is no truth value is no.
                keep_git_dir: boolean::parse("", arg("BUILDKIT_CONTEXT_KEEP_GIT_DIR").unwrap_or_default())
                    .unwrap_or(false),
            },
            target: filled("target"),
            multi_platform: platform::parse_multi(
                get("multi-platform"),
                arg("BUILDKIT_MULTI_PLATFORM"),
                platforms.len(),
            )?,
            platforms,
            proxy: network::proxies(&build_args),
            labels: with_prefix(raw, "label:"),
            no_cache: NoCache::parse(get("no-cache")),
            resolve_mode: parse_resolve_mode(text("image-resolve-mode"))?,
            cache_imports: cache::parse_imports(get("cache-imports"), get("cache-from"))?,
            network: network::parse_mode(text("force-network-mode"))?,
            extra_hosts: network::parse_hosts(text("add-hosts"))?,
            hostname: arg("BUILDKIT_SANDBOX_HOSTNAME")
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .or_else(|| filled("hostname")),
            shm_size: resources::parse_shm_size(text("shm-size"))?,
            ulimits: resources::parse_ulimits(text("ulimit"))?,
            cgroup_parent: filled("cgroup-parent"),
            linux_resources: resources::parse_linux(get)?,
            cache_mount_namespace: arg("BUILDKIT_CACHE_MOUNT_NS").filter(|ns| !ns.is_empty()).map(str::to_owned),
            check: CheckOptions::parse(arg("BUILDKIT_DOCKERFILE_CHECK").unwrap_or_default())?,
            named_contexts: NamedContexts::parse(
                raw.iter().filter_map(|(key, value)| Some((key.strip_prefix("context:")?, value.as_str()))),
            )?,
            input_metadata: raw
                .iter()
                .filter_map(|(key, value)| Some((key, key.strip_prefix("input-metadata:")?, value)))
                .map(|(key, name, value)| Ok((name.to_owned(), inputs::parse_metadata(key, value)?)))
                .collect::<Result<_, OptionError>>()?,
            local_session_ids: with_prefix(raw, "local-sessionid:"),
            shared_keys: with_prefix(raw, "sharedkey:localdir:"),
            vcs: Vcs {
                source: filled("vcs:source"),
                revision: filled("vcs:revision"),
                local_dirs: with_prefix(raw, "vcs:localdir:"),
            },
            source_date_epoch: epoch::parse(arg("SOURCE_DATE_EPOCH").unwrap_or_default())?,
            sbom: attest::parse_sbom(raw)?,
            request_id: filled("requestid"),
            source: filled("source"),
            cmdline: filled("cmdline"),
            build_args,
        })
    }

    /// A build arg that is a truth value, as Go reads it; `None` without one.
    pub fn switch(&self, name: &str) -> Result<Option<bool>, OptionError> {
        let text = self.build_args.get(name).filter(|text| !text.is_empty());
        text.map(|text| boolean::parse(&format!("{BUILD_ARG}{name}"), text)).transpose()
    }

    /// The build args that have no meaning to BuildKit, so that the frontend has to know them: a typo among them deserves a
    /// warning.
    pub fn user_build_args(&self) -> impl Iterator<Item = (&str, &str)> {
        self.build_args
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !is_buildkits(name) && *name != "SOURCE_DATE_EPOCH" && !network::is_proxy(name))
    }

    /// The session through which a local source is read, if it is not the usual one.
    pub fn local_session_id(&self, local: &str) -> Option<&str> {
        self.local_session_ids.get(local).map(String::as_str)
    }
}

impl Default for Options {
    /// A build for which nothing was said.
    fn default() -> Self {
        Self::parse(&BTreeMap::new()).unwrap_or_else(|error| unreachable!("no options are valid options: {error}"))
    }
}

fn parse_resolve_mode(text: &str) -> Result<ResolveMode, OptionError> {
    match text {
        "" | "default" => Ok(ResolveMode::Default),
        "pull" => Ok(ResolveMode::Pull),
        "local" => Ok(ResolveMode::Local),
        _ => Err(OptionError::new("image-resolve-mode", text, "default, pull or local")),
    }
}

/// Whether BuildKit, its client or this crate reads a build arg.
fn is_buildkits(name: &str) -> bool {
    const KNOWN: [&str; 8] = [
        "BUILD_NAME",
        "CACHE_MOUNT_NS",
        "CONTEXT_KEEP_GIT_DIR",
        "DOCKERFILE_CHECK",
        "INLINE_CACHE",
        "MULTI_PLATFORM",
        "SANDBOX_HOSTNAME",
        "SYNTAX",
    ];
    let rest = name.strip_prefix("BUILDKIT_");
    rest.is_some_and(|rest| KNOWN.contains(&rest) || rest.starts_with("ATTEST_"))
}

fn with_prefix(raw: &BTreeMap<String, String>, prefix: &str) -> BTreeMap<String, String> {
    raw.iter().filter_map(|(key, value)| Some((key.strip_prefix(prefix)?.to_owned(), value.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Result<Options, OptionError> {
        Options::parse(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn nothing_said() {
        let options = options(&[("unknown", "x"), ("target", "")]).unwrap();
        assert_eq!(options, Options::default());
        assert_eq!(options.filename, "Dockerfile");
        assert_eq!(options.context.entry_local, "dockerfile");
        assert_eq!(options.no_cache, NoCache::Never);
        assert_eq!(options.target, None);
        assert!(!options.multi_platform && options.platforms.is_empty());
    }

    #[test]
    fn everything_said() {
        let options = options(&[
            ("filename", "pyproject.toml"),
            ("contextkey", "ctx"),
            ("ctx", "https://example.com/a.git#main"),
            ("contextsubdir", "sub"),
            ("dockerfilekey", "entry"),
            ("target", "dev"),
            ("platform", "linux/arm64/v8"),
            ("build-arg:BUILDKIT_MULTI_PLATFORM", "true"),
            ("build-arg:HTTPS_PROXY", "http://proxy"),
            ("build-arg:PYTHON", "3.13"),
            ("build-arg:BUILDKIT_CACHE_MOUNT", "typing error"),
            ("build-arg:BUILDKIT_ATTEST_PROVENANCE", "mode=min"),
            ("build-arg:BUILDKIT_SANDBOX_HOSTNAME", "box"),
            ("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR", "1"),
            ("build-arg:BUILDKIT_CACHE_MOUNT_NS", "ns"),
            ("build-arg:SOURCE_DATE_EPOCH", "1700000000"),
            ("label:a", "b"),
            ("no-cache", ""),
            ("image-resolve-mode", "pull"),
            ("cache-from", "a/b"),
            ("force-network-mode", "none"),
            ("hostname", "other"),
            ("shm-size", "64"),
            ("cgroup-parent", "cg"),
            ("context:python", "docker-image://python:3"),
            ("input-metadata:x", "{}"),
            ("local-sessionid:context", "s2"),
            ("sharedkey:localdir:python", "k"),
            ("vcs:source", "https://example.com/a.git"),
            ("vcs:revision", "abc"),
            ("vcs:localdir:context", "services"),
            ("requestid", "frontend.outline"),
            ("source", "org/x"),
            ("cmdline", "org/x --flag"),
        ])
        .unwrap();
        assert_eq!(options.filename, "pyproject.toml");
        assert_eq!(
            options.context,
            MainContextOptions {
                url: Some("https://example.com/a.git#main".into()),
                subdir: Some("sub".into()),
                entry_local: "entry".into(),
                force_entry_local: true,
                keep_git_dir: true,
            }
        );
        assert_eq!(options.platforms, [Platform::new("linux", "arm64")]);
        assert!(options.multi_platform);
        assert_eq!(options.proxy.https, "http://proxy");
        assert_eq!(
            options.user_build_args().collect::<Vec<_>>(),
            [("BUILDKIT_CACHE_MOUNT", "typing error"), ("PYTHON", "3.13")]
        );
        assert_eq!(options.hostname.as_deref(), Some("box"));
        assert_eq!(options.no_cache, NoCache::Everything);
        assert_eq!(options.resolve_mode, ResolveMode::Pull);
        assert_eq!(options.cache_imports[0].attrs["ref"], "a/b");
        assert_eq!(options.network, NetworkMode::None);
        assert_eq!(options.source_date_epoch, Some(SourceDateEpoch::Seconds(1_700_000_000)));
        assert!(options.named_contexts.get("python", None).is_some());
        assert_eq!(options.local_session_id("context"), Some("s2"));
        assert_eq!(options.vcs.local_dirs["context"], "services");
        assert_eq!(options.cmdline.as_deref(), Some("org/x --flag"));
    }

    proptest::proptest! {
        #[test]
        fn any_value_is_taken_or_refused(
            key in "(platform|add-hosts|ulimit|shm-size|cache-imports|context:x|memory|cpusetcpus|build-arg:SOURCE_DATE_EPOCH)",
            value in "[ -~]{0,30}",
        ) {
            if let Err(error) = options(&[(key.as_str(), value.as_str())]) {
                assert!(error.to_string().contains(&key));
            }
        }
    }

    #[test]
    fn errors_name_the_option_the_flag_and_what_is_expected() {
        let message = |key, value| options(&[(key, value)]).unwrap_err().to_string();
        assert_eq!(
            message("platform", "linux/"),
            "invalid value \"linux/\" for option platform (--platform): expected a comma-separated list of \
             os/architecture[/variant], such as linux/amd64,linux/arm64"
        );
        assert_eq!(
            message("build-arg:SOURCE_DATE_EPOCH", "today"),
            "invalid value \"today\" for option build-arg:SOURCE_DATE_EPOCH (--build-arg SOURCE_DATE_EPOCH): expected whole \
             seconds since 1970, or `context`"
        );
        assert_eq!(
            message("context:base", "ftp:x"),
            "invalid value \"ftp:x\" for option context:base (--build-context base): expected docker-image://, oci-layout://, \
             local:, input:, or a git or http URL"
        );
        assert_eq!(message("memory", "x"), "invalid value \"x\" for option memory: expected a number above zero");
        assert!(options(&[("image-resolve-mode", "always")]).is_err());
    }
}
