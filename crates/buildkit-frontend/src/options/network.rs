//! The network of build steps: `force-network-mode`, `add-hosts`, `hostname` and the proxies.

use std::collections::BTreeMap;
use std::net::IpAddr;

use buildkit_llb::{ExtraHost, NetworkMode, ProxyEnv};

use super::{OptionError, csv};

pub(super) fn parse_mode(text: &str) -> Result<NetworkMode, OptionError> {
    match text {
        "" | "sandbox" => Ok(NetworkMode::Sandbox),
        "host" => Ok(NetworkMode::Host),
        "none" => Ok(NetworkMode::None),
        _ => Err(OptionError::new("force-network-mode", text, "host, none or sandbox")),
    }
}

pub(super) fn parse_hosts(text: &str) -> Result<Vec<ExtraHost>, OptionError> {
    let wrong = || OptionError::new("add-hosts", text, "a comma-separated list of name=address, such as db=10.0.0.7");
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let host = |field: String| {
        let (host, address) = field.split_once('=').ok_or_else(wrong)?;
        let ip: IpAddr = address.parse().map_err(|_| wrong())?;
        Ok(ExtraHost { host: host.to_lowercase(), ip })
    };
    csv::fields(text).map_err(|_| wrong())?.into_iter().map(host).collect()
}

/// Collects the proxies among the build args. Their names count in any case; the usual capitals win over others.
pub(super) fn proxies(build_args: &BTreeMap<String, String>) -> ProxyEnv {
    let find = |name: &str| {
        let other = || build_args.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        build_args.get(name).or_else(other).cloned().unwrap_or_default()
    };
    ProxyEnv {
        http: find("HTTP_PROXY"),
        https: find("HTTPS_PROXY"),
        ftp: find("FTP_PROXY"),
        no: find("NO_PROXY"),
        all: find("ALL_PROXY"),
    }
}

/// Whether a build arg is one of the proxies.
pub(super) fn is_proxy(name: &str) -> bool {
    const NAMES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];
    NAMES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        assert_eq!(parse_mode(""), Ok(NetworkMode::Sandbox));
        assert_eq!(parse_mode("host"), Ok(NetworkMode::Host));
        assert_eq!(
            parse_mode("bridge").unwrap_err().to_string(),
            "invalid value \"bridge\" for option force-network-mode (--network): expected host, none or sandbox"
        );
    }

    #[test]
    fn hosts() {
        let hosts = parse_hosts("DB=10.0.0.7,v6=::1").unwrap();
        assert_eq!(hosts[0], ExtraHost { host: "db".into(), ip: [10, 0, 0, 7].into() });
        assert_eq!(hosts[1].ip.to_string(), "::1");
        assert_eq!(parse_hosts(""), Ok(Vec::new()));
        for bad in ["db", "db=host", "db=10.0.0.7,"] {
            assert!(parse_hosts(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn proxies_in_any_case() {
        let args = [("http_proxy", "low"), ("HTTP_PROXY", "up"), ("No_Proxy", "x"), ("OTHER", "y")];
        let args = args.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let proxy = proxies(&args);
        assert_eq!((proxy.http.as_str(), proxy.no.as_str(), proxy.https.as_str()), ("up", "x", ""));
        assert!(is_proxy("all_proxy") && !is_proxy("PROXY"));
    }
}
