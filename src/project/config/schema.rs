//! The JSON Schema of `[tool.pyfront]`, for editors: made of the keys' own documentation. `pyfront schema` prints it.

use serde_json::{Map, Value, json};

use super::Config;
use super::copy::CopyTable;
use super::element::Key;
use super::healthcheck::HealthcheckTable;
use super::layers::Layers;
use super::repositories::RepositoryTable;
use super::run::RunTable;
use super::targets;
use super::user::UserTable;

/// Tables that schemas of keys refer to by name.
const TABLES: [(&str, &[Key]); 6] = [
    ("copy", CopyTable::KEYS),
    ("healthcheck", HealthcheckTable::KEYS),
    ("layers", Layers::KEYS),
    ("repository", RepositoryTable::KEYS),
    ("run", RunTable::KEYS),
    ("user", UserTable::KEYS),
];

/// The schema of the table.
pub fn schema() -> Value {
    let mut definitions: Map<String, Value> =
        TABLES.into_iter().map(|(name, keys)| (name.to_owned(), table(keys.iter()))).collect();
    let own = Config::KEYS.iter().filter(|key| !targets::OF_ALL_TARGETS.contains(&key.name));
    definitions.insert("target".to_owned(), table(own));
    let mut schema = table(Config::KEYS.iter());
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("[tool.pyfront]");
    schema["description"] = json!("How pyfront builds the container image of a Python project.");
    schema["$defs"] = Value::Object(definitions);
    schema
}

/// A strict table.
fn table<'a>(keys: impl Iterator<Item = &'a Key>) -> Value {
    let properties: Map<String, Value> = keys.map(|key| (key.name.to_owned(), property(key))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn property(key: &Key) -> Value {
    let doc = key.doc.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    // Nothing is said of a value whose schema could not be read; a test sees to it that there is none.
    let mut schema: Value = serde_json::from_str(key.schema).unwrap_or_else(|_| json!({}));
    schema["description"] = json!(format!("{doc} Written as: {}.", key.expected));
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::element::ANYTHING;

    #[test]
    fn every_key_has_a_schema() {
        for key in TABLES.iter().flat_map(|(_, keys)| *keys).chain(Config::KEYS) {
            assert_ne!(key.schema, ANYTHING, "add a SCHEMA to the type of the key {}, beside EXPECTED", key.name);
            assert!(serde_json::from_str::<Map<String, Value>>(key.schema).is_ok(), "{}: {}", key.name, key.schema);
        }
    }
}
