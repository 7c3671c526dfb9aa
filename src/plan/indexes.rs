//! Which files of the lock BuildKit can fetch by itself, and which a step fetches with the user's credentials.
//!
//! uv asks an index without credentials first, and with them when it is refused. Here it must be known before anything is
//! asked, and it is: BuildKit says which secrets the client gives. A file is fetched with credentials when its index is
//! declared with `authenticate = "always"`, or when a secret of its index (or a netrc) is given. Everything else is a
//! source of BuildKit's own: fetched in parallel, kept by its hash, and listed in the provenance.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::project::indexes::{Authenticate, Index, Realm, is_same};
use crate::project::lock::{Lock, Registry, Source};

/// The id of the secret that holds a netrc file.
pub const NETRC: &str = "netrc";

/// How a file is fetched that needs credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Access {
    /// The index's name, or else what it is reached at; for people.
    pub index: String,
    /// Scheme, host and port that the index's own credentials are sent to.
    pub realm: String,
    /// The secrets with user name and password, if the index has a name and the file lies in its realm.
    pub secrets: Option<Secrets>,
    /// Whether nothing is asked without credentials.
    pub required: bool,
}

/// The ids of the secrets of one index: the names of uv's environment variables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Secrets {
    /// `UV_INDEX_<NAME>_USERNAME`
    pub username: String,
    /// `UV_INDEX_<NAME>_PASSWORD`
    pub password: String,
}

impl Secrets {
    /// Those of an index with a name.
    pub fn of(index: &Index) -> Option<Self> {
        let variable = index.variable()?;
        Some(Self { username: format!("{variable}_USERNAME"), password: format!("{variable}_PASSWORD") })
    }

    fn any_of(&self, given: &BTreeSet<String>) -> bool {
        given.contains(&self.username) || given.contains(&self.password)
    }
}

/// The secrets that a build may ask for, by id: what has to be known before [`Indexes`] can tell anything.
pub fn secret_ids(declared: &[Index]) -> BTreeSet<String> {
    let secrets = declared.iter().filter(|index| may_need(index)).filter_map(Secrets::of);
    secrets.flat_map(|secrets| [secrets.username, secrets.password]).chain([NETRC.to_owned()]).collect()
}

/// Whether credentials may ever be sent to an index.
fn may_need(index: &Index) -> bool {
    index.authenticate != Authenticate::Never && Realm::of(&index.url).is_some()
}

/// What is known of indexes and credentials.
#[derive(Debug, Clone, Copy)]
pub struct Indexes<'a> {
    declared: &'a [Index],
    given: &'a BTreeSet<String>,
    /// Whether the lock has a package of an index that is declared.
    in_use: bool,
}

impl<'a> Indexes<'a> {
    /// The declared indexes, and the secrets among [`secret_ids`] that the client gives.
    pub fn new(declared: &'a [Index], given: &'a BTreeSet<String>, lock: &Lock) -> Self {
        let in_use = lock.packages.iter().any(|package| match &package.source {
            Source::Registry { registry: Registry::Url(url) } => declared.iter().any(|index| is_same(&index.url, url)),
            _ => false,
        });
        Self { declared, given, in_use }
    }

    /// Whether an index of the lock is one that the project declares.
    pub fn has(&self, url: &str) -> bool {
        self.declared.iter().any(|index| is_same(&index.url, url))
    }

    /// How a file is fetched; `None` is a plain source of BuildKit's.
    pub fn access(&self, source: &Source, url: &str) -> Option<Access> {
        let realm = Realm::of(url)?;
        let netrc = self.given.contains(NETRC);
        let Some(index) = self.index(source, &realm) else {
            // A netrc is meant for the indexes that are declared. Without any in the lock (they can come from uv's own
            // configuration, which is not in the project) it is meant for all; and always for files by URL.
            let meant = netrc && (!self.in_use || matches!(source, Source::Url { .. }));
            let realm = realm.to_string();
            return meant.then(|| Access { index: realm.clone(), realm, secrets: None, required: false });
        };
        if !may_need(index) {
            return None;
        }
        // As uv does, an index's own credentials are kept from other hosts, where some indexes have their files.
        let inside = Realm::of(&index.url).as_ref() == Some(&realm);
        let secrets = Secrets::of(index).filter(|_| inside);
        let required = inside && index.authenticate == Authenticate::Always;
        let given = secrets.as_ref().is_some_and(|secrets| secrets.any_of(self.given));
        let realm = realm.to_string();
        let name = index.name.clone().unwrap_or_else(|| realm.clone());
        (given || required || netrc).then_some(Access { index: name, realm, secrets, required })
    }

    /// The declared index that a file belongs to: the one that the lock names, else one in the same realm.
    fn index(&self, source: &Source, realm: &Realm) -> Option<&'a Index> {
        let named = match source {
            Source::Registry { registry: Registry::Url(url) } => {
                self.declared.iter().find(|index| is_same(&index.url, url))
            }
            _ => None,
        };
        named.or_else(|| self.declared.iter().find(|index| Realm::of(&index.url).as_ref() == Some(realm)))
    }

    /// The secrets that a step mounts in which uv fetches the requirements of a build. An `explicit` index serves only the
    /// project's own.
    pub fn build_secrets(&self, own: bool) -> Vec<String> {
        let wanted = |index: &&Index| may_need(index) && (own || !index.explicit);
        let mut ids = BTreeSet::new();
        for index in self.declared.iter().filter(wanted) {
            let Some(secrets) = Secrets::of(index) else { continue };
            if index.authenticate == Authenticate::Always || secrets.any_of(self.given) {
                ids.extend([secrets.username, secrets.password]);
            }
        }
        if self.given.contains(NETRC) {
            ids.insert(NETRC.to_owned());
        }
        ids.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::project::pyproject::Pyproject;

    const DECLARED: &str = "
[[tool.uv.index]]
name = \"internal\"
url = \"https://private.example/simple/\"
[[tool.uv.index]]
name = \"strict\"
url = \"https://strict.example/simple\"
authenticate = \"always\"
explicit = true
[[tool.uv.index]]
name = \"open\"
url = \"https://open.example/simple\"
authenticate = \"never\"
[[tool.uv.index]]
url = \"https://nameless.example/simple\"
";

    fn lock(registry: &str) -> Lock {
        let package = format!(
            "[[package]]\nname = \"parcel\"\nversion = \"1\"\nsource = {{ registry = \"{registry}\" }}\n\
             sdist = {{ url = \"https://host/parcel-1.tar.gz\", hash = \"sha256:{}\" }}\n",
            "ab".repeat(32)
        );
        let text = format!("version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n{package}");
        Lock::read(&SourceFile::new("uv.lock", text)).unwrap()
    }

    /// How a file is fetched: `-` without credentials, else the index and the secrets.
    fn access(declared: &str, given: &[&str], registry: &str, url: &str) -> String {
        let text = format!("[project]\nname = \"app\"\nversion = \"1\"\n{declared}");
        let pyproject = Pyproject::parse(&SourceFile::new("pyproject.toml", text)).unwrap();
        let given: BTreeSet<String> = given.iter().map(|id| (*id).to_owned()).collect();
        let lock = lock(registry);
        let indexes = Indexes::new(&pyproject.uv.indexes, &given, &lock);
        let access = indexes.access(&lock.packages[0].source, url);
        access.map_or_else(
            || "-".to_owned(),
            |access| {
                let secrets = access.secrets.map_or_else(|| "netrc".to_owned(), |secrets| secrets.password);
                format!("{} {secrets}{}", access.index, if access.required { " required" } else { "" })
            },
        )
    }

    const PASSWORD: &str = "UV_INDEX_INTERNAL_PASSWORD";
    const INTERNAL: (&str, &str) = ("https://private.example/simple", "https://private.example/files/a.whl");

    #[test]
    fn a_named_index_gets_credentials_when_they_are_given() {
        let (registry, url) = INTERNAL;
        assert_eq!(access(DECLARED, &[], registry, url), "-");
        assert_eq!(access(DECLARED, &[PASSWORD], registry, url), format!("internal {PASSWORD}"));
        assert_eq!(access(DECLARED, &["UV_INDEX_INTERNAL_USERNAME"], registry, url), format!("internal {PASSWORD}"));
        assert_eq!(access(DECLARED, &["netrc"], registry, url), format!("internal {PASSWORD}"));
        assert_eq!(access(DECLARED, &["UV_INDEX_OPEN_PASSWORD"], registry, url), "-");
    }

    #[test]
    fn credentials_stay_in_the_realm_of_the_index() {
        let (registry, _) = INTERNAL;
        let elsewhere = "https://files.example/a.whl";
        assert_eq!(access(DECLARED, &[PASSWORD], registry, elsewhere), "-");
        assert_eq!(access(DECLARED, &["netrc"], registry, elsewhere), "internal netrc");
        assert_eq!(access(DECLARED, &[PASSWORD], registry, "http://private.example/files/a.whl"), "-");
        // A file by URL in the realm of a declared index, as in uv.
        assert_eq!(
            access(DECLARED, &[PASSWORD], "https://other.example/simple", "https://private.example/a.whl"),
            format!("internal {PASSWORD}")
        );
    }

    #[test]
    fn authenticate_decides_without_secrets() {
        let strict = ("https://strict.example/simple", "https://strict.example/a.whl");
        let expected = "strict UV_INDEX_STRICT_PASSWORD required";
        assert_eq!(access(DECLARED, &[], strict.0, strict.1), expected);
        assert_eq!(access(DECLARED, &[PASSWORD], strict.0, strict.1), expected);
        assert_eq!(access(DECLARED, &[], strict.0, "https://files.example/a.whl"), "-");
        let open = ("https://open.example/simple", "https://open.example/a.whl");
        assert_eq!(access(DECLARED, &["netrc", "UV_INDEX_OPEN_PASSWORD"], open.0, open.1), "-");
    }

    #[test]
    fn a_netrc_is_for_declared_indexes_or_else_for_all() {
        let nameless = ("https://nameless.example/simple", "https://nameless.example/a.whl");
        assert_eq!(access(DECLARED, &["netrc"], nameless.0, nameless.1), "https://nameless.example netrc");
        assert_eq!(access(DECLARED, &[], nameless.0, nameless.1), "-");
        // Not declared: it comes from uv's own configuration.
        let mirror = ("https://mirror.example/simple", "https://mirror.example/a.whl");
        assert_eq!(access("", &["netrc"], mirror.0, mirror.1), "https://mirror.example netrc");
        assert_eq!(access("", &[], mirror.0, mirror.1), "-");
        // In a lock with declared indexes, the others are public.
        let text = format!("[project]\nname = \"app\"\nversion = \"1\"\n{DECLARED}");
        let pyproject = Pyproject::parse(&SourceFile::new("pyproject.toml", text)).unwrap();
        let given = BTreeSet::from([NETRC.to_owned()]);
        let lock = lock(INTERNAL.0);
        let indexes = Indexes::new(&pyproject.uv.indexes, &given, &lock);
        let public = Source::Registry { registry: Registry::Url(mirror.0.into()) };
        assert_eq!(indexes.access(&public, mirror.1), None);
        let by_url = Source::Url { url: mirror.1.into(), subdirectory: None };
        assert!(indexes.access(&by_url, mirror.1).is_some());
    }

    #[test]
    fn steps_that_build_get_what_their_requirements_need() {
        let text = format!("[project]\nname = \"app\"\nversion = \"1\"\n{DECLARED}");
        let pyproject = Pyproject::parse(&SourceFile::new("pyproject.toml", text)).unwrap();
        let declared = &pyproject.uv.indexes;
        let lock = lock(INTERNAL.0);
        let secrets = |given: &[&str], own| {
            let given = given.iter().map(|id| (*id).to_owned()).collect();
            Indexes::new(declared, &given, &lock).build_secrets(own).join(" ")
        };
        assert_eq!(secrets(&[], false), "");
        assert_eq!(secrets(&[], true), "UV_INDEX_STRICT_PASSWORD UV_INDEX_STRICT_USERNAME");
        assert_eq!(secrets(&[PASSWORD], false), format!("{PASSWORD} UV_INDEX_INTERNAL_USERNAME"));
        assert_eq!(secrets(&["netrc"], false), "netrc");
        assert_eq!(
            secret_ids(declared).into_iter().collect::<Vec<_>>().join(" "),
            "UV_INDEX_INTERNAL_PASSWORD UV_INDEX_INTERNAL_USERNAME UV_INDEX_STRICT_PASSWORD UV_INDEX_STRICT_USERNAME netrc"
        );
    }
}
