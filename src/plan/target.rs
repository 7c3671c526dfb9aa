//! What of a project is built (`--target`): the image to run, or one of its parts, or a file about it. `[tool.pyfront.targets]`
//! changes these targets and adds further images.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{How, Plan};
use crate::diagnostic::{Diagnostic, Location, nearest};
use crate::project::config::Config;
use crate::project::document::quoted;

/// The default target.
pub const DEFAULT: &str = "runtime";

/// Where the command of the target `test` may leave files to export.
pub const REPORTS: &str = "/reports";

/// What comes out of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The image to run in production.
    Runtime,
    /// The image to develop in: the project is imported from its files in the working directory.
    Dev,
    /// What tests leave to export. They run while building.
    Test,
    /// The virtual environment and nothing else.
    Venv,
    /// The wheels of the project.
    Wheel,
    /// The locked packages as `requirements.txt`.
    Requirements,
    /// The plan of the default target as JSON.
    Plan,
}

/// The targets that there always are, with what each is in a line.
const ALWAYS: &[(&str, Kind, &str)] = &[
    (DEFAULT, Kind::Runtime, "the image to run in production"),
    ("dev", Kind::Dev, "the image to develop in, with the dev group and a server that reloads"),
    ("test", Kind::Test, "runs the tests; their reports, to export with -o"),
    ("venv", Kind::Venv, "the virtual environment alone, at /opt/venv"),
    ("wheel", Kind::Wheel, "the project's wheel, to export with -o"),
    ("requirements", Kind::Requirements, "the locked packages as requirements.txt with hashes, to export with -o"),
    ("plan", Kind::Plan, "what would be built, as plan.json, to export with -o"),
];

impl Kind {
    /// Whether there is a container to start.
    pub fn starts(self) -> bool {
        matches!(self, Self::Runtime | Self::Dev | Self::Plan)
    }

    /// Whether the result is an image on the base image.
    pub fn is_image(self) -> bool {
        matches!(self, Self::Runtime | Self::Dev)
    }

    /// Whether something is made that stands on the base image.
    pub fn is_on_base(self) -> bool {
        self.is_image() || matches!(self, Self::Test | Self::Plan)
    }

    /// Whether the project is installed as `uv sync` does it: with the groups for development, and editable.
    pub fn is_for_development(self) -> bool {
        matches!(self, Self::Dev | Self::Test)
    }
}

/// A target: its name, and what comes out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildTarget {
    /// The name, in lower case.
    pub name: String,
    /// What comes out.
    pub kind: Kind,
}

impl Default for BuildTarget {
    fn default() -> Self {
        Self { name: DEFAULT.to_owned(), kind: Kind::Runtime }
    }
}

impl fmt::Display for BuildTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Serialize for BuildTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// A target as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The target.
    pub target: BuildTarget,
    /// What it is, in a line.
    pub description: String,
    /// Where it is configured.
    pub location: Option<Location>,
}

/// All targets of a project: those that there always are, then its own by name.
pub fn list(config: &Config) -> Vec<Listed> {
    let configured = |name: &str| config.targets.as_ref().and_then(|targets| targets.0.get(name));
    let always = ALWAYS.iter().map(|(name, kind, description)| Listed {
        target: BuildTarget { name: (*name).to_owned(), kind: *kind },
        description: (*description).to_owned(),
        location: configured(name).map(|config| config.location.clone()),
    });
    let own = config.targets.iter().flat_map(|targets| &targets.0);
    let own = own.filter(|(name, _)| ALWAYS.iter().all(|(always, ..)| always != name)).map(|(name, config)| Listed {
        target: BuildTarget { name: name.clone(), kind: Kind::Runtime },
        description: format!("an image of {}", config.location),
        location: Some(config.location.clone()),
    });
    always.chain(own).collect()
}

impl BuildTarget {
    /// The target of a name, which is compared without regard to case, as BuildKit does. No name is the default's.
    ///
    /// # Errors
    /// All targets that there are, and the nearest one.
    pub fn choose(name: Option<&str>, config: &Config) -> Result<Self, Diagnostic> {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Self::default()) };
        let targets = list(config);
        if let Some(found) = targets.iter().find(|listed| listed.target.name.eq_ignore_ascii_case(name)) {
            return Ok(found.target.clone());
        }
        let names: Vec<&str> = targets.iter().map(|listed| listed.target.name.as_str()).collect();
        let message = format!("there is no target {}; the targets are: {}", quoted(name), names.join(", "));
        Err(Diagnostic::new(message).help(match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean --target {near}?"),
            None => format!("use one of these, or add [tool.pyfront.targets.{}]", toml_key(name)),
        }))
    }

    /// The configuration of this target: the project's, with the target's own on top.
    #[must_use]
    pub fn config(&self, config: &Config) -> Config {
        // The plan is that of the default target.
        let name = if self.kind == Kind::Plan { DEFAULT } else { &self.name };
        let own = config.targets.as_ref().and_then(|targets| targets.0.get(name)).cloned();
        let mut config = config.clone();
        if self.kind == Kind::Test {
            // These are of the container that is not started here.
            (config.entrypoint, config.command) = (None, None);
        }
        if let Some(own) = own {
            config = config.overlay(own.value);
        }
        if !self.kind.starts() {
            // There is nothing that could be asked, or that would have children.
            config.healthcheck = None;
            config.init = None;
        }
        config
    }

    /// Whether a command is written for this target alone.
    pub fn has_command(&self, config: &Config) -> bool {
        let own = config.targets.as_ref().and_then(|targets| targets.0.get(&self.name));
        own.is_some_and(|own| own.command.is_some() || own.entrypoint.is_some())
    }

    /// Leaves out of a plan what this target has no use for.
    ///
    /// # Errors
    /// There is nothing left.
    pub fn narrow(&self, plan: &mut Plan, project: &Location) -> Result<(), Diagnostic> {
        if self.kind != Kind::Wheel {
            return Ok(());
        }
        plan.first_party.retain(|member| matches!(member.how, How::Install { .. }));
        if plan.first_party.iter().any(|member| member.name == plan.project) {
            plan.first_party.retain(|member| member.name == plan.project);
        } else if plan.project != super::make::WORKSPACE {
            plan.first_party.clear();
        }
        if plan.first_party.is_empty() {
            return Err(Diagnostic::new(format!("{} is no package, so there is no wheel of it", plan.project))
                .at_location(Some(project.clone()))
                .help("add a [build-system], as uv init --package does, or build another target"));
        }
        // What a build without isolation needs of these, it has in its settings; those built from source stay for it.
        let needed = |name: &String| {
            plan.first_party.iter().any(|member| match &member.how {
                How::Install { settings, .. } => {
                    settings.environment.as_ref().is_some_and(|environment| environment.built.contains(name))
                }
                How::Copy => false,
            })
        };
        plan.built.retain(|built| needed(&built.name));
        plan.groups.clear();
        plan.local.clear();
        plan.resolved = None;
        Ok(())
    }
}

fn toml_key(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if plain { name.to_owned() } else { quoted(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::read;

    #[test]
    fn names_are_those_of_the_project_too() {
        let config = read("command = ['a']\n[targets.worker]\ncommand = ['w']\n[targets.venv]\ngroups = ['x']\n");
        let chosen = |name: &str| BuildTarget::choose(Some(name), &config).unwrap();
        assert_eq!(BuildTarget::choose(None, &config).unwrap(), BuildTarget::default());
        assert_eq!(chosen(""), BuildTarget::default());
        assert_eq!(chosen("Worker"), BuildTarget { name: "worker".to_owned(), kind: Kind::Runtime });
        assert_eq!(chosen("venv").kind, Kind::Venv);
        let command = |name: &str| chosen(name).config(&config).command.unwrap().to_vec();
        assert_eq!((command("worker"), command("runtime")), (vec!["w".to_owned()], vec!["a".to_owned()]));
        let names: Vec<String> = list(&config).into_iter().map(|listed| listed.target.name).collect();
        assert_eq!(names.last().map(String::as_str), Some("worker"));
        assert_eq!(names.iter().filter(|name| *name == "venv").count(), 1);
    }

    #[test]
    fn refusals() {
        let config = read("[targets.worker]\ncommand = ['w']\n");
        let refused = |name: &str| BuildTarget::choose(Some(name), &config).unwrap_err().to_string();
        insta::assert_snapshot!(["workr", "production", "a.b"].map(refused).join("\n\n"));
    }
}
