//! What happens to a project between two builds, as data. Scenarios that leave the caches as they found them can be repeated at
//! will; the others need caches that do not know the change yet, and so begin from empty ones in every round.

/// A change, and the build after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    Cold,
    SmallBump,
    BigBump,
    BaseBump,
    SecondProject,
    Arm64,
    CacheImport,
    CacheImportEdit,
    Unchanged,
    CodeEdit,
    OwnVersion,
}

impl Scenario {
    /// In the order in which a round runs them. `CacheImport` and its like come last: they empty the caches.
    pub(crate) const ALL: [Self; 11] = [
        Self::Cold,
        Self::SmallBump,
        Self::BigBump,
        Self::BaseBump,
        Self::SecondProject,
        Self::Arm64,
        Self::CacheImport,
        Self::CacheImportEdit,
        Self::Unchanged,
        Self::CodeEdit,
        Self::OwnVersion,
    ];

    /// What `--scenario` and the tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::SmallBump => "small-bump",
            Self::BigBump => "big-bump",
            Self::BaseBump => "base-bump",
            Self::SecondProject => "second-project",
            Self::Arm64 => "arm64",
            Self::CacheImport => "cache-import",
            Self::CacheImportEdit => "cache-import-edit",
            Self::Unchanged => "unchanged",
            Self::CodeEdit => "code-edit",
            Self::OwnVersion => "own-version",
        }
    }

    /// What it is, for readers of the report.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Cold => "nothing in the build cache, nothing in the registry",
            Self::SmallBump => "a patch release of a small dependency (idna)",
            Self::BigBump => "a patch release of a big dependency (numpy; sqlalchemy for the API)",
            Self::BaseBump => "a patch release of Python: the base image's tag moves",
            Self::SecondProject => "another project, which shares most of its packages with the first",
            Self::Arm64 => {
                "nothing in the caches again, an image for linux/arm64 on an amd64 machine; a Dockerfile needs an emulator"
            }
            Self::CacheImport => "a fresh builder with a cache in the registry, nothing changed",
            Self::CacheImportEdit => "a fresh builder with a cache in the registry, one line of code changed",
            Self::Unchanged => "the same build again",
            Self::CodeEdit => "one line of code changed",
            Self::OwnVersion => "the project's own version changed",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// Whether it can be measured again and again on warm caches, since its change is new every time or none at all.
    pub(crate) fn repeatable(self) -> bool {
        matches!(self, Self::Unchanged | Self::CodeEdit | Self::OwnVersion)
    }
}

#[cfg(test)]
mod tests {
    use super::Scenario;

    #[test]
    fn names_are_read_back() {
        for scenario in Scenario::ALL {
            assert_eq!(Scenario::parse(scenario.name()), Some(scenario));
            assert!(!scenario.about().is_empty());
        }
    }
}
