//! `compose.yaml`: the image with the services that it talks to, started when those are healthy.

use std::fmt::Write as _;

use super::facts::Facts;

pub(super) fn text(facts: &Facts) -> String {
    let Facts { name, port, services, .. } = facts;
    let mut text = "services:\n".to_owned();
    own(&mut text, facts, name, None, *port, facts.writes_nothing);
    for (target, writes_nothing) in &facts.targets {
        text.push('\n');
        own(&mut text, facts, target, Some(target), None, *writes_nothing);
    }
    for service in services {
        let _ = write!(text, "\n  {}:\n    image: {}\n", service.name, service.image);
        if !service.environment.is_empty() {
            text.push_str("    environment:\n");
            for (variable, value) in service.environment {
                let _ = writeln!(text, "      {variable}: {}", if *value == "yes" { "\"yes\"" } else { value });
            }
        }
        let test = serde_json::to_string(service.healthcheck).unwrap_or_default().replace("\",\"", "\", \"");
        let _ = writeln!(
            text,
            "    healthcheck:\n      test: {test}\n      interval: 5s\n      timeout: 3s\n      retries: 20\n    volumes:\n      \
             - {}:{}\n    restart: unless-stopped",
            service.name, service.data
        );
    }
    if !services.is_empty() {
        text.push_str("\nvolumes:\n");
        for service in services {
            let _ = writeln!(text, "  {}:", service.name);
        }
    }
    text
}

/// A service of the project itself.
fn own(text: &mut String, facts: &Facts, name: &str, target: Option<&str>, port: Option<u16>, writes_nothing: bool) {
    let Facts { file, services, .. } = facts;
    let _ = write!(text, "  {}:\n    build:\n      context: .\n", yaml(name));
    if file != "Dockerfile" {
        let _ = writeln!(text, "      dockerfile: {}", yaml(file));
    }
    if let Some(target) = target {
        let _ = writeln!(text, "      target: {}", yaml(target));
    }
    if let Some(port) = port {
        let _ = writeln!(text, "    ports:\n      - \"{port}:{port}\"");
    }
    if !services.is_empty() {
        text.push_str("    environment:\n");
        for (variable, address) in services.iter().map(|service| service.address) {
            let _ = writeln!(text, "      {variable}: {address}");
        }
        text.push_str("    depends_on:\n");
        for service in services {
            let _ = writeln!(text, "      {}:\n        condition: service_healthy", service.name);
        }
    }
    if writes_nothing {
        text.push_str("    read_only: true\n    tmpfs:\n      - /tmp\n");
    }
    text.push_str(
        "    cap_drop:\n      - ALL\n    security_opt:\n      - \
         no-new-privileges:true\n    restart: unless-stopped\n",
    );
}

/// A text as YAML: plain where that is beyond doubt.
pub(super) fn yaml(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    // Words that mean something else to one version of YAML or another.
    let special = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    let is_name = text.starts_with(|first: char| first.is_ascii_alphabetic() || "./".contains(first));
    if text.chars().all(plain) && is_name && !special.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    serde_json::to_string(text).unwrap_or_default()
}
