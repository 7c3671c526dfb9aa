//! Which signal ends a program. The kernel gives the first process of a container no signal that it does not handle, so SIGTERM does
//! nothing to a Python program without a handler, and Docker kills it ten seconds later. Python itself handles SIGINT.

use super::StartCommand;

impl StartCommand {
    /// The signal that ends a program that is known to handle no SIGTERM; `None` where `SIGTERM` is right, or nothing is known.
    pub fn stop_signal(&self) -> Option<&'static str> {
        let mut words = self.entrypoint.iter().chain(&self.command).map(|word| word.rsplit('/').next().unwrap_or(word));
        let waitress = match words.next() {
            Some("waitress-serve") => true,
            Some(python) if python.starts_with("python") => {
                words.next() == Some("-m") && words.next() == Some("waitress")
            }
            _ => false,
        };
        (waitress || self.is_interrupted).then_some("SIGINT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waitress_is_interrupted() {
        let signal = |words: &str| {
            let command = words.split(' ').map(str::to_owned).collect();
            StartCommand { command, ..StartCommand::none() }.stop_signal()
        };
        assert_eq!(signal("waitress-serve --listen=0.0.0.0:8000 a:app"), Some("SIGINT"));
        assert_eq!(signal("/opt/venv/bin/waitress-serve a:app"), Some("SIGINT"));
        assert_eq!(signal("python3 -m waitress a:app"), Some("SIGINT"));
        assert_eq!(signal("python -m a"), None);
        assert_eq!(signal("uvicorn a:app"), None);
        assert_eq!(StartCommand::none().stop_signal(), None);
    }
}
