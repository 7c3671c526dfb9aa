//! What `cargo xtask bench` is asked for.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::bench::contender::{self, Contender};
use crate::bench::project;
use crate::bench::scenario::Scenario;

/// Which builds to measure, how often, and where to write what came out.
pub(crate) struct Options {
    pub(crate) engine: Option<String>,
    pub(crate) projects: Vec<String>,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) rounds: usize,
    pub(crate) json: Option<PathBuf>,
    pub(crate) write_docs: bool,
    /// Takes the frontend image that is in the engine, instead of building it.
    pub(crate) keep_frontend: bool,
    /// Adds to what the file of results has already.
    pub(crate) append: bool,
}

impl Options {
    pub(crate) fn take(arguments: &mut Arguments) -> Result<Self> {
        let stock = arguments.value("--stock-frontend")?;
        let everyone = contender::all(stock.as_deref());
        let names: Vec<String> = everyone.iter().map(|contender| contender.name.clone()).collect();
        let chosen = chosen(arguments.value("--contender")?, "contender", &names)?;
        let scenarios: Vec<String> = Scenario::ALL.iter().map(|scenario| scenario.name().to_owned()).collect();
        let wanted = self::chosen(arguments.value("--scenario")?, "scenario", &scenarios)?;
        let rounds = arguments.value("--rounds")?.map_or(Ok(3), |text| text.parse());
        let Ok(rounds @ 1..=99) = rounds else { bail!("--rounds takes a number from 1 to 99") };
        Ok(Self {
            engine: arguments.value("--engine")?,
            projects: self::chosen(arguments.value("--project")?, "project", &project::ALL.map(str::to_owned))?,
            scenarios: wanted.iter().filter_map(|name| Scenario::parse(name)).collect(),
            contenders: everyone.into_iter().filter(|contender| chosen.contains(&contender.name)).collect(),
            rounds,
            json: arguments.value("--json")?.map(PathBuf::from),
            write_docs: arguments.flag("--write-docs"),
            keep_frontend: arguments.flag("--keep-frontend"),
            append: arguments.flag("--append"),
        })
    }
}

/// The names in `text`, separated by commas, in the order of `known`; all of `known` without `text`.
fn chosen(text: Option<String>, what: &str, known: &[String]) -> Result<Vec<String>> {
    let Some(text) = text else { return Ok(known.to_vec()) };
    let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    if let Some(word) = words.iter().find(|word| !known.iter().any(|name| name == **word)) {
        bail!("there is no {what} `{word}`; take some of {}", known.join(", "));
    }
    Ok(known.iter().filter(|name| words.contains(&name.as_str())).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &str) -> Result<Options> {
        Options::take(&mut Arguments::new(words.split_whitespace().map(str::to_owned)))
    }

    #[test]
    fn everything_is_measured_unless_something_is_named() {
        let all = options("").unwrap();
        assert_eq!((all.projects.len(), all.scenarios.len(), all.contenders.len(), all.rounds), (3, 11, 6, 3));
        let some = options("--project data --scenario code-edit,cold --contender pyfront,tuned --rounds 1").unwrap();
        assert_eq!(some.projects, ["data"]);
        assert_eq!(some.scenarios, [Scenario::Cold, Scenario::CodeEdit]);
        assert_eq!(some.contenders.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["tuned", "pyfront"]);
    }

    #[test]
    fn what_is_not_known_is_said() {
        let error = |words| options(words).map(|_| ()).unwrap_err().to_string();
        assert_eq!(error("--project apj"), "there is no project `apj`; take some of api, data, synthetic");
        assert_eq!(error("--rounds none"), "--rounds takes a number from 1 to 99");
        assert!(error("--contender tuned-external").contains("there is no contender"));
    }
}
