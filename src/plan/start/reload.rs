//! Start commands for development: servers that are known to start anew when a file changes are told to.

use super::StartCommand;

/// Adds the option that makes the server reload, if it is a known one. `installed` says which packages are in the image.
pub(super) fn with_reload(start: &mut StartCommand, installed: &dyn Fn(&str) -> bool) {
    let words: Vec<&str> = start.entrypoint.iter().chain(&start.command).map(String::as_str).collect();
    let Some(option) = option(&words, installed) else { return };
    if words.iter().any(|word| RELOADS.contains(word)) {
        return;
    }
    if start.command.is_empty() { &mut start.entrypoint } else { &mut start.command }.push(option.to_owned());
    start.reason = format!("{}; {option} is for development", start.reason);
}

/// What says that a server reloads.
pub const RELOADS: &[&str] = &["--reload", "--debug", "--auto-reload", "--dev", "-r"];

/// The option of a known server's command line that makes it reload or debug.
pub fn reloading_option<'a>(words: &[&'a str]) -> Option<&'a str> {
    option(words, &|_| true)?;
    words.iter().copied().find(|word| RELOADS.contains(word))
}

fn option(words: &[&str], installed: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let (program, rest) = match words {
        [python, "-m", module, rest @ ..] if is_python(python) => (*module, rest),
        [program, rest @ ..] => (program.rsplit('/').next().unwrap_or(program), rest),
        [] => return None,
    };
    match (program, rest.first().copied()) {
        ("uvicorn" | "gunicorn" | "hypercorn", _) | ("fastapi", Some("run")) => Some("--reload"),
        // It can only with this package, which its extra `reload` brings.
        ("granian", _) if installed("watchfiles") => Some("--reload"),
        ("sanic", _) => Some("--auto-reload"),
        ("flask" | "quart", _) if rest.contains(&"run") => {
            Some(if program == "flask" { "--debug" } else { "--reload" })
        }
        _ => None,
    }
}

fn is_python(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    name.strip_prefix("python").is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reloading(words: &str) -> String {
        let command = words.split(' ').map(str::to_owned).collect();
        let mut start = StartCommand { command, ..StartCommand::none() };
        with_reload(&mut start, &|name| name == "watchfiles");
        start.command.join(" ")
    }

    #[test]
    fn known_servers_reload() {
        for (command, added) in [
            ("uvicorn a:b --port 80", " --reload"),
            ("/opt/venv/bin/uvicorn a:b", " --reload"),
            ("python3.13 -m uvicorn a:b", " --reload"),
            ("uvicorn a:b --reload", ""),
            ("fastapi run --entrypoint a:b", " --reload"),
            ("fastapi dev", ""),
            ("flask --app a run --host 0.0.0.0", " --debug"),
            ("flask --app a db upgrade", ""),
            ("granian a:b", " --reload"),
            ("sanic a:b", " --auto-reload"),
            ("python main.py", ""),
            ("celery -A a worker", ""),
            ("sh -c uvicorn", ""),
        ] {
            assert_eq!(reloading(command), format!("{command}{added}"));
        }
    }

    #[test]
    fn arguments_of_an_entrypoint_stay_in_order() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut start = StartCommand { entrypoint: words("uvicorn a:b"), ..StartCommand::none() };
        with_reload(&mut start, &|_| false);
        assert_eq!((start.entrypoint.join(" "), start.command), ("uvicorn a:b --reload".to_owned(), Vec::new()));
    }
}
