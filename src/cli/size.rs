//! Sizes for people.

/// A number of bytes in the units of `docker images`: `4.3 MB`.
pub(super) fn human(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, rounded.
    let (mut unit, mut divisor) = (0, 1000_u64);
    while bytes / divisor >= 1000 && unit + 1 < UNITS.len() {
        unit += 1;
        divisor *= 1000;
    }
    let tenths = (u128::from(bytes) * 10 + u128::from(divisor) / 2) / u128::from(divisor);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn sizes() {
        let all = [0, 999, 1000, 1049, 1050, 4_321_000, 999_999, 5_000_000_000, u64::MAX].map(human);
        assert_eq!(
            all.map(|text| text.replace(' ', "")).join(" "),
            "0B 999B 1.0kB 1.0kB 1.1kB 4.3MB 1000.0kB 5.0GB 18446744.1TB"
        );
    }
}
