//! The machine that was measured on, in words.

use std::fs;

/// Processor, cores and memory.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&processors, "model name").unwrap_or(std::env::consts::ARCH);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = field(&memory, "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let memory = kilobytes.map_or_else(String::new, |size| format!(", {} GB of memory", (size + 500_000) / 1_000_000));
    format!("{cores} cores of {model}{memory}")
}

/// The load average over a minute.
pub(crate) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_have_blanks_in_front() {
        assert_eq!(field("vendor_id\t: x\nmodel name\t: A Good One\n", "model name"), Some("A Good One"));
        assert_eq!(field("MemTotal:       24 kB\n", "MemTotal"), Some("24 kB"));
        assert_eq!(field("", "MemTotal"), None);
    }
}
