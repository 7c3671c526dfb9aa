//! Which uv builds and installs: its version, from `[tool.pyfront] uv`, `[tool.uv] required-version`, or the version that
//! this release was tested with; and the image that it comes from.

use std::str::FromStr;

use uv_pep440::{Operator, Version, VersionSpecifier, VersionSpecifiers};

use crate::diagnostic::{Diagnostic, Location};
use crate::project::pyproject::BuildSystem;

/// The uv release that this release of pyfront was tested with.
pub const DEFAULT_VERSION: &str = "0.13.8";

/// uv's official image, in the short form of Docker Hub; the tag is the version.
const IMAGE: &str = "astral/uv";

/// The image that holds a version of uv.
pub fn image(version: &str) -> String {
    format!("{IMAGE}:{version}")
}

/// Since when uv builds projects of its own backend without it.
const FIRST_DIRECT: [u64; 2] = [0, 8];

/// Whether a version of uv takes the place of the build backend, as it does for its own, `uv_build`, where that is all that the build
/// requires, in a range of versions with an end that this one is in (`check_build_system` of uv's crate `uv-build-backend`).
pub(super) fn builds_itself(system: &BuildSystem, version: &str) -> bool {
    let backend = system.build_backend.as_ref().map(|backend| backend.as_str());
    let (Some("uv_build"), [required], Ok(version)) = (backend, &system.requires[..], Version::from_str(version))
    else {
        return false;
    };
    let text: &str = &required.requirement;
    let range =
        text.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'));
    let Ok(range) = VersionSpecifiers::from_str(range) else { return false };
    let ends = |specifier: &VersionSpecifier| {
        use Operator::{Equal, EqualStar, LessThan, LessThanEqual, TildeEqual};
        matches!(specifier.operator(), Equal | EqualStar | LessThan | LessThanEqual | TildeEqual)
    };
    required.name.as_str() == "uv-build"
        && version >= Version::new(FIRST_DIRECT)
        && range.contains(&version)
        && range.iter().any(ends)
}

/// Chooses the version: `configured` as it is, else the tested version where `required` allows it, else the one that
/// `required` names.
///
/// # Errors
/// A requirement that can't be read, contradicts the configured version, or names no version that could be used.
pub fn choose(configured: Option<(&str, Location)>, required: Option<(&str, Location)>) -> Result<String, Diagnostic> {
    let specifiers = match &required {
        None => None,
        Some((text, location)) => Some(parse_required(text).ok_or_else(|| {
            Diagnostic::new(format!("[tool.uv] required-version: {text:?} is not a version requirement"))
                .at_location(Some(location.clone()))
                .help("write it as uv documents it, for example required-version = \">=0.13\"")
        })?),
    };
    let allowed = |version: &Version| specifiers.as_ref().is_none_or(|specifiers| specifiers.contains(version));

    if let Some((text, location)) = configured {
        let version = Version::from_str(text).map_err(|_| {
            Diagnostic::new(format!("[tool.pyfront] uv: {text:?} is not a version of uv"))
                .at_location(Some(location.clone()))
                .help(format!("write a full version, for example uv = \"{DEFAULT_VERSION}\""))
        })?;
        if !allowed(&version) {
            let required = required.map_or_else(String::new, |(text, _)| text.to_owned());
            return Err(Diagnostic::new(format!(
                "[tool.pyfront] uv is {version}, but [tool.uv] required-version asks for {required}"
            ))
            .at_location(Some(location))
            .help("make the two agree"));
        }
        return Ok(version.to_string());
    }

    let default =
        Version::from_str(DEFAULT_VERSION).map_err(|_| Diagnostic::new("the built-in uv version is broken"))?;
    if allowed(&default) {
        return Ok(default.to_string());
    }
    let named = specifiers.iter().flat_map(|specifiers| specifiers.iter()).map(VersionSpecifier::version);
    named.filter(|version| allowed(version)).max().map(Version::to_string).ok_or_else(|| {
        let (text, location) = required.map_or_else(|| (String::new(), None), |(text, at)| (text.to_owned(), Some(at)));
        Diagnostic::new(format!("[tool.uv] required-version {text:?} leaves no version of uv that can be named"))
            .at_location(location)
            .note(format!("pyfront was tested with uv {DEFAULT_VERSION}, which it does not allow"))
            .help("say which uv to use: uv = \"<version>\" under [tool.pyfront]")
    })
}

/// uv reads a bare version as `==`.
fn parse_required(text: &str) -> Option<VersionSpecifiers> {
    let text = text.trim();
    if Version::from_str(text).is_ok() {
        return VersionSpecifiers::from_str(&format!("=={text}")).ok();
    }
    VersionSpecifiers::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::project::pyproject::Pyproject;

    fn at() -> Location {
        Location::new(&SourceFile::new("pyproject.toml", "required-version = \"x\"\n"), 0..1)
    }

    fn required(text: &str) -> Result<String, Diagnostic> {
        choose(None, Some((text, at())))
    }

    #[test]
    fn projects_of_its_own_backend_are_built_by_uv_itself() {
        let direct = |system: &str, version: &str| {
            let file = SourceFile::new("pyproject.toml", format!("[project]\nname = \"a\"\n[build-system]\n{system}"));
            builds_itself(Pyproject::parse(&file).unwrap().build_system.as_ref().unwrap(), version)
        };
        let own = |requires: &str| format!("requires = [{requires}]\nbuild-backend = \"uv_build\"\n");
        assert!(direct(&own("\"uv_build>=0.13,<0.14\""), "0.13.8"));
        assert!(direct(&own("'uv-build ~= 0.13.0'"), "0.13.8"));
        for (requires, version) in [
            ("\"uv_build>=0.13,<0.14\"", "0.14.0"),
            ("\"uv_build>=0.13\"", "0.13.8"),
            ("\"uv_build\"", "0.13.8"),
            ("\"uv_build>=0.7,<0.8\"", "0.7.22"),
            ("\"uv_build>=0.13,<0.14\", \"cython\"", "0.13.8"),
            ("\"uv_build>=0.13,<0.14; sys_platform == 'linux'\"", "0.13.8"),
            ("\"uv_build @ https://example.com/uv_build.whl\"", "0.13.8"),
        ] {
            assert!(!direct(&own(requires), version), "{requires} {version}");
        }
        assert!(!direct("requires = [\"uv_build>=0.13,<0.14\"]\nbuild-backend = \"backend\"\n", "0.13.8"));
    }

    #[test]
    fn the_tested_version_is_used_where_it_is_allowed() {
        assert_eq!(choose(None, None).unwrap(), DEFAULT_VERSION);
        assert_eq!(required(">=0.5").unwrap(), DEFAULT_VERSION);
    }

    #[test]
    fn a_requirement_chooses_the_version_that_it_names() {
        assert_eq!(required("==0.9.2").unwrap(), "0.9.2");
        assert_eq!(required("0.9.2").unwrap(), "0.9.2");
        assert_eq!(required(">=0.8.1,<0.10").unwrap(), "0.8.1");
    }

    #[test]
    fn contradictions_are_errors_that_name_both() {
        let error = choose(Some(("0.13.8", at())), Some(("<0.12", at()))).unwrap_err().to_string();
        assert!(error.contains("0.13.8") && error.contains("<0.12"), "{error}");
        assert!(required("<0.12").unwrap_err().to_string().contains("uv = \"<version>\""));
        assert!(required("newest").unwrap_err().to_string().contains("not a version requirement"));
    }
}
