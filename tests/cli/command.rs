//! Starts the binary, and what it says of itself.

use std::path::{Path, PathBuf};
use std::process::Command;

/// How a run went.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs pyfront in a directory, where no other program is found.
pub(crate) fn pyfront(directory: &Path, arguments: &[&str]) -> Run {
    pyfront_beside(Path::new(""), directory, arguments)
}

/// The same with a directory of programs.
pub(crate) fn pyfront_beside(programs: &Path, directory: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyfront"));
    let output = command.args(arguments).current_dir(directory).env("PATH", programs).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Run {
    /// The output of a run that went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }
}

pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

#[test]
fn help_and_version() {
    let here = Path::new(".");
    assert_eq!(pyfront(here, &["--version"]).ok(), format!("pyfront {}\n", env!("CARGO_PKG_VERSION")));
    let help = pyfront(here, &[]).ok();
    assert_eq!(help, pyfront(here, &["help"]).ok());
    for command in ["check", "dockerfile", "graph", "init", "plan", "schema"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        let more = pyfront(here, &["help", command]).ok();
        assert!(more.contains(&format!("Usage: pyfront {command}")), "{more}");
        assert_eq!(more, pyfront(here, &[command, "--help"]).ok());
    }
}

#[test]
fn what_is_mistyped_is_refused_with_the_nearest_name() {
    let here = Path::new(".");
    for arguments in [&["plam"][..], &["--jsn"], &["plan", "--jso"], &["plan", "a", "b"], &["graph", "--format", "png"]]
    {
        let run = pyfront(here, arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{}", run.err);
        assert!(run.err.starts_with("pyfront: ") && run.err.contains("help: "), "{}", run.err);
    }
    assert!(pyfront(here, &["plam"]).err.contains("did you mean pyfront plan?"));
    assert!(pyfront(here, &["plan", "--jso"]).err.contains("did you mean --json?"));
}

#[test]
fn the_schema_is_the_one_in_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pyfront.schema.json");
    assert_eq!(pyfront(Path::new("."), &["schema"]).ok(), std::fs::read_to_string(path).unwrap());
}
