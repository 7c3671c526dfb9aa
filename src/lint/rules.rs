//! The rules, as data. Each has a page in `docs/checks/`, and a bad and a good project in `tests/gateway/checks.rs`.

use super::Rule;

/// `base` without a version.
pub const LATEST_BASE: Rule = Rule::new("LatestBase", "The base image should be chosen by a version");
/// `base` without a digest.
pub const UNPINNED_BASE: Rule =
    Rule::new("UnpinnedBase", "A base image of your choice should be pinned by its digest").check_only();
/// A base with `ONBUILD`.
pub const IGNORED_ON_BUILD: Rule =
    Rule::new("IgnoredOnBuild", "ONBUILD instructions of the base image are not carried out");
/// A Python that gets no security fixes any more.
pub const END_OF_LIFE_PYTHON: Rule =
    Rule::new("EndOfLifePython", "Python should be a version that gets security fixes");
/// Wheels that the base image's C library cannot load.
pub const LIBC_WITHOUT_WHEELS: Rule =
    Rule::new("LibcWithoutWheels", "Packages should not be compiled only because of the base image's C library");
/// `dev` in an image for production.
pub const DEV_DEPENDENCIES: Rule =
    Rule::new("DevDependenciesInProduction", "Tools for development should not be in the image for production");
/// User id 0.
pub const ROOT_USER: Rule = Rule::new("RootUser", "The container should not run as root");
/// What looks like a password. (The name is that of Dockerfile's rule.)
pub const SECRETS: Rule = Rule::new(
    "SecretsUsedInArgOrEnv",
    "Secrets should not be in environment variables of the image or in build arguments",
);
/// A server without a health check.
pub const MISSING_HEALTHCHECK: Rule =
    Rule::new("MissingHealthcheck", "A container that serves should have a health check").experimental();
/// Requirements that do not say exactly what is installed.
pub const MISSING_LOCK: Rule = Rule::new("MissingLock", "What is installed should be locked");
/// A lock that does not fit the project.
pub const STALE_LOCK: Rule = Rule::new("StaleLock", "The lock should fit the project");
/// Files that are installed without being checked.
pub const UNCHECKED_FILE: Rule = Rule::new("UncheckedFile", "The lock should have a hash of every file");
/// An option in requirements.txt that does nothing.
pub const IGNORED_REQUIREMENT_OPTION: Rule =
    Rule::new("IgnoredRequirementOption", "Options in requirements.txt should have an effect");
/// Nothing to start.
pub const NO_START_COMMAND: Rule = Rule::new("NoStartCommand", "It should be clear what the container runs");
/// `--reload`.
pub const RELOAD: Rule = Rule::new("ReloadInProduction", "A server in production should not reload or debug");
/// `flask run` and the like.
pub const DEVELOPMENT_SERVER: Rule =
    Rule::new("DevelopmentServer", "A server for development should not run in production");
/// `sh -c`.
pub const SHELL_FORM: Rule = Rule::new(
    "ShellFormCommand",
    "The container should run its program itself, not a shell that hides signals from it",
);
/// A readme or licence behind an ignore file.
pub const HIDDEN_BUILD_FILE: Rule =
    Rule::new("HiddenBuildFile", "Files that the project's build needs should not be hidden by the ignore file");
/// A file that hardly belongs into the context.
pub const LARGE_FILE: Rule =
    Rule::new("LargeContextFile", "Large files should be kept out of the build context").check_only();
/// A version from git, without git.
pub const UNKNOWN_VERSION: Rule =
    Rule::new("UnknownVersion", "A project whose version comes from git should be told its version");
/// A build on an emulated CPU.
pub const EMULATED_BUILD: Rule = Rule::new("EmulatedBuild", "Packages should not be compiled on an emulated CPU");
/// What the loader would not find when a package is imported.
pub const MISSING_SYSTEM_LIBRARY: Rule =
    Rule::new("MissingSystemLibrary", "The image should have the system libraries that its packages need").build_only();
/// A build argument that nothing reads.
pub const UNKNOWN_BUILD_ARG: Rule = Rule::new("UnknownBuildArg", "Build arguments should be ones that have an effect");

/// An option of the command line that does nothing.
pub const IGNORED_OPTION: Rule = Rule::new("IgnoredOption", "Options of the command line should have an effect");

/// All rules, as the documentation lists them.
pub const RULES: &[&Rule] = &[
    &DEV_DEPENDENCIES,
    &DEVELOPMENT_SERVER,
    &EMULATED_BUILD,
    &END_OF_LIFE_PYTHON,
    &HIDDEN_BUILD_FILE,
    &IGNORED_ON_BUILD,
    &IGNORED_OPTION,
    &IGNORED_REQUIREMENT_OPTION,
    &LARGE_FILE,
    &LATEST_BASE,
    &LIBC_WITHOUT_WHEELS,
    &MISSING_HEALTHCHECK,
    &MISSING_LOCK,
    &MISSING_SYSTEM_LIBRARY,
    &NO_START_COMMAND,
    &RELOAD,
    &ROOT_USER,
    &SECRETS,
    &SHELL_FORM,
    &STALE_LOCK,
    &UNCHECKED_FILE,
    &UNKNOWN_BUILD_ARG,
    &UNKNOWN_VERSION,
    &UNPINNED_BASE,
];
