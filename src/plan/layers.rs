//! Which wheels share a layer: a pure function of names, sizes and platforms, never of time, machine or popularity.
//!
//! A wheel that is big gets a layer of its own. The tail is spread over a fixed number of buckets by a hash of the
//! package's name, so that changing one small package rewrites one bucket and leaves the others alone.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// At most this many wheels get a layer of their own.
pub const MAX_OWN: usize = 32;
/// The tail is spread over this many buckets.
pub const BUCKETS: u8 = 4;
/// A wheel of at least this many (compressed) bytes is big.
pub const BIG: u64 = 1 << 20;

/// Packages that are built from source have at most this many layers.
pub const MAX_BUILT: u8 = 8;

/// The numbers that decide the grouping. Every image uses [`Parameters::DEFAULT`]; others are for measuring what they would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// At most this many wheels get a layer of their own.
    pub max_own: usize,
    /// The tail is spread over this many buckets; at least one.
    pub buckets: u8,
    /// A wheel of at least this many (compressed) bytes is big.
    pub big: u64,
}

impl Parameters {
    /// What images are made with.
    pub const DEFAULT: Self = Self { max_own: MAX_OWN, buckets: BUCKETS, big: BIG };
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
}

impl Weight<'_> {
    fn is_big(&self, big: u64) -> bool {
        self.size.map_or(self.platform_specific, |size| size >= big)
    }
}

/// Why wheels are together in one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One wheel, alone.
    Own,
    /// Small wheels whose names hash to this bucket.
    Bucket(u8),
}

/// Groups wheels: returns, in image order (stable and large first), each group's kind and the indices of its wheels.
/// Indices within a group are in order of names.
pub fn group(wheels: &[Weight<'_>]) -> Vec<(Kind, Vec<usize>)> {
    group_with(Parameters::DEFAULT, wheels)
}

/// Groups wheels as [`group`] would with other numbers.
pub fn group_with(parameters: Parameters, wheels: &[Weight<'_>]) -> Vec<(Kind, Vec<usize>)> {
    let Parameters { max_own, buckets, big: limit } = parameters;
    let mut big: Vec<usize> = (0..wheels.len()).filter(|index| wheels[*index].is_big(limit)).collect();
    // A wheel of unknown size counts as large as can be: what a lock does not say must not depend on what it does say.
    big.sort_by_key(|index| (std::cmp::Reverse(wheels[*index].size.unwrap_or(u64::MAX)), wheels[*index].name));
    big.truncate(max_own);

    let mut tail: Vec<usize> = (0..wheels.len()).filter(|index| !big.contains(index)).collect();
    tail.sort_by_key(|index| wheels[*index].name);

    let mut groups: Vec<(Kind, Vec<usize>)> = big.into_iter().map(|index| (Kind::Own, vec![index])).collect();
    for bucket in 0..buckets {
        let members: Vec<usize> =
            tail.iter().copied().filter(|index| bucket_of(wheels[*index].name, buckets) == bucket).collect();
        if !members.is_empty() {
            groups.push((Kind::Bucket(bucket), members));
        }
    }
    groups
}

/// Groups packages that are built from source, by name and in order of names: up to [`MAX_BUILT`] get a layer each, more
/// are spread over as many layers by the hashes of their names.
pub fn group_built(names: &[&str]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|index| names[*index]);
    if order.len() <= usize::from(MAX_BUILT) {
        return order.into_iter().map(|index| vec![index]).collect();
    }
    let mut buckets = vec![Vec::new(); usize::from(MAX_BUILT)];
    for index in order {
        buckets[usize::from(hash_of(names[index]) % MAX_BUILT)].push(index);
    }
    buckets.retain(|bucket| !bucket.is_empty());
    buckets
}

fn bucket_of(name: &str, buckets: u8) -> u8 {
    hash_of(name) % buckets
}

fn hash_of(name: &str) -> u8 {
    Sha256::digest(name.as_bytes())[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(name: &str) -> Weight<'_> {
        Weight { name, size: Some(10_000), platform_specific: false }
    }

    #[test]
    fn big_wheels_come_first_and_alone_the_largest_below_the_others() {
        let wheels = [
            small("anyio"),
            Weight { name: "numpy", size: Some(20 << 20), platform_specific: true },
            Weight { name: "pandas", size: Some(30 << 20), platform_specific: true },
        ];
        let groups = group(&wheels);
        assert_eq!(groups[0], (Kind::Own, vec![2]));
        assert_eq!(groups[1], (Kind::Own, vec![1]));
        assert!(matches!(groups[2].0, Kind::Bucket(_)));
        assert_eq!(groups.len(), 3);
    }

    #[test]
    fn without_sizes_compiled_wheels_count_as_big() {
        let wheels = [
            Weight { name: "idna", size: None, platform_specific: false },
            Weight { name: "uvloop", size: None, platform_specific: true },
        ];
        let groups = group(&wheels);
        assert_eq!(groups[0], (Kind::Own, vec![1]));
        assert!(matches!(groups[1].0, Kind::Bucket(_)));
    }

    #[test]
    fn adding_a_small_package_moves_its_bucket_only() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        let before: Vec<_> = names.iter().map(|name| small(name)).collect();
        let mut after = before.clone();
        after.insert(3, small("zzz"));
        let contents = |wheels: &[Weight<'_>]| -> Vec<(Kind, Vec<String>)> {
            let name = |index: usize| wheels[index].name.to_owned();
            group(wheels).into_iter().map(|(kind, list)| (kind, list.into_iter().map(name).collect())).collect()
        };
        let (before, after) = (contents(&before), contents(&after));
        assert_eq!(after.iter().filter(|group| !before.contains(group)).count(), 1);
    }

    #[test]
    fn the_order_in_the_lock_does_not_matter() {
        let wheels = [small("a"), small("b"), small("c"), small("d"), small("e")];
        let mut reversed = wheels;
        reversed.reverse();
        let names = |wheels: &[Weight<'_>]| -> Vec<Vec<String>> {
            group(wheels)
                .into_iter()
                .map(|(_, list)| list.into_iter().map(|i| wheels[i].name.to_owned()).collect())
                .collect()
        };
        assert_eq!(names(&wheels), names(&reversed));
    }

    #[test]
    fn many_built_packages_share_layers_and_keep_them() {
        let few = ["c", "a", "b"];
        assert_eq!(group_built(&few), [vec![1], vec![2], vec![0]]);
        let names: Vec<String> = (0..40).map(|number| format!("package-{number}")).collect();
        let group = |names: &[String]| -> Vec<Vec<String>> {
            let texts: Vec<&str> = names.iter().map(String::as_str).collect();
            group_built(&texts).into_iter().map(|list| list.iter().map(|i| names[*i].clone()).collect()).collect()
        };
        let before = group(&names);
        assert!(before.len() <= usize::from(MAX_BUILT) && before.iter().map(Vec::len).sum::<usize>() == 40);
        let mut more = names.clone();
        more.insert(7, "another".to_owned());
        assert_eq!(group(&more).iter().filter(|layer| !before.contains(layer)).count(), 1);
    }
}
