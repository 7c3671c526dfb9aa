//! Which packages share a layer: a pure function of names, sizes and platforms, never of time, machine or popularity.
//!
//! A large wheel has a layer of its own. The others are dealt by a hash of the name: those of medium size to a few slots,
//! the small ones to a few others, so that changing one rewrites one slot and leaves the rest alone. Nothing else about
//! the closure has a say, as long as there are places enough for the large wheels. `docs/design/layers.md` says what else was
//! tried, and why a change of size may take a package from one slot to another.

use std::cmp::Reverse;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// How many layers an image may have on top of its base, unless the user says otherwise: with a base of up to 8 layers the
/// whole image stays within 64, which leaves images that are built on it as many.
pub const LAYERS: u8 = 56;
/// The fewest layers that can be asked for.
pub const FEWEST: u8 = 8;
/// The most layers that can be asked for: Docker mounts no more than 127.
pub const MOST: u8 = 119;

/// A wheel of at least this many (compressed) bytes is large.
const LARGE: u64 = 2 << 20;
/// A wheel of at least this many (compressed) bytes is not small.
const MEDIUM: u64 = 128 << 10;

/// The numbers that decide the grouping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// At most this many wheels have a layer of their own.
    pub own: usize,
    /// From this size in (compressed) bytes on, a wheel is large.
    pub large: u64,
    /// How many slots there are for wheels of medium size; at least one.
    pub medium_slots: u8,
    /// From this size in (compressed) bytes on, a wheel is of medium size.
    pub medium: u64,
    /// How many slots there are for small wheels; at least one.
    pub small_slots: u8,
    /// At most this many layers are for packages that are built from source; at least one.
    pub built: u8,
    /// At most this many layers are for wheels among the user's own files; at least one.
    pub local: u8,
    /// At most this many layers are for the user's projects besides the one that the image is of; at least one.
    pub members: u8,
}

impl Default for Parameters {
    fn default() -> Self {
        Self::within(LAYERS)
    }
}

impl Parameters {
    /// Shares out this many layers, at least [`FEWEST`]. Two of them are for the venv's skeleton and the project.
    pub fn within(layers: u8) -> Self {
        let share = |part: u16| {
            let share = u16::from(layers.max(FEWEST)) * part / u16::from(LAYERS);
            u8::try_from(share).unwrap_or(u8::MAX).max(1)
        };
        let (medium_slots, small_slots, built, local, members) = (share(5), share(4), share(6), share(3), share(5));
        let taken = medium_slots + small_slots + built + local + members + 2;
        Self {
            own: usize::from(layers.saturating_sub(taken)),
            large: LARGE,
            medium_slots,
            medium: MEDIUM,
            small_slots,
            built,
            local,
            members,
        }
    }
}

/// What the user has said about a package.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: its size decides.
    #[default]
    None,
    /// A layer of its own, whatever its size.
    Own,
    /// No layer of its own, whatever its size.
    Shared,
}

/// What the grouping needs to know of a wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight<'a> {
    /// Normalised package name; unique within a closure.
    pub name: &'a str,
    /// Compressed size in bytes; a lock may omit it.
    pub size: Option<u64>,
    /// Whether the wheel has compiled code. Stands in for a missing size: such wheels are the heavy ones.
    pub platform_specific: bool,
    /// What the user has said.
    pub wish: Wish,
}

impl Weight<'_> {
    /// The power of four that the size lies above. A wheel of unknown size counts as large as can be when it is compiled:
    /// what a lock does not say must not depend on what it does say.
    fn magnitude(&self) -> u32 {
        let size = self.size.unwrap_or(if self.platform_specific { u64::MAX } else { 0 });
        (u64::BITS - size.leading_zeros()).div_ceil(2)
    }

    fn is_at_least(&self, limit: u64) -> bool {
        self.size.map_or(self.platform_specific, |size| size >= limit)
    }
}

/// Why wheels are together in one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One wheel, alone.
    Own,
    /// Wheels of medium size whose names hash to this slot.
    Medium(u8),
    /// Small wheels whose names hash to this slot.
    Small(u8),
}

/// Groups wheels: returns, in image order (what is large and seldom touched first), each group's kind and the indices of its
/// wheels. Indices within a group are in order of names.
///
/// Where more wheels are large than can be alone, the largest are, by powers of four; among equals the hash of the name
/// decides. So no change lets more than one other wheel change its place, and the next version of a wheel usually none.
pub fn group(parameters: Parameters, wheels: &[Weight<'_>]) -> Vec<(Kind, Vec<usize>)> {
    let mut own: Vec<usize> = (0..wheels.len())
        .filter(|index| match wheels[*index].wish {
            Wish::Own => true,
            Wish::None => wheels[*index].is_at_least(parameters.large),
            Wish::Shared => false,
        })
        .collect();
    own.sort_by_cached_key(|index| {
        let wheel = &wheels[*index];
        (wheel.wish != Wish::Own, Reverse(wheel.magnitude()), hash(wheel.name), wheel.name)
    });
    own.truncate(parameters.own);

    let mut order: Vec<usize> = (0..wheels.len()).collect();
    order.sort_by_key(|index| wheels[*index].name);
    let mut groups: Vec<(Kind, Vec<usize>)> = Vec::new();
    for index in order {
        let wheel = &wheels[index];
        let kind = if own.contains(&index) {
            Kind::Own
        } else if wheel.is_at_least(parameters.medium) {
            Kind::Medium(slot(wheel.name, parameters.medium_slots))
        } else {
            Kind::Small(slot(wheel.name, parameters.small_slots))
        };
        match groups.iter_mut().find(|(other, _)| *other == kind && kind != Kind::Own) {
            Some((_, members)) => members.push(index),
            None => groups.push((kind, vec![index])),
        }
    }
    // The sort is stable: wheels of one magnitude stay in order of names.
    groups.sort_by_key(|(kind, members)| match kind {
        Kind::Own => (*kind, Reverse(members.first().map_or(0, |index| wheels[*index].magnitude()))),
        _ => (*kind, Reverse(0)),
    });
    groups
}

/// Deals packages, by name, to at most `layers` layers. Two thirds of these are for single packages, which suffices for nearly
/// every project; among more the hashes of their names decide who is alone, and the others are dealt to what is left.
/// Returns the indices of each layer's packages in order of names; the layers are in order of their first names.
pub fn spread(names: &[&str], layers: u8) -> Vec<Vec<usize>> {
    let slots = layers.div_ceil(3).max(1);
    let mut ranked: Vec<usize> = (0..names.len()).collect();
    ranked.sort_by_cached_key(|index| (hash(names[*index]), names[*index]));
    let mut shared = ranked.split_off(ranked.len().min(usize::from(layers.saturating_sub(slots))));
    let mut spread: Vec<Vec<usize>> = ranked.into_iter().map(|index| vec![index]).collect();
    shared.sort_by_key(|index| names[*index]);
    let mut slotted = vec![Vec::new(); usize::from(slots)];
    for index in shared {
        slotted[usize::from(slot(names[index], slots))].push(index);
    }
    spread.extend(slotted.into_iter().filter(|members| !members.is_empty()));
    spread.sort_by_key(|members| members.first().map(|index| names[*index]));
    spread
}

/// The slot of a name among this many, which are at least one: a number below that.
pub fn slot(name: &str, slots: u8) -> u8 {
    u8::try_from(hash(name) % u64::from(slots.max(1))).unwrap_or_default()
}

fn hash(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn wheel(name: &str, size: u64) -> Weight<'_> {
        Weight { name, size: Some(size), platform_specific: true, wish: Wish::None }
    }

    fn default(wheels: &[Weight<'_>]) -> Vec<(Kind, Vec<usize>)> {
        group(Parameters::default(), wheels)
    }

    #[test]
    fn large_wheels_come_first_and_alone_the_largest_below_the_others() {
        let wheels = [
            wheel("anyio", 100 << 10),
            wheel("numpy", 16 * MIB),
            wheel("scipy", 35 * MIB),
            wheel("fonttools", 5 * MIB),
            wheel("polars", 40 * MIB),
            wheel("aiohttp", MIB),
        ];
        let groups = default(&wheels);
        let own: Vec<&[usize]> = groups[..4].iter().map(|(_, members)| &members[..]).collect();
        // Those of 16 MiB and more are of one magnitude, and in order of names: their next versions change places with nobody.
        assert_eq!(own, [[1], [4], [2], [3]]);
        assert!(groups[..4].iter().all(|(kind, _)| *kind == Kind::Own));
        assert!(matches!(groups[4..], [(Kind::Medium(_), _), (Kind::Small(_), _)]), "{groups:?}");
    }

    #[test]
    fn without_sizes_compiled_wheels_count_as_large() {
        let wheels = [
            Weight { name: "idna", size: None, platform_specific: false, wish: Wish::None },
            Weight { name: "uvloop", size: None, platform_specific: true, wish: Wish::None },
        ];
        let groups = default(&wheels);
        assert_eq!(groups[0], (Kind::Own, vec![1]));
        assert!(matches!(groups[1].0, Kind::Small(_)));
    }

    #[test]
    fn wishes_win_over_sizes() {
        let wheels = [
            Weight { wish: Wish::Own, ..wheel("idna", 60_000) },
            Weight { wish: Wish::Shared, ..wheel("numpy", 16 * MIB) },
            wheel("scipy", 35 * MIB),
        ];
        let groups = default(&wheels);
        assert!(matches!(groups[..], [(Kind::Own, _), (Kind::Own, _), (Kind::Medium(_), _)]), "{groups:?}");
        assert_eq!((&groups[0].1[..], &groups[1].1[..], &groups[2].1[..]), (&[2][..], &[0][..], &[1][..]));
        // Also where there is only one place.
        let groups = group(Parameters { own: 1, ..Parameters::default() }, &wheels);
        assert_eq!(groups[0], (Kind::Own, vec![0]));
    }

    #[test]
    fn layers_are_shared_out_to_the_last() {
        for layers in FEWEST..=MOST {
            let Parameters { own, medium_slots, small_slots, built, local, members, .. } = Parameters::within(layers);
            let slots = [medium_slots, small_slots, built, local, members].map(usize::from);
            assert!(own > 0 && slots.iter().all(|slots| *slots > 0), "{layers}");
            assert_eq!(own + slots.iter().sum::<usize>() + 2, usize::from(layers));
        }
        assert_eq!(Parameters::default().own, 31);
    }

    #[test]
    fn few_packages_have_a_layer_each_and_many_share_what_there_is() {
        assert_eq!(spread(&["c", "a", "b"], 6), [vec![1], vec![2], vec![0]]);
        assert_eq!(spread(&["c", "a", "b"], 1), [vec![1, 2, 0]]);
        assert_eq!(spread(&[], 6), Vec::<Vec<usize>>::new());
        let names: Vec<String> = (0..40).map(|number| format!("package-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let layers = spread(&names, 6);
        assert_eq!((layers.len(), layers.iter().map(Vec::len).sum::<usize>()), (6, 40));
        assert_eq!(layers.iter().filter(|layer| layer.len() == 1).count(), 4);
    }
}
