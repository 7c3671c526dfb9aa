//! Which uv builds and installs: its version, from `[tool.pyfront] uv`, `[tool.uv] required-version`, or the version that
//! this release was tested with; and the image that it comes from.

use std::str::FromStr;

use uv_pep440::{Version, VersionSpecifiers};

use crate::diagnostic::{Diagnostic, Location};

/// The uv release that this release of pyfront was tested with.
pub const DEFAULT_VERSION: &str = "0.13.8";

/// uv's official image, in the short form of Docker Hub; the tag is the version.
const IMAGE: &str = "astral/uv";

/// The image that holds a version of uv.
pub fn image(version: &str) -> String {
    format!("{IMAGE}:{version}")
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
    let named = specifiers.iter().flat_map(|specifiers| specifiers.iter()).map(uv_pep440::VersionSpecifier::version);
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

    fn at() -> Location {
        Location::new(&SourceFile::new("pyproject.toml", "required-version = \"x\"\n"), 0..1)
    }

    fn required(text: &str) -> Result<String, Diagnostic> {
        choose(None, Some((text, at())))
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
