//! Pythons that get no fixes any more.

use super::rules::END_OF_LIFE_PYTHON;
use super::{Finding, Subject};
use crate::diagnostic::Diagnostic;

/// When the last security fixes of each minor version come out, as the Python Developer's Guide has it ("Status of Python
/// versions"; the release schedules of PEP 569, 596, 619, 664, 693, 719, 745 and 790 name the month): the day, and its end in
/// seconds since 1970.
const END_OF_LIFE: &[(&str, &str, u64)] = &[
    ("3.8", "2024-10-07", 1_728_345_600),
    ("3.9", "2025-10-31", 1_761_955_200),
    ("3.10", "2026-10-31", 1_793_491_200),
    ("3.11", "2027-10-31", 1_825_027_200),
    ("3.12", "2028-10-31", 1_856_649_600),
    ("3.13", "2029-10-31", 1_888_185_600),
    ("3.14", "2030-10-31", 1_919_721_600),
    ("3.15", "2031-10-31", 1_951_257_600),
];

pub(super) fn check(subject: &Subject<'_>) -> Option<Finding> {
    let day = ended(&subject.plan.base.python, subject.now)?;
    let minor = &subject.plan.base.python;
    let diagnostic = Diagnostic::new(format!("Python {minor} has had no security fixes since {day}"));
    Some(
        END_OF_LIFE_PYTHON.finding(
            diagnostic
                .at_location(subject.python.cloned())
                .help("move to a newer Python, and run uv lock after changing requires-python"),
        ),
    )
}

/// The day on which the fixes of a version ended, if it is past.
fn ended(minor: &str, now: u64) -> Option<&'static str> {
    let (_, day, end) = END_OF_LIFE.iter().find(|(version, ..)| *version == minor)?;
    (now >= *end).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOVEMBER_2026: u64 = 1_795_000_000;

    #[test]
    fn versions_end_when_their_day_is_over() {
        assert_eq!(ended("3.10", NOVEMBER_2026), Some("2026-10-31"));
        assert_eq!(ended("3.11", NOVEMBER_2026), None);
        assert_eq!((ended("3.9", 1_761_955_199), ended("3.9", 1_761_955_200)), (None, Some("2025-10-31")));
        assert_eq!(ended("3.99", u64::MAX), None);
    }

    #[test]
    fn every_python_that_can_be_chosen_has_its_day() {
        let minors = crate::project::python_version::STABLE_MINORS.iter();
        for minor in minors.chain([&crate::project::python_version::NEWEST_MINOR]) {
            assert!(ended(&format!("3.{minor}"), u64::MAX).is_some(), "3.{minor}");
        }
    }
}
