//! Which statements about the image the client wants: `attest:sbom` (`--sbom`, `--attest type=sbom`). Provenance is the
//! daemon's own business.

use std::collections::BTreeMap;

use super::{OptionError, csv};

/// A list of the image's parts was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SbomOptions {
    /// The image of a scanner (`generator=`). Without it BuildKit would take one of its own choice.
    pub generator: Option<String>,
    /// What the scanner is told, by name: each becomes `BUILDKIT_SCAN_<name>`.
    pub parameters: BTreeMap<String, String>,
}

pub(super) fn parse_sbom(raw: &BTreeMap<String, String>) -> Result<Option<SbomOptions>, OptionError> {
    const KEY: &str = "attest:sbom";
    const ARG: &str = "build-arg:BUILDKIT_ATTEST_SBOM";
    let Some((key, text)) = [KEY, ARG].iter().find_map(|key| raw.get_key_value(*key)) else { return Ok(None) };
    let mut options = SbomOptions::default();
    let wrong = |_| OptionError::new(key, text, "comma-separated parameters such as generator=IMAGE");
    for field in csv::fields(text).map_err(wrong)?.iter().filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        match name {
            "type" => {}
            "generator" => options.generator = Some(value.to_owned()).filter(|image| !image.is_empty()),
            name => drop(options.parameters.insert(name.to_owned(), value.to_owned())),
        }
    }
    Ok(Some(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Option<SbomOptions>, OptionError> {
        parse_sbom(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn forms() {
        assert_eq!(parse(&[("attest:provenance", "")]), Ok(None));
        assert_eq!(parse(&[("attest:sbom", "")]), Ok(Some(SbomOptions::default())));
        assert_eq!(parse(&[("build-arg:BUILDKIT_ATTEST_SBOM", "generator=")]), Ok(Some(SbomOptions::default())));
        let options = parse(&[("attest:sbom", "type=sbom,generator=a/b:1,\"X=1,2\"")]).unwrap().unwrap();
        assert_eq!(options.generator.as_deref(), Some("a/b:1"));
        assert_eq!(options.parameters, [("X".to_owned(), "1,2".to_owned())].into());
        assert!(parse(&[("attest:sbom", "\"")]).unwrap_err().to_string().contains("(--sbom)"));
    }
}
