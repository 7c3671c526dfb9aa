//! Which caches to use: `--no-cache`, `--no-cache-filter` (`no-cache`) and `--cache-from` (`cache-imports`, and `cache-from`
//! of old clients).

use std::collections::BTreeMap;

use buildkit_proto::gateway::CacheOptionsEntry;
use serde::Deserialize;

use super::OptionError;

/// Which steps have to run even if their results are cached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NoCache {
    /// The cache is used everywhere.
    #[default]
    Never,
    /// No step may use the cache.
    Everything,
    /// The steps of these stages may not use the cache.
    Stages(Vec<String>),
}

impl NoCache {
    pub(super) fn parse(text: Option<&str>) -> Self {
        match text {
            None => Self::Never,
            Some("") => Self::Everything,
            Some(stages) => Self::Stages(stages.split(',').map(str::to_owned).collect()),
        }
    }

    /// Whether the steps of a stage have to ignore the cache. Names are compared without regard to case.
    pub fn applies_to(&self, stage: &str) -> bool {
        match self {
            Self::Never => false,
            Self::Everything => true,
            Self::Stages(stages) => stages.iter().any(|name| name.eq_ignore_ascii_case(stage)),
        }
    }
}

/// A cache to import from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CacheImport {
    /// `registry`, `local`, `gha`, …
    #[serde(alias = "type", rename = "Type", default)]
    pub kind: String,
    /// Where it is, such as `ref` for a registry.
    #[serde(alias = "attrs", rename = "Attrs", default)]
    pub attrs: BTreeMap<String, String>,
}

impl From<&CacheImport> for CacheOptionsEntry {
    fn from(import: &CacheImport) -> Self {
        Self { r#type: import.kind.clone(), attrs: import.attrs.clone() }
    }
}

pub(super) fn parse_imports(new: Option<&str>, old: Option<&str>) -> Result<Vec<CacheImport>, OptionError> {
    let mut imports: Vec<CacheImport> = match new {
        None | Some("") => Vec::new(),
        Some(json) => serde_json::from_str::<Option<Vec<CacheImport>>>(json)
            .map_err(|_| {
                OptionError::new(
                    "cache-imports",
                    json,
                    "a JSON list such as [{\"Type\":\"registry\",\"Attrs\":{\"ref\":\"…\"}}]",
                )
            })?
            .unwrap_or_default(),
    };
    let references = old.into_iter().flat_map(|list| list.split(',')).filter(|reference| !reference.is_empty());
    imports.extend(references.map(|reference| CacheImport {
        kind: "registry".to_owned(),
        attrs: BTreeMap::from([("ref".to_owned(), reference.to_owned())]),
    }));
    Ok(imports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cache() {
        assert!(!NoCache::parse(None).applies_to("x"));
        assert!(NoCache::parse(Some("")).applies_to("x"));
        let some = NoCache::parse(Some("deps,App"));
        assert!(some.applies_to("DEPS") && some.applies_to("app") && !some.applies_to("x"));
    }

    #[test]
    fn imports() {
        let registry = |reference: &str| CacheImport {
            kind: "registry".into(),
            attrs: BTreeMap::from([("ref".into(), reference.into())]),
        };
        let json = r#"[{"Type":"registry","Attrs":{"ref":"a/b:c"}},{"Type":"gha"}]"#;
        let imports = parse_imports(Some(json), Some("x,y")).unwrap();
        let gha = CacheImport { kind: "gha".into(), attrs: BTreeMap::new() };
        assert_eq!(imports, [registry("a/b:c"), gha, registry("x"), registry("y")]);
        assert_eq!(parse_imports(Some("null"), Some("")).unwrap(), []);
        assert_eq!(parse_imports(None, None).unwrap(), []);
        let error = parse_imports(Some("{"), None).unwrap_err();
        assert!(error.to_string().contains("cache-imports"), "{error}");
    }
}
