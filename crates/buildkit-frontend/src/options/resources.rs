//! Limits of build steps: `shm-size`, `ulimit`, and memory and CPU (BuildKit 0.31 and later).

use buildkit_llb::Ulimit;
use buildkit_proto::pb::LinuxResources;

use super::{OptionError, csv};

/// The limits that the kernel knows, by the names that `docker build --ulimit` takes.
const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Largest CPU or memory node number that BuildKit takes.
const CPUSET_MAX: u32 = 8192;

/// Bytes of `/dev/shm`; zero and nothing mean the default.
pub(super) fn parse_shm_size(text: &str) -> Result<Option<u64>, OptionError> {
    match text {
        "" => Ok(None),
        bytes => match bytes.parse() {
            Ok(0) => Ok(None),
            Ok(bytes) => Ok(Some(bytes)),
            Err(_) => Err(OptionError::new("shm-size", text, "a number of bytes")),
        },
    }
}

pub(super) fn parse_ulimits(text: &str) -> Result<Vec<Ulimit>, OptionError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let wrong = || {
        OptionError::new(
            "ulimit",
            text,
            "a comma-separated list of name=soft[:hard] with soft <= hard, such as nofile=1024:2048",
        )
    };
    let one = |field: String| {
        let (name, limits) = field.split_once('=').filter(|(name, _)| ULIMITS.contains(name)).ok_or_else(wrong)?;
        let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
        let soft: i64 = soft.parse().map_err(|_| wrong())?;
        let hard: i64 = hard.parse().map_err(|_| wrong())?;
        // -1 is unlimited.
        if hard != -1 && (soft == -1 || soft > hard) {
            return Err(wrong());
        }
        Ok(Ulimit { name: name.to_owned(), soft, hard })
    };
    csv::fields(text).map_err(|_| wrong())?.into_iter().map(one).collect()
}

/// Reads the options about memory and CPU. `None` if none of them is set.
pub(super) fn parse_linux<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Option<LinuxResources>, OptionError> {
    let get = |key: &str| get(key).filter(|text| !text.is_empty());
    let above_zero = |key: &str| match get(key) {
        None => Ok(0),
        Some(text) => match text.parse::<i64>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(OptionError::new(key, text, "a number above zero")),
        },
    };
    let cpuset = |key: &str| match get(key) {
        None => Ok(String::new()),
        Some(text) if is_cpuset(text) => Ok(text.to_owned()),
        Some(text) => Err(OptionError::new(key, text, "a list of numbers and ranges, such as 0-3,7")),
    };
    let memory_swap = match get("memswap") {
        None => 0,
        Some(text) => match text.parse::<i64>() {
            Ok(number) if number > 0 || number == -1 => number,
            _ => return Err(OptionError::new("memswap", text, "a number above zero, or -1 for no limit")),
        },
    };
    let resources = LinuxResources {
        memory: above_zero("memory")?,
        memory_swap,
        cpu_shares: above_zero("cpushares")?.unsigned_abs(),
        cpu_period: above_zero("cpuperiod")?.unsigned_abs(),
        cpu_quota: above_zero("cpuquota")?,
        cpuset_cpus: cpuset("cpusetcpus")?,
        cpuset_mems: cpuset("cpusetmems")?,
    };
    Ok((resources != LinuxResources::default()).then_some(resources))
}

fn is_cpuset(text: &str) -> bool {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).all(|part| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        match (low.trim().parse::<u32>(), high.trim().parse::<u32>()) {
            (Ok(low), Ok(high)) => low <= high && high <= CPUSET_MAX,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shm_size() {
        assert_eq!(parse_shm_size(""), Ok(None));
        assert_eq!(parse_shm_size("134217728"), Ok(Some(128 << 20)));
        assert!(parse_shm_size("128m").is_err() && parse_shm_size("-1").is_err());
    }

    #[test]
    fn ulimits() {
        let limits = parse_ulimits("nofile=1024,core=-1,nproc=10:20").unwrap();
        assert_eq!(limits[0], Ulimit { name: "nofile".into(), soft: 1024, hard: 1024 });
        assert_eq!(limits[1], Ulimit { name: "core".into(), soft: -1, hard: -1 });
        assert_eq!(limits[2], Ulimit { name: "nproc".into(), soft: 10, hard: 20 });
        for bad in ["nofile", "as=1", "nofile=2:1", "nofile=-1:5", "nofile=1:2:3", "nofile=x"] {
            assert!(parse_ulimits(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn linux() {
        let parse = |pairs: &'static [(&'static str, &'static str)]| {
            parse_linux(move |key| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| *value))
        };
        assert_eq!(parse(&[("memory", "")]), Ok(None));
        let resources = parse(&[("memory", "1024"), ("memswap", "-1"), ("cpusetcpus", "0-3, 7")]).unwrap().unwrap();
        assert_eq!((resources.memory, resources.memory_swap, resources.cpuset_cpus.as_str()), (1024, -1, "0-3, 7"));
        for bad in [
            [("memory", "0")],
            [("memswap", "0")],
            [("cpuquota", "-1")],
            [("cpusetmems", "3-1")],
            [("cpusetmems", "9000")],
        ] {
            let bad: &'static [_] = Box::leak(Box::new(bad));
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
