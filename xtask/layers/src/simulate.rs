//! One package changes: which layers are different afterwards, and how many bytes are in them.

use pyfront::plan::layers::{Parameters, Weight, group_with};

use crate::read::Wheel;

/// Whether the planner is told the sizes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    Known,
    Unknown,
}

/// What moves, in bytes: means over all packages.
pub(crate) struct Moved {
    pub(crate) layers: usize,
    pub(crate) bump: u64,
    pub(crate) bump_by_size: u64,
    pub(crate) bump_of_tail: u64,
    pub(crate) removal: u64,
    /// The most layers that one change moved.
    pub(crate) worst: usize,
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
pub(crate) fn simulate(wheels: &[Wheel], parameters: Parameters, sizes: Sizes) -> Moved {
    let before: Vec<Package<'_>> = wheels
        .iter()
        .map(|wheel| Package { name: &wheel.name, version: 0, size: wheel.size, compiled: wheel.compiled })
        .collect();
    let layers = layers(&before, parameters, sizes);
    let mut worst = 0;
    let mut moved = |after: &[Package<'_>]| {
        let different = self::layers(after, parameters, sizes).into_iter().filter(|layer| !layers.contains(layer));
        let (count, bytes) = different.fold((0, 0), |(count, bytes), layer| {
            (count + 1, bytes + layer.iter().map(|package| package.size).sum::<u64>())
        });
        worst = worst.max(count);
        bytes
    };

    // The next version is a little larger.
    let bumps: Vec<(u64, u64)> = (0..before.len())
        .map(|index| {
            let mut after = before.clone();
            after[index].version += 1;
            after[index].size += after[index].size / 50;
            (before[index].size, moved(&after))
        })
        .collect();
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
    Moved {
        layers: layers.len(),
        bump: mean(&equal),
        bump_by_size: mean(&bumps),
        bump_of_tail: mean(&tail),
        removal: mean(&removals),
        worst,
    }
}

fn layers<'a>(packages: &[Package<'a>], parameters: Parameters, sizes: Sizes) -> Vec<Vec<Package<'a>>> {
    let weights: Vec<Weight<'_>> = packages
        .iter()
        .map(|package| Weight {
            name: package.name,
            size: (sizes == Sizes::Known).then_some(package.size),
            platform_specific: package.compiled,
        })
        .collect();
    let groups = group_with(parameters, &weights).into_iter();
    groups.map(|(_, members)| members.into_iter().map(|index| packages[index].clone()).collect()).collect()
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
        let parameters = Parameters { max_own: 8, buckets: 1, big: 1 << 20 };
        let moved = simulate(&wheels, parameters, Sizes::Known);
        assert_eq!((moved.layers, moved.worst), (2, 1));
        // numpy: 20.4 MB; idna: 1,020 + 3,000; six: 1,000 + 3,060.
        assert_eq!(moved.bump, (20_400_000 + 4_020 + 4_060) / 3);
        assert_eq!(moved.bump_of_tail, 4_040);
        // Removing numpy moves nothing, removing one of the others leaves the other.
        assert_eq!(moved.removal, (1_000 + 3_000) / 3);
        // Without sizes all three are compiled, and so have layers of their own.
        assert_eq!(simulate(&wheels, parameters, Sizes::Unknown).layers, 3);
    }
}
