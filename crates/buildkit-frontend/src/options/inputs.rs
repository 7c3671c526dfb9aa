//! `input-metadata:<name>`: what the client knows about a graph that it passes as an input, such as the image config of
//! another build's result.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::OptionError;

/// Reads a JSON object whose values are base64.
pub(super) fn parse_metadata(option: &str, json: &str) -> Result<BTreeMap<String, Vec<u8>>, OptionError> {
    let wrong = || OptionError::new(option, json, "a JSON object whose values are base64");
    let members: BTreeMap<String, String> = serde_json::from_str(json).map_err(|_| wrong())?;
    members.into_iter().map(|(key, value)| Ok((key, BASE64.decode(value).map_err(|_| wrong())?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        let metadata = parse_metadata("input-metadata:x", r#"{"containerimage.config":"e30="}"#).unwrap();
        assert_eq!(metadata["containerimage.config"], b"{}");
        for bad in ["", "[]", r#"{"a":1}"#, r#"{"a":"%"}"#] {
            assert!(parse_metadata("x", bad).is_err(), "{bad}");
        }
    }
}
