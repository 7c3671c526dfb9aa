//! Requirements in the form in which the two files can be compared: the text of `pyproject.toml` (PEP 508) and the tables
//! that uv writes into `package.metadata`. What cannot be read, or would be expensive to read, has no form and is taken
//! for equal: a lock that is called stale by mistake would stop a build that is right.

use std::collections::BTreeSet;
use std::str::FromStr;

use uv_normalize::{ExtraName, GroupName, PackageName};
use uv_pep440::{LowerBound, UpperBound, VersionSpecifier, VersionSpecifiers, release_specifiers_to_ranges};
use uv_pep508::MarkerTree;

use crate::project::lock::{Expression, Marker, Requirement};
use crate::project::pyproject::Dependency;

/// Markers are made into one decision diagram to compare them; its size is bounded by these.
const MAX_COMPARISONS: usize = 24;
const MAX_LENGTH: usize = 4096;
/// Longer numbers do not occur in versions, and arithmetic with them may overflow.
const MAX_DIGITS: usize = 15;

/// Where a requirement is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// `project.dependencies`.
    Dependencies,
    /// `project.optional-dependencies`.
    Extra(ExtraName),
    /// `dependency-groups`.
    Group(GroupName),
}

/// A requirement of `pyproject.toml`.
pub(super) struct Wanted<'p> {
    pub(super) dependency: &'p Dependency,
    pub(super) place: Place,
    freedom: Freedom,
    form: Option<Form>,
}

/// What may differ in the lock, because of settings elsewhere in `pyproject.toml`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freedom {
    /// `tool.uv.sources` has the package: uv puts the source in the place of versions, once for each source, each with a
    /// marker of its own.
    pub(super) sourced: bool,
    /// The requirement may count in fewer environments than it says: `requires-python` of a group does that too.
    pub(super) narrowed: bool,
}

/// A requirement of `uv.lock`.
pub(super) struct Locked<'l> {
    pub(super) requirement: &'l Requirement,
    pub(super) place: Place,
    form: Option<Form>,
}

struct Form {
    extras: BTreeSet<ExtraName>,
    origin: Origin,
    marker: MarkerTree,
}

enum Origin {
    /// An index (a certain one, or any), with the versions that are allowed.
    Registry { versions: Vec<VersionSpecifier>, index: bool },
    /// A URL, a repository or a path. What can be told apart is the file name of an archive, or the revision of a
    /// repository.
    Elsewhere { file: Option<String>, revision: Option<String> },
}

/// The Python versions that a lock is for, without gaps, as uv compares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pythons {
    lower: LowerBound,
    upper: UpperBound,
}

impl Pythons {
    /// `None` when no version is left, or when the numbers are absurd.
    pub(super) fn of(specifiers: &VersionSpecifiers) -> Option<Self> {
        if !sane(&specifiers.to_string()) {
            return None;
        }
        let ranges = release_specifiers_to_ranges(specifiers.clone());
        let (lower, upper) = ranges.bounding_range()?;
        Some(Self { lower: LowerBound::new(lower.cloned()), upper: UpperBound::new(upper.cloned()) })
    }

    /// Whether all of these versions are among the others.
    pub(super) fn within(&self, other: &Self) -> bool {
        self.lower >= other.lower && self.upper <= other.upper
    }

    /// The marker as if there were no other versions, as uv simplifies it before it compares.
    fn simplify(&self, marker: MarkerTree) -> MarkerTree {
        marker.simplify_python_versions(self.lower.0.as_ref(), self.upper.0.as_ref())
    }
}

impl<'p> Wanted<'p> {
    pub(super) fn new(dependency: &'p Dependency, place: Place, freedom: Freedom, pythons: Option<&Pythons>) -> Self {
        let extra = if let Place::Extra(extra) = &place { Some(extra) } else { None };
        let form = parse(&dependency.requirement, extra, pythons);
        Self { dependency, place, freedom, form }
    }

    pub(super) fn name(&self) -> &'p PackageName {
        &self.dependency.name
    }

    /// Whether there may be a user name or password in its URL.
    pub(super) fn has_credentials(&self) -> bool {
        let (_, rest) = self.dependency.requirement.split_once("://").unwrap_or_default();
        rest.split('/').next().is_some_and(|authority| authority.contains('@'))
    }

    /// Whether it counts everywhere.
    pub(super) fn is_unconditional(&self) -> bool {
        !self.dependency.requirement.contains(';') && !self.freedom.narrowed
    }

    /// Whether uv may have left it out, because it never counts.
    pub(super) fn may_be_absent(&self) -> bool {
        self.freedom.narrowed && self.form.as_ref().is_none_or(|form| form.marker.is_false())
    }

    /// Whether this can be what the lock has.
    pub(super) fn fits(&self, locked: &Locked<'_>) -> bool {
        if *self.name() != locked.requirement.name {
            return false;
        }
        let (Some(ours), Some(theirs)) = (&self.form, &locked.form) else { return true };
        let markers_fit = if self.freedom.narrowed {
            theirs.marker.and(ours.marker.negate()).is_false()
        } else {
            theirs.marker == ours.marker
        };
        ours.extras == theirs.extras && markers_fit && self.origins_fit(&ours.origin, &theirs.origin)
    }

    fn origins_fit(&self, ours: &Origin, theirs: &Origin) -> bool {
        match (ours, theirs) {
            (Origin::Registry { versions: ours, .. }, Origin::Registry { versions: theirs, index }) => {
                // Only a source names an index.
                same_set(ours, theirs) && (self.freedom.sourced || !index)
            }
            // A source replaces whatever the requirement says about versions.
            (_, Origin::Elsewhere { .. }) | (Origin::Elsewhere { .. }, _) if self.freedom.sourced => true,
            (
                Origin::Elsewhere { file: our_file, revision: our_revision },
                Origin::Elsewhere { file: their_file, revision: their_revision },
            ) => {
                let differ = |ours: &Option<String>, theirs: &Option<String>| matches!((ours, theirs), (Some(ours), Some(theirs)) if ours != theirs);
                !differ(our_file, their_file) && !differ(our_revision, their_revision)
            }
            (Origin::Registry { .. }, Origin::Elsewhere { .. })
            | (Origin::Elsewhere { .. }, Origin::Registry { .. }) => false,
        }
    }
}

fn same_set(left: &[VersionSpecifier], right: &[VersionSpecifier]) -> bool {
    left.iter().all(|specifier| right.contains(specifier)) && right.iter().all(|specifier| left.contains(specifier))
}

impl<'l> Locked<'l> {
    /// `group`: the group that the lock has it in; otherwise the marker says which extra it belongs to.
    pub(super) fn new(requirement: &'l Requirement, group: Option<&GroupName>, pythons: Option<&Pythons>) -> Self {
        let form = form(requirement, pythons);
        let extra = form.as_ref().and_then(|form| form.marker.top_level_extra_name());
        let place = match (group, extra) {
            (Some(group), _) => Place::Group(group.clone()),
            (None, Some(extra)) => Place::Extra(extra.into_owned()),
            (None, None) => Place::Dependencies,
        };
        Self { requirement, place, form }
    }

    /// The requirement, as people write it.
    pub(super) fn text(&self) -> String {
        let Requirement { name, extras, specifier, marker, origin, .. } = self.requirement;
        let mut parts = vec![name.to_string()];
        if !extras.is_empty() {
            let extras: Vec<&str> = extras.iter().map(ExtraName::as_str).collect();
            parts.push(format!("[{}]", extras.join(",")));
        }
        match (specifier, origin) {
            (None, Some((kind, origin))) if *kind != "index" => parts.push(format!(" @ {origin}")),
            (specifier, _) => parts.extend(specifier.as_deref().map(str::to_owned)),
        }
        if let Some(("index", index)) = origin {
            parts.push(format!(" (from the index {index})"));
        }
        parts.extend(marker.as_ref().map(|marker| format!(" ; {}", marker.text())));
        parts.concat()
    }
}

fn form(requirement: &Requirement, pythons: Option<&Pythons>) -> Option<Form> {
    let origin = match &requirement.origin {
        None | Some(("index", _)) => Origin::Registry {
            versions: specifiers(requirement.specifier.as_deref().unwrap_or(""))?,
            index: requirement.origin.is_some(),
        },
        Some(("git", url)) => {
            let query = url.split('#').next()?.split_once('?').map_or("", |(_, query)| query);
            let value = |pair: &str| {
                let (key, value) = pair.split_once('=')?;
                matches!(key, "rev" | "tag" | "branch").then(|| value.to_owned())
            };
            Origin::Elsewhere { file: None, revision: query.split('&').find_map(value).and_then(comparable) }
        }
        Some(("url", url)) => Origin::Elsewhere { file: file_name(url), revision: None },
        Some(_) => Origin::Elsewhere { file: None, revision: None },
    };
    Some(Form {
        extras: requirement.extras.iter().cloned().collect(),
        origin,
        marker: marker(requirement.marker.as_ref().map(Marker::text), None, pythons)?,
    })
}

/// Reads the text of a requirement. `None` when it is not understood.
fn parse(text: &str, extra: Option<&ExtraName>, pythons: Option<&Pythons>) -> Option<Form> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let rest = text.trim().trim_start_matches(is_name).trim_start();
    let (extras, rest) = match rest.strip_prefix('[') {
        None => (BTreeSet::new(), rest),
        Some(rest) => {
            let (list, rest) = rest.split_once(']')?;
            let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
            (names.map(|name| ExtraName::from_str(name).ok()).collect::<Option<_>>()?, rest.trim_start())
        }
    };
    let (origin, condition) = if let Some(rest) = rest.strip_prefix('@') {
        let rest = rest.trim_start();
        let (url, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let condition = match rest.trim() {
            "" => None,
            rest => Some(rest.strip_prefix(';')?),
        };
        if url.contains(';') {
            return None;
        }
        (direct(url), condition)
    } else {
        let (versions, condition) =
            rest.split_once(';').map_or((rest, None), |(versions, condition)| (versions, Some(condition)));
        let versions = versions.trim();
        let versions = match versions.strip_prefix('(') {
            Some(inner) => inner.strip_suffix(')')?,
            None => versions,
        };
        (Origin::Registry { versions: specifiers(versions)?, index: false }, condition)
    };
    Some(Form { extras, origin, marker: marker(condition, extra, pythons)? })
}

/// A direct reference.
fn direct(url: &str) -> Origin {
    let url = url.split('#').next().unwrap_or_default();
    if url.starts_with("git+") {
        // `…/repository@revision`; an `@` before the path belongs to the user's name.
        let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        let revision = path.rsplit_once('@').map(|(_, revision)| revision.to_owned());
        return Origin::Elsewhere { file: None, revision: revision.and_then(comparable) };
    }
    Origin::Elsewhere { file: if url.starts_with("http") { file_name(url) } else { None }, revision: None }
}

/// The name of the file at a URL, when it is the name of a distribution and there is one way to write it.
fn file_name(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let name = path.rsplit('/').next()?;
    let suffixes = [".whl", ".tar.gz", ".zip"];
    suffixes.iter().any(|suffix| name.ends_with(suffix)).then(|| name.to_owned()).and_then(comparable)
}

/// Text that may be written in several ways in a URL is not compared.
fn comparable(text: String) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!text.is_empty() && text.bytes().all(plain)).then_some(text)
}

fn specifiers(text: &str) -> Option<Vec<VersionSpecifier>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Vec::new());
    }
    if text.len() > MAX_LENGTH {
        return None;
    }
    Some(VersionSpecifiers::from_str(text).ok()?.iter().cloned().collect())
}

/// The marker of a requirement as one diagram, where only some versions of Python count.
fn marker(text: Option<&str>, extra: Option<&ExtraName>, pythons: Option<&Pythons>) -> Option<MarkerTree> {
    let mut tree = MarkerTree::TRUE;
    if let Some(text) = text {
        if text.len() > MAX_LENGTH || !sane(text) {
            return None;
        }
        let expression = Expression::parse(text).ok()?;
        if comparisons(&expression) > MAX_COMPARISONS {
            return None;
        }
        tree = diagram(&expression);
    }
    if let Some(extra) = extra {
        // Names of extras are normalised: letters, digits and dashes.
        tree = tree.and(MarkerTree::from_str(&format!("extra == '{extra}'")).ok()?);
    }
    Some(pythons.map_or(tree, |pythons| pythons.simplify(tree)))
}

fn comparisons(expression: &Expression) -> usize {
    match expression {
        Expression::Comparison(_) => 1,
        Expression::All(list) | Expression::Any(list) => list.iter().map(comparisons).sum(),
    }
}

fn diagram(expression: &Expression) -> MarkerTree {
    match expression {
        Expression::Comparison(comparison) => comparison.tree,
        Expression::All(list) => list.iter().map(diagram).fold(MarkerTree::TRUE, MarkerTree::and),
        Expression::Any(list) => list.iter().map(diagram).fold(MarkerTree::FALSE, MarkerTree::or),
    }
}

fn sane(text: &str) -> bool {
    !text.split(|character: char| !character.is_ascii_digit()).any(|digits| digits.len() > MAX_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_references_are_taken_apart() {
        let parts = |text: &str| match parse(text, None, None).unwrap().origin {
            Origin::Elsewhere { file, revision } => (file, revision),
            Origin::Registry { .. } => panic!("{text}"),
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(parts("a @ git+ssh://git@example.com/o/r.git"), (None, None));
        assert_eq!(parts("a @ git+https://example.com/o/r.git@v1.0#subdirectory=x"), (None, text("v1.0")));
        assert_eq!(parts("a @ git+https://example.com/o/r.git@feature/x"), (None, None));
        assert_eq!(
            parts("a[b] @ https://example.com/a-1.tar.gz#sha256=0 ; os_name == 'a'"),
            (text("a-1.tar.gz"), None)
        );
        assert_eq!(parts("a@https://example.com/a%2Bb.zip"), (None, None));
        assert_eq!(parts("a @ file:///tmp/a.zip"), (None, None));
    }

    #[test]
    fn what_is_not_understood_has_no_form() {
        let long = format!("a ; {}", ["os_name == 'a'"; 30].join(" or "));
        let deep = format!("a ; {}os_name == 'a'", "(".repeat(10_000));
        for text in [
            "a b",
            "a[b",
            "a[b c]",
            "a >= x",
            "a (>=1",
            "a @ https://example.com/a;b",
            "a @ https://example.com/a b",
            "a ; nonsense",
            "a ; python_version < '3.18446744073709551615.*'",
            &long,
            &deep,
        ] {
            assert!(parse(text, None, None).is_none(), "{text}");
        }
    }
}
