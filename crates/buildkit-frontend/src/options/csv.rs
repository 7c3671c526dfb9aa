//! One line of comma-separated values, as `encoding/csv` of Go reads it: the form in which several values of one
//! command-line flag arrive in one option.

/// Splits a line into its fields. A field in double quotes may hold commas, and quotes written twice.
pub(super) fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    let mut out = Vec::new();
    let mut rest = line;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut field = String::new();
            let mut tail = quoted;
            rest = loop {
                let (before, after) = tail.split_once('"').ok_or("a quote is not closed")?;
                field.push_str(before);
                match after.strip_prefix('"') {
                    Some(after) => {
                        field.push('"');
                        tail = after;
                    }
                    None => break after,
                }
            };
            out.push(field);
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None if rest.is_empty() => return Ok(out),
                None => return Err("something stands between a closing quote and the next comma"),
            }
        } else {
            let (field, next) = rest.split_once(',').map_or((rest, None), |(field, next)| (field, Some(next)));
            if field.contains('"') {
                return Err("a quote stands inside a field that does not begin with one");
            }
            out.push(field.to_owned());
            match next {
                Some(next) => rest = next,
                None => return Ok(out),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn reads_like_go() {
        assert_eq!(fields("a=1,b=2").unwrap(), ["a=1", "b=2"]);
        assert_eq!(fields(r#""a=1,2","b=""x""",c"#).unwrap(), ["a=1,2", "b=\"x\"", "c"]);
        assert_eq!(fields("").unwrap(), [""]);
        assert_eq!(fields("a,").unwrap(), ["a", ""]);
        for bad in ["\"a", "\"a\"b", "a\"b"] {
            assert!(fields(bad).is_err(), "{bad}");
        }
    }
}
