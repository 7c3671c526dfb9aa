//! One package changes: which layers are different afterwards, and how many bytes are in them.

use std::collections::BTreeMap;

use pyfront::plan::layers::{Parameters, Weight, Wish, group, slot};

use crate::read::Wheel;

/// Whether the planner is told the sizes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    Known,
    Unknown,
}

/// How layers are made.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// As the planner does.
    Places(Parameters),
    /// Large wheels are dealt to slots by the hashes of their names, as the small ones are.
    Slots { large_slots: u8, small_slots: u8 },
    /// Names decide alone.
    Names(u8),
}

/// From this size in bytes on a wheel is large to [`Rule::Slots`].
const LARGE: u64 = 1 << 20;
/// From this size in bytes on, two projects that have a wheel in common gain by sharing its layer.
const WORTH_SHARING: u64 = 8 << 20;

impl Rule {
    /// Its numbers, for a table.
    pub(crate) fn columns(self) -> String {
        let from = |count: String, size: u64| format!("{count}@{}k", size >> 10);
        let (own, medium, small) = match self {
            Self::Places(Parameters { own, large, medium_slots, medium, small_slots, .. }) => {
                (from(own.to_string(), large), from(medium_slots.to_string(), medium), small_slots.to_string())
            }
            Self::Slots { large_slots, small_slots } => {
                ("slots".to_owned(), from(large_slots.to_string(), LARGE), small_slots.to_string())
            }
            Self::Names(slots) => ("names".to_owned(), String::new(), slots.to_string()),
        };
        format!("{own:>8} {medium:>7} {small:>5}")
    }
}

/// What moves, in bytes: means over all packages.
pub(crate) struct Moved {
    pub(crate) layers: usize,
    pub(crate) bump: u64,
    pub(crate) bump_by_size: u64,
    pub(crate) bump_of_tail: u64,
    pub(crate) removal: u64,
    /// How many changes moved more than one layer, in per cent. Sizes change a lot here.
    pub(crate) others: f64,
    /// The most layers that one change moved.
    pub(crate) worst: usize,
    /// How many of the wheels of [`WORTH_SHARING`] are alone, in per cent.
    pub(crate) alone: f64,
}

/// A package and its version, which is a count of bumps, and its size.
#[derive(Clone, PartialEq)]
struct Package<'a> {
    name: &'a str,
    version: u8,
    size: u64,
    compiled: bool,
}

/// Bumps and removes every package once.
pub(crate) fn simulate(wheels: &[Wheel], rule: Rule, sizes: Sizes) -> Moved {
    let before: Vec<Package<'_>> = wheels
        .iter()
        .map(|wheel| Package { name: &wheel.name, version: 0, size: wheel.size, compiled: wheel.compiled })
        .collect();
    let layers = layers(&before, rule, sizes);
    let mut counts: Vec<usize> = Vec::new();
    let mut moved = |after: &[Package<'_>]| {
        let different = self::layers(after, rule, sizes).into_iter().filter(|layer| !layers.contains(layer));
        let (count, bytes) = different.fold((0, 0), |(count, bytes), layer| {
            (count + 1, bytes + layer.iter().map(|package| package.size).sum::<u64>())
        });
        counts.push(count);
        bytes
    };
    let mut bumped = |index: usize, per_cent: u64| {
        let mut after = before.clone();
        after[index].version += 1;
        after[index].size = after[index].size * per_cent / 100;
        moved(&after)
    };

    // The next version is usually a little larger.
    let bumps: Vec<(u64, u64)> = (0..before.len()).map(|index| (before[index].size, bumped(index, 102))).collect();
    for index in 0..before.len() {
        bumped(index, 80);
        bumped(index, 125);
    }
    let removals: Vec<(u64, u64)> = (0..before.len())
        .map(|index| {
            let mut after = before.clone();
            after.remove(index);
            (1, moved(&after))
        })
        .collect();
    let tail: Vec<(u64, u64)> =
        bumps.iter().filter(|(size, _)| *size < 1 << 20).map(|(_, bytes)| (1, *bytes)).collect();
    let equal: Vec<(u64, u64)> = bumps.iter().map(|(_, bytes)| (1, *bytes)).collect();
    let shareable = before.iter().filter(|package| package.size >= WORTH_SHARING).count();
    let alone = layers.iter().filter(|layer| matches!(layer[..], [Package { size: WORTH_SHARING.., .. }])).count();
    Moved {
        layers: layers.len(),
        bump: mean(&equal),
        bump_by_size: mean(&bumps),
        bump_of_tail: mean(&tail),
        removal: mean(&removals),
        others: per_cent(counts.iter().filter(|count| **count > 1).count(), counts.len()),
        worst: counts.iter().copied().max().unwrap_or(0),
        alone: if shareable == 0 { 100.0 } else { per_cent(alone, shareable) },
    }
}

#[allow(clippy::cast_precision_loss)]
fn per_cent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn layers<'a>(packages: &[Package<'a>], rule: Rule, sizes: Sizes) -> Vec<Vec<Package<'a>>> {
    let size = |package: &Package<'_>| (sizes == Sizes::Known).then_some(package.size);
    let dealt = |key: &dyn Fn(&Package<'a>) -> (bool, u8)| {
        let mut slots: BTreeMap<_, Vec<Package<'a>>> = BTreeMap::new();
        for package in packages {
            slots.entry(key(package)).or_default().push(package.clone());
        }
        slots.into_values().collect()
    };
    match rule {
        Rule::Names(slots) => dealt(&|package| (true, slot(package.name, slots))),
        Rule::Slots { large_slots, small_slots } => dealt(&|package| {
            let large = size(package).map_or(package.compiled, |size| size >= LARGE);
            (large, slot(package.name, if large { large_slots } else { small_slots }))
        }),
        Rule::Places(parameters) => {
            let weights: Vec<Weight<'_>> = packages
                .iter()
                .map(|package| Weight {
                    name: package.name,
                    size: size(package),
                    platform_specific: package.compiled,
                    wish: Wish::None,
                })
                .collect();
            let groups = group(parameters, &weights).into_iter();
            groups.map(|(_, members)| members.into_iter().map(|index| packages[index].clone()).collect()).collect()
        }
    }
}

/// The mean of values with weights.
fn mean(values: &[(u64, u64)]) -> u64 {
    let weights: u128 = values.iter().map(|(weight, _)| u128::from(*weight)).sum();
    let sum: u128 = values.iter().map(|(weight, value)| u128::from(*weight) * u128::from(*value)).sum();
    u64::try_from(sum / weights.max(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bump_moves_the_package_or_its_bucket() {
        let wheel = |name: &str, size| Wheel { name: name.to_owned(), size, guessed: false, compiled: true };
        let wheels = [wheel("numpy", 20_000_000), wheel("idna", 1_000), wheel("six", 3_000)];
        let rule = Rule::Places(Parameters { own: 8, medium_slots: 1, small_slots: 1, ..Parameters::default() });
        let moved = simulate(&wheels, rule, Sizes::Known);
        assert!((moved.alone - 100.0).abs() < 0.1 && moved.others < 0.1);
        assert_eq!((moved.layers, moved.worst), (2, 1));
        // numpy: 20.4 MB; idna: 1,020 + 3,000; six: 1,000 + 3,060.
        assert_eq!(moved.bump, (20_400_000 + 4_020 + 4_060) / 3);
        assert_eq!(moved.bump_of_tail, 4_040);
        // Removing numpy moves nothing, removing one of the others leaves the other.
        assert_eq!(moved.removal, (1_000 + 3_000) / 3);
        // Without sizes all three are compiled, and so have layers of their own.
        assert_eq!(simulate(&wheels, rule, Sizes::Unknown).layers, 3);
    }
}
