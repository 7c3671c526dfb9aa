//! What looks like a secret and would be read by everyone who has the image, or its provenance. No value is ever shown.

use super::rules::SECRETS;
use super::{Finding, Subject};
use crate::diagnostic::Diagnostic;
use crate::project::document::quoted;

/// Words of names that stand for secrets (those of Dockerfile's rule of the same name).
const SECRET_WORDS: &[&str] =
    &["apikey", "auth", "credential", "credentials", "key", "passwd", "password", "pword", "secret", "token"];
/// Words that make something else of such a name: what may be known, where a secret lies, or what kind it is.
const OTHER_WORDS: &[&str] = &[
    "algorithm",
    "backend",
    "dir",
    "enabled",
    "expire",
    "expires",
    "file",
    "header",
    "id",
    "length",
    "lifetime",
    "name",
    "path",
    "prefix",
    "public",
    "timeout",
    "ttl",
    "type",
    "url",
];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, value) in subject.config.env.iter().flat_map(|env| &env.0) {
        let what = if looks_secret(name, value) {
            "looks like a secret"
        } else if has_password(value) {
            "has a password in its URL"
        } else {
            continue;
        };
        let shown = quoted(name);
        findings.push(
            SECRETS.finding(
                Diagnostic::new(format!("{shown} in env {what}: everyone who can pull the image can read it"))
                    .at_location(Some(value.location.clone()))
                    .help(format!("give it when the container starts, for example docker run --env {name}")),
            ),
        );
    }
    for (name, value) in subject.arguments {
        if looks_secret(name, value) || has_password(value) {
            findings.push(
                SECRETS.finding(
                    Diagnostic::new(format!(
                        "the build argument {} looks like a secret, and the image's provenance keeps build arguments",
                        quoted(name)
                    ))
                    .help(format!("pass it as a secret: --secret id={name},env={name}")),
                ),
            );
        }
    }
    findings
}

/// Whether a name stands for a secret, and the value can be one.
fn looks_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> = name.split(['_', '-', '.']).collect();
    let is_setting = value.is_empty() || value.parse::<f64>().is_ok() || value.parse::<bool>().is_ok();
    !is_setting
        && words.iter().any(|word| SECRET_WORDS.contains(word))
        && !words.iter().any(|word| OTHER_WORDS.contains(word))
        // Where Docker and Kubernetes put secrets.
        && !value.starts_with("/run/secrets/")
}

/// Whether a URL has a password.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let password = user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
    // A variable that something else fills in is none.
    password.is_some_and(|password| !password.is_empty() && !password.starts_with(['$', '{', '%', '<']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for (name, value) in
            [("API_KEY", "abc"), ("db_password", "x"), ("DJANGO_SECRET_KEY", "x1"), ("GITHUB_TOKEN", "g")]
        {
            assert!(looks_secret(name, value), "{name}");
        }
        for (name, value) in [
            ("API_KEY", ""),
            ("TOKEN_TTL", "3600"),
            ("AUTH", "true"),
            ("PASSWORD_FILE", "/x"),
            ("SECRET_KEY", "/run/secrets/key"),
            ("PUBLIC_KEY", "abc"),
            ("KEYBOARD", "us"),
            ("AUTH_BACKEND", "ldap"),
        ] {
            assert!(!looks_secret(name, value), "{name}");
        }
    }

    #[test]
    fn passwords_in_urls() {
        assert!(has_password("postgres://app:hunter2@db/app"));
        for fine in ["postgres://db/app", "postgres://app@db/app", "https://x/a:b@c", "postgres://app:$PW@db", "a:b@c"]
        {
            assert!(!has_password(fine), "{fine}");
        }
    }
}
