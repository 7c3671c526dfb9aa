//! What is recognised but can't be started yet. It is refused by name, so that it is not taken for something else.

use crate::diagnostic::{Diagnostic, Location};

use super::evidence::Evidence;
use super::refusal::{Candidate, refuse};

/// Refuses what is recognised but can't be started yet, so that it is not taken for something else.
pub(super) fn not_yet(evidence: &Evidence<'_>) -> Result<(), Diagnostic> {
    if let Some(file) = evidence.project.files.get("Procfile") {
        let mut start = 0;
        for line in file.text().split_inclusive('\n') {
            if let Some(command) = line.strip_prefix("web:") {
                let command = command.trim();
                let shell = command.contains(['$', '|', '&', ';', '<', '>', '`', '*', '=']);
                let words = if shell { None } else { shlex::split(command).filter(|words| !words.is_empty()) };
                let words = words.unwrap_or_else(|| ["sh", "-c", command].map(str::to_owned).to_vec());
                let location = Location::new(file, start..start + line.trim_end().len());
                return Err(refuse(
                    evidence,
                    "the Procfile says what to run, and Procfiles are not read yet",
                    Some(location),
                    &[Candidate::new(&words, "its web line")],
                ));
            }
            start += line.len();
        }
    }
    let django = evidence.found.iter().find(|found| found.framework.starts_with("Django"));
    let manage = evidence.modules.contains_key("manage.py");
    if evidence.installed("django") && (evidence.direct("django") || manage || django.is_some()) {
        let seen = match (django, manage) {
            (Some(found), _) => found.describe(),
            (None, true) => "manage.py".to_owned(),
            (None, false) => "the dependency django".to_owned(),
        };
        let message =
            format!("this is a Django project ({seen}), and Django's start command is not found by itself yet");
        let port = evidence.port().to_string();
        let candidates: Vec<Candidate> = [
            ("gunicorn", vec!["gunicorn", "project.wsgi:application", "--bind", "0.0.0.0:8000"]),
            ("uvicorn", vec!["uvicorn", "project.asgi:application", "--host", "0.0.0.0", "--port", &port]),
        ]
        .into_iter()
        .filter(|(server, _)| evidence.installed(server))
        .map(|(server, words)| {
            Candidate::new(&words, format!("{server} is locked; put the settings' package for project"))
        })
        .collect();
        return Err(refuse(evidence, message, None, &candidates));
    }
    Ok(())
}
