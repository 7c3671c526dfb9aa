//! The start command of an image for production.

use super::rules::{DEVELOPMENT_SERVER, RELOAD, SHELL_FORM};
use super::{Finding, Subject};
use crate::diagnostic::Diagnostic;
use crate::plan::start::reloading_option;

/// Programs that run their argument behind `-c` as shell commands.
const SHELLS: &[&str] = &["ash", "bash", "dash", "sh", "zsh"];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let config = &subject.plan.config;
    let argv: Vec<&str> = config.entrypoint.iter().chain(&config.command).map(String::as_str).collect();
    let mut findings = Vec::new();
    let script = shell_script(&argv);
    if let Some(script) = script.filter(|_| subject.target.kind.is_image())
        && !script.trim_start().starts_with("exec ")
    {
        findings.push(SHELL_FORM.finding(
            Diagnostic::new("a shell is the container's first process: docker stop does not reach the program in it")
                .at_location(subject.start.cloned())
                .help("name the program itself (command = [\"program\", \"argument\"]), or begin the shell's line with exec"),
        ));
    }
    if !subject.is_production() {
        return findings;
    }
    let words: Vec<&str> = script.map_or(argv, |script| script.split_whitespace().collect());
    let words: Vec<&str> = words.strip_prefix(&["exec"]).unwrap_or(&words).to_vec();
    if let Some(option) = reloading_option(&words) {
        findings.push(
            RELOAD.finding(
                Diagnostic::new(format!(
                    "{option} is for development: it watches files, and shows what should stay inside"
                ))
                .at_location(subject.start.cloned())
                .help("remove it: --target dev adds it by itself"),
            ),
        );
    } else if let Some(server) = development_server(&words) {
        findings.push(
            DEVELOPMENT_SERVER.finding(
                Diagnostic::new(format!("{server} is not made for production"))
                    .at_location(subject.start.cloned())
                    .help("use a server for production, such as gunicorn, uvicorn or granian"),
            ),
        );
    }
    findings
}

/// What a shell is given to run.
fn shell_script<'a>(argv: &[&'a str]) -> Option<&'a str> {
    let [program, rest @ ..] = argv else { return None };
    let name = program.rsplit('/').next().unwrap_or(program);
    let option =
        rest.iter().position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
    SHELLS.contains(&name).then(|| rest.get(option + 1).copied()).flatten()
}

/// A server whose makers say that it is for development only.
fn development_server(words: &[&str]) -> Option<&'static str> {
    let has = |word: &str| words.contains(&word);
    let runs = |program: &str| words.iter().any(|word| word.rsplit('/').next() == Some(program));
    if has("runserver") && (runs("manage.py") || runs("django-admin") || has("django")) {
        return Some("Django's runserver");
    }
    if runs("fastapi") && has("dev") {
        return Some("fastapi dev");
    }
    if runs("flask") && has("run") {
        return Some("flask run");
    }
    (has("-m") && (has("http.server"))).then_some("Python's http.server")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        text.split(' ').collect()
    }

    #[test]
    fn shells_are_known_by_what_they_are_given() {
        assert_eq!(shell_script(&["sh", "-c", "a b"]), Some("a b"));
        assert_eq!(shell_script(&["/bin/bash", "-e", "-lc", "x"]), Some("x"));
        assert_eq!(shell_script(&["sh", "start.sh"]), None);
        assert_eq!(shell_script(&["python", "-c", "x"]), None);
        assert_eq!(shell_script(&["sh", "-c"]), None);
    }

    #[test]
    fn servers_for_development() {
        assert_eq!(development_server(&words("python manage.py runserver 0.0.0.0:8000")), Some("Django's runserver"));
        assert_eq!(development_server(&words("/opt/venv/bin/flask --app a run")), Some("flask run"));
        assert_eq!(development_server(&words("fastapi dev")), Some("fastapi dev"));
        for fine in ["fastapi run", "flask db upgrade", "gunicorn dev:run", "python manage.py migrate"] {
            assert_eq!(development_server(&words(fine)), None, "{fine}");
        }
    }
}
