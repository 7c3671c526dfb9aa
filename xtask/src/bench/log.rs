//! What a build did, read from buildx's plain progress output.

/// The steps that really ran: vertices that were not taken from the cache. Sources do not count, neither pyfront's nor a
/// Dockerfile's `FROM`: BuildKit asks each for its cache key, and has done with that.
pub(crate) fn steps_that_ran(log: &str) -> Vec<String> {
    let mut steps: Vec<(&str, &str)> = Vec::new();
    let mut cached: Vec<&str> = Vec::new();
    for line in log.lines() {
        let Some((number, rest)) = line.strip_prefix('#').and_then(|line| line.split_once(' ')) else { continue };
        if rest == "CACHED" {
            cached.push(number);
        } else if rest.starts_with('[') && !is_source(rest) && !steps.iter().any(|(known, _)| *known == number) {
            steps.push((number, rest));
        }
    }
    steps.into_iter().filter(|(number, _)| !cached.contains(number)).map(|(_, name)| name.to_owned()).collect()
}

fn is_source(name: &str) -> bool {
    let pyfront = ["[internal]", "[base]", "[tools]", "[deps] fetch"].iter().any(|prefix| name.starts_with(prefix));
    let after_stage = name.split_once("] ").map_or("", |(_, rest)| rest);
    pyfront || after_stage.starts_with("FROM ")
}

/// The last lines that say why a build failed.
pub(crate) fn reason(log: &str) -> String {
    let lines: Vec<&str> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let error = lines.iter().rev().find_map(|line| line.strip_prefix("ERROR: "));
    error.or(lines.last().copied()).unwrap_or("the build failed without a word").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s

#5 [builder 1/3] FROM docker.io/library/python:3.13-slim
#5 DONE 0.0s

#6 [deps] fetch idna 3.20
#6 DONE 0.1s

#7 [builder 2/3] WORKDIR /app
#7 CACHED

#8 [builder 3/3] RUN uv sync --locked
#8 0.512 Installed 3 packages
#8 DONE 1.2s

#9 exporting to image
#9 DONE 0.3s
ERROR: failed to solve: process did not complete successfully
";

    #[test]
    fn counts_neither_sources_nor_what_was_cached() {
        assert_eq!(steps_that_ran(LOG), ["[builder 3/3] RUN uv sync --locked"]);
    }

    #[test]
    fn the_reason_is_what_buildx_says_last() {
        assert_eq!(reason(LOG), "failed to solve: process did not complete successfully");
        assert_eq!(reason("a\nb\n"), "b");
    }
}
