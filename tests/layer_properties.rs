//! What must hold for every closure: a change of one package moves its own layer or bucket and no other, the order of packages
//! means nothing, and no number of packages makes too many layers. `docs/design/layers.md` says why the exceptions that are
//! spelled out here cannot be done away with.

// Helpers of tests may panic like the tests themselves.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use pyfront::plan::layers::{FEWEST, Kind, LAYERS, MOST, Parameters, Weight, Wish, group, spread};

/// What a lock says of a wheel. Its version decides about what is in the layer, and about nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    version: u8,
    size: Option<u64>,
    compiled: bool,
    wish: Wishes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wishes {
    None,
    Own,
    Shared,
}

/// Packages by name.
type Packages = BTreeMap<String, Package>;
/// A layer's packages by name; they are what its content follows from.
type Layer = BTreeMap<String, Package>;

fn package(sizes: bool) -> impl Strategy<Value = Package> {
    // From 1 kB to 2 GB, each magnitude equally often.
    let size =
        (10_u32..31, 0..1000_u64).prop_map(move |(bits, rest)| sizes.then(|| (1 << bits) + (rest << bits) / 1000));
    let wish = prop_oneof![12 => Just(Wishes::None), 1 => Just(Wishes::Own), 1 => Just(Wishes::Shared)];
    (any::<u8>(), size, any::<bool>(), wish).prop_map(|(version, size, compiled, wish)| Package {
        version,
        size,
        compiled,
        wish,
    })
}

/// Closures in a lock that tells sizes, and in one that does not.
fn packages(count: std::ops::Range<usize>) -> impl Strategy<Value = Packages> {
    let of = |sizes| prop::collection::btree_map("[a-z]{2,4}(-[a-z]{1,3})?", package(sizes), count.clone());
    prop_oneof![of(true), of(false)]
}

/// One change to a closure.
#[derive(Debug, Clone)]
enum Change {
    Add(String, Package),
    Remove(Index),
    /// The next version of a package, which may be of any size, and compiled where it was not.
    Bump(Index, Package),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        ("[a-z]{5}", package(true)).prop_map(|(name, package)| Change::Add(name, package)),
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), package(true)).prop_map(|(index, package)| Change::Bump(index, package)),
    ]
}

/// The closure afterwards, and the name of what has changed.
fn changed(packages: &Packages, change: &Change) -> (Packages, String) {
    let mut after = packages.clone();
    let name = |index: &Index| packages.keys().nth(index.index(packages.len())).unwrap().clone();
    let sizes = packages.values().all(|package| package.size.is_some());
    let as_told = |package: &Package| Package { size: package.size.filter(|_| sizes), ..package.clone() };
    let name = match change {
        Change::Add(name, package) => {
            after.insert(name.clone(), as_told(package));
            name.clone()
        }
        Change::Remove(index) => {
            let name = name(index);
            after.remove(&name);
            name
        }
        Change::Bump(index, package) => {
            let name = name(index);
            let old = &packages[&name];
            let new = Package { version: old.version.wrapping_add(1), wish: old.wish, ..as_told(package) };
            after.insert(name.clone(), new);
            name
        }
    };
    (after, name)
}

/// The layers of a closure, and the place of each package.
fn layers(parameters: Parameters, packages: &Packages) -> (BTreeSet<Layer>, BTreeMap<String, Kind>) {
    let list: Vec<(&String, &Package)> = packages.iter().collect();
    let weights: Vec<Weight<'_>> = list.iter().map(|(name, package)| weight(name, package)).collect();
    let (mut layers, mut places) = (BTreeSet::new(), BTreeMap::new());
    for (kind, members) in group(parameters, &weights) {
        let members = members.into_iter().map(|index| list[index]);
        let layer: Layer = members.map(|(name, package)| (name.clone(), package.clone())).collect();
        places.extend(layer.keys().map(|name| (name.clone(), kind)));
        layers.insert(layer);
    }
    (layers, places)
}

fn weight<'a>(name: &'a str, package: &Package) -> Weight<'a> {
    let wish = match package.wish {
        Wishes::None => Wish::None,
        Wishes::Own => Wish::Own,
        Wishes::Shared => Wish::Shared,
    };
    Weight { name, size: package.size, platform_specific: package.compiled, wish }
}

/// How many want a layer of their own.
fn large(parameters: Parameters, packages: &Packages) -> usize {
    let wants = |package: &&Package| match package.wish {
        Wishes::None => package.size.map_or(package.compiled, |size| size >= parameters.large),
        Wishes::Own => true,
        Wishes::Shared => false,
    };
    packages.values().filter(wants).count()
}

/// What one change does.
struct Effect {
    /// The layers that were not there before: what is pushed and pulled.
    moved: usize,
    /// Of those, the ones without the changed package that never had anything to do with it.
    foreign: usize,
    /// Packages that were not changed, and have another place.
    displaced: usize,
    /// Whether the changed package has another place than before.
    crosses: bool,
}

fn effect(parameters: Parameters, before: &Packages, after: &Packages, name: &str) -> Effect {
    let (old, old_places) = layers(parameters, before);
    let (new, new_places) = layers(parameters, after);
    let companions: BTreeSet<&String> =
        old.iter().chain(&new).filter(|layer| layer.contains_key(name)).flat_map(Layer::keys).collect();
    let moved: Vec<&Layer> = new.difference(&old).collect();
    Effect {
        moved: moved.len(),
        foreign: moved.iter().filter(|layer| !layer.keys().any(|other| companions.contains(other))).count(),
        displaced: new_places
            .iter()
            .filter(|(other, place)| *other != name && old_places.get(*other).is_some_and(|old| old != *place))
            .count(),
        crosses: matches!((old_places.get(name), new_places.get(name)), (Some(old), Some(new)) if old != new),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    /// As long as there is a place for every large wheel, which is so for all but a few projects of several gigabytes.
    #[test]
    fn a_change_moves_the_layer_of_its_package_and_no_other(before in packages(1..110), change in change()) {
        let parameters = Parameters::within(MOST);
        let (after, name) = changed(&before, &change);
        prop_assume!(large(parameters, &before).max(large(parameters, &after)) <= parameters.own);
        let effect = effect(parameters, &before, &after, &name);
        prop_assert_eq!((effect.foreign, effect.displaced), (0, 0));
        // What changes its size so much that it changes its place leaves one layer and enters another.
        let most = if effect.crosses { 2 } else { 1 };
        prop_assert!(effect.moved <= most, "{} layers moved", effect.moved);
    }

    /// Where there are more large wheels than places, one of them may take the place that becomes free, or make way.
    #[test]
    fn in_the_largest_closures_one_other_package_may_change_its_place(
        before in packages(1..160), change in change(), max in FEWEST..=MOST,
    ) {
        let parameters = Parameters::within(max);
        let (after, name) = changed(&before, &change);
        let effect = effect(parameters, &before, &after, &name);
        prop_assert!(effect.displaced <= 1);
        let most = if effect.crosses { 3 } else { 1 + effect.displaced };
        prop_assert!(effect.moved <= most, "{} layers moved", effect.moved);
    }

    #[test]
    fn the_order_of_packages_means_nothing(packages in packages(0..80), keys in prop::collection::vec(any::<u32>(), 80)) {
        let list: Vec<(&String, &Package)> = packages.iter().collect();
        let mut shuffled: Vec<_> = keys.iter().zip(&list).collect();
        shuffled.sort_by_key(|(key, _)| **key);
        let shuffled: Vec<_> = shuffled.into_iter().map(|(_, package)| *package).collect();
        let names = |list: &[(&String, &Package)]| -> Vec<(Kind, Vec<String>)> {
            let weights: Vec<Weight<'_>> = list.iter().map(|(name, package)| weight(name, package)).collect();
            let name = |index: usize| list[index].0.clone();
            let groups = group(Parameters::default(), &weights).into_iter();
            groups.map(|(kind, members)| (kind, members.into_iter().map(name).collect())).collect()
        };
        prop_assert_eq!(names(&list), names(&shuffled));
        let (names, other): (Vec<&str>, Vec<&str>) =
            (list.iter().map(|(name, _)| name.as_str()).collect(), shuffled.iter().map(|(name, _)| name.as_str()).collect());
        prop_assert_eq!(spread_names(&names, 6), spread_names(&other, 6));
    }

    /// What is built from source, local wheels and the user's other projects.
    #[test]
    fn packages_that_are_built_move_alone_while_there_are_few(
        names in prop::collection::btree_set("[a-z]{3,4}", 0..12), new in "[a-z]{5}", count in 1_u8..12,
    ) {
        let before: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut after = before.clone();
        after.push(&new);
        let (before, after) = (spread_names(&before, count), spread_names(&after, count));
        prop_assert!(after.len() <= usize::from(count));
        let moved = |from: &[Vec<String>], to: &[Vec<String>]| to.iter().filter(|layer| !from.contains(layer)).count();
        let enough = names.len() < usize::from(count - count.div_ceil(3));
        let (most_added, most_removed) = if enough { (1, 0) } else { (2, 2) };
        prop_assert!(moved(&before, &after) <= most_added);
        prop_assert!(moved(&after, &before) <= most_removed);
    }
}

fn spread_names(names: &[&str], layers: u8) -> Vec<Vec<String>> {
    spread(names, layers)
        .into_iter()
        .map(|layer| layer.into_iter().map(|index| names[index].to_owned()).collect())
        .collect()
}

/// Closures of any size, quickly.
fn many(count: usize, seed: u64) -> Packages {
    let mut state = seed | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let sizes = random().is_multiple_of(2);
    let package = |random: &mut dyn FnMut() -> u64| Package {
        version: 0,
        size: sizes.then(|| random() >> (33 + random() % 20)),
        compiled: random().is_multiple_of(2),
        wish: Wishes::None,
    };
    (0..count).map(|number| (format!("package-{number}"), package(&mut random))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_number_of_packages_makes_too_many_layers(count in 0..=2000_usize, seed in any::<u64>(), max in FEWEST..=MOST) {
        let packages = many(count, seed);
        for (parameters, max) in [(Parameters::within(max), max), (Parameters::default(), LAYERS)] {
            let (found, places) = layers(parameters, &packages);
            prop_assert_eq!(places.len(), packages.len());
            let names: Vec<&str> = packages.keys().map(String::as_str).collect();
            let others = [parameters.built, parameters.local, parameters.members];
            let others: usize = others.into_iter().map(|layers| spread(&names, layers).len()).sum();
            // The skeleton of the venv, and the project.
            let all = found.len() + others + 2;
            prop_assert!(all <= usize::from(max), "{all} layers");
        }
    }
}
