//! pyfront on the command line: the same binary, when a person starts it. It needs neither Docker nor network: what a build
//! would decide is decided by the same code, over [directories of this machine](buildkit_frontend::offline). Each command
//! has a file.

mod assume;
mod check;
mod dockerfile;
mod graph;
mod init;
mod plan;
mod project;
mod schema;
mod size;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::diagnostic::nearest;

/// Something was found that would fail a build.
const FAILED: u8 = 1;
/// The command line itself was wrong, as with Docker, uv and cargo.
const USAGE: u8 = 2;

/// Why a command did not do its work.
#[derive(Debug)]
enum Failure {
    /// What was typed cannot be understood.
    Usage(String),
    /// What would fail a build, or the command itself.
    Failed(String),
    /// Nobody reads the output, or it cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Where a command writes.
struct Terminal<'t> {
    out: &'t mut dyn Write,
    err: &'t mut dyn Write,
}

/// A command.
struct Command {
    name: &'static str,
    /// What it does, in a line.
    about: &'static str,
    /// What follows its name, and more help.
    help: &'static str,
    /// Whether it has the options about a project.
    of_project: bool,
    run: fn(lexopt::Parser, &mut Terminal<'_>) -> Result<(), Failure>,
}

const COMMANDS: &[Command] = &[
    Command { name: "check", about: check::ABOUT, help: check::HELP, of_project: true, run: check::run },
    Command {
        name: "dockerfile",
        about: dockerfile::ABOUT,
        help: dockerfile::HELP,
        of_project: true,
        run: dockerfile::run,
    },
    Command { name: "graph", about: graph::ABOUT, help: graph::HELP, of_project: true, run: graph::run },
    Command { name: "init", about: init::ABOUT, help: init::HELP, of_project: true, run: init::run },
    Command { name: "plan", about: plan::ABOUT, help: plan::HELP, of_project: true, run: plan::run },
    Command { name: "schema", about: schema::ABOUT, help: schema::HELP, of_project: false, run: schema::run },
];

/// The program, when a person starts it.
pub fn main() -> ExitCode {
    let (out, err) = (io::stdout(), io::stderr());
    ExitCode::from(run(std::env::args_os().skip(1), &mut out.lock(), &mut err.lock()))
}

/// Runs a command. Gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let mut terminal = Terminal { out, err };
    let result = dispatch(arguments.into_iter().collect(), &mut terminal);
    let result = result.and_then(|()| terminal.out.flush().map_err(Failure::from));
    let (code, message) = match result {
        Ok(()) => return 0,
        // As `pyfront plan | head` ends.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return 0,
        Err(Failure::Output(error)) => (FAILED, format!("cannot write the output: {error}")),
        Err(Failure::Failed(message)) => (FAILED, message),
        Err(Failure::Usage(message)) => (USAGE, format!("pyfront: {message}")),
    };
    if !message.is_empty() {
        let _ = writeln!(terminal.err, "{message}");
    }
    code
}

fn dispatch(mut arguments: Vec<OsString>, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Ok(write!(terminal.out, "{}", overview())?);
    }
    let first = arguments.remove(0).to_string_lossy().into_owned();
    match first.as_str() {
        "-V" | "--version" | "version" => Ok(writeln!(terminal.out, "pyfront {}", env!("CARGO_PKG_VERSION"))?),
        "-h" | "--help" | "help" => match arguments.first() {
            None => Ok(write!(terminal.out, "{}", overview())?),
            Some(name) => {
                let command = find(&name.to_string_lossy())?;
                Ok(write!(terminal.out, "{}", command_help(command))?)
            }
        },
        name => {
            let command = find(name)?;
            if arguments.iter().any(|argument| argument == "-h" || argument == "--help") {
                return Ok(write!(terminal.out, "{}", command_help(command))?);
            }
            (command.run)(lexopt::Parser::from_args(arguments), terminal).map_err(|failure| match failure {
                Failure::Usage(message) => Failure::Usage(format!("{message}\n  help: pyfront help {name}")),
                other => other,
            })
        }
    }
}

fn find(name: &str) -> Result<&'static Command, Failure> {
    if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
        return Ok(command);
    }
    let what = if name.starts_with('-') { "option" } else { "command" };
    let help = match nearest(name, COMMANDS.iter().map(|command| command.name)) {
        Some(near) => format!("did you mean pyfront {near}?"),
        None => "pyfront help lists the commands".to_owned(),
    };
    Err(Failure::Usage(format!("there is no {what} {name:?}\n  help: {help}")))
}

fn overview() -> String {
    let mut text = format!(
        "pyfront {} builds container images for Python projects.\n\nBuild with Docker, from a pyproject.toml whose first line \
         is # syntax=org/pyfront:\n  docker buildx build -f pyproject.toml .\n\nThese commands need neither Docker nor \
         network:\n",
        env!("CARGO_PKG_VERSION")
    );
    let width = COMMANDS.iter().map(|command| command.name.len()).max().unwrap_or_default();
    for Command { name, about, .. } in COMMANDS {
        let _ = writeln!(text, "  {name:width$}  {about}");
    }
    text.push_str("\npyfront help <command> says more about one; pyfront --version says which pyfront this is.\n");
    text
}

fn command_help(command: &Command) -> String {
    let Command { name, about, help, of_project, .. } = command;
    let options = if *of_project { project::HELP } else { "" };
    format!("{name}: {about}\n\nUsage: pyfront {name} {help}{options}")
}

/// Refuses an option that a command does not have.
fn unexpected(argument: &lexopt::Arg<'_>, known: &[&str]) -> Failure {
    let (written, name) = match argument {
        lexopt::Arg::Long(name) => (format!("--{name}"), *name),
        lexopt::Arg::Short(letter) => (format!("-{letter}"), ""),
        lexopt::Arg::Value(value) => {
            return Failure::Usage(format!("what is {} for? One argument is enough", value.to_string_lossy()));
        }
    };
    let near = nearest(name, known.iter().copied());
    let near = near.map(|near| format!("; did you mean --{near}?")).unwrap_or_default();
    Failure::Usage(format!("there is no option {written}{near}"))
}
