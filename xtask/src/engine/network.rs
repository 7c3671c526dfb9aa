//! The private engines' networks. Each engine has a bridge and an address range of its own, and dockerd is told to leave
//! the packet filter alone: so engines do not overwrite each other's rules, nor those of a Docker that the machine has.
//! The few rules that containers need to reach the world are added here, and removed with the engine. Published ports
//! are served by dockerd's own proxy.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::engine::{Kind, rootfs::inside};
use crate::process::{run, succeeds};

const PATIENCE: Duration = Duration::from_secs(20);

/// An engine's bridge and addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network(Kind);

impl Network {
    pub(crate) fn of(kind: Kind) -> Self {
        Self(kind)
    }

    /// The bridge's name; an interface name has at most 15 characters.
    pub(crate) fn bridge(self) -> &'static str {
        match self.0 {
            Kind::Containerd => "pyfront-ctrd",
            Kind::Graphdriver => "pyfront-graph",
            Kind::Newest => "pyfront-new",
            Kind::Scratch => "pyfront-scratch",
        }
    }

    fn second_octet(self) -> u8 {
        match self.0 {
            Kind::Containerd => 221,
            Kind::Graphdriver => 222,
            Kind::Newest => 223,
            Kind::Scratch => 224,
        }
    }

    /// All addresses of the engine: the default bridge has the first /24, networks that a person makes get the others.
    pub(crate) fn pool(self) -> String {
        format!("10.{}.0.0/16", self.second_octet())
    }

    fn gateway(self) -> String {
        format!("{}/24", self.gateway_address())
    }

    /// The bridge's own address, at which containers reach this machine.
    pub(crate) fn gateway_address(self) -> String {
        format!("10.{}.0.1", self.second_octet())
    }

    /// Makes the bridge and the rules; what is there already stays.
    pub(crate) fn up(self, rootfs: &Path) -> Result<()> {
        let ip = |words: &[&str]| run(inside(rootfs, "ip").args(words));
        let bridge = self.bridge();
        if !Path::new("/sys/class/net").join(bridge).exists() {
            ip(&["link", "add", bridge, "type", "bridge"]).context(
                "cannot make a network bridge; a private engine needs the right to (in a container: --privileged)",
            )?;
        }
        ip(&["address", "replace", &self.gateway(), "dev", bridge])?;
        ip(&["link", "set", bridge, "mtu", &mtu().to_string(), "up"])?;
        let forward = "/proc/sys/net/ipv4/ip_forward";
        if fs::read_to_string(forward).is_ok_and(|value| value.trim() != "1") {
            fs::write(forward, "1").context("cannot switch on the forwarding of packets")?;
        }
        let Some(iptables) = iptables(rootfs) else {
            bail!("neither iptables-nft nor iptables-legacy works with this kernel: containers would have no network");
        };
        for rule in self.rules() {
            if !succeeds(&mut rule.command(rootfs, iptables, "--check"), PATIENCE) {
                run(&mut rule.command(rootfs, iptables, "--insert"))?;
            }
        }
        Ok(())
    }

    /// Takes the rules and the bridge away.
    pub(crate) fn down(self, rootfs: &Path) {
        // What is not there needs no removal, so a failure is no news.
        if let Some(iptables) = iptables(rootfs) {
            for rule in self.rules() {
                succeeds(&mut rule.command(rootfs, iptables, "--delete"), PATIENCE);
            }
        }
        succeeds(inside(rootfs, "ip").args(["link", "delete", self.bridge()]), PATIENCE);
    }

    fn rules(self) -> [Rule; 3] {
        let pool = || self.pool();
        [
            Rule {
                table: "nat",
                chain: "POSTROUTING",
                matches: vec!["-s".into(), pool(), "!".into(), "-d".into(), pool()],
                target: "MASQUERADE",
            },
            Rule { table: "filter", chain: "FORWARD", matches: vec!["-s".into(), pool()], target: "ACCEPT" },
            Rule { table: "filter", chain: "FORWARD", matches: vec!["-d".into(), pool()], target: "ACCEPT" },
        ]
    }
}

/// One line of the packet filter.
struct Rule {
    table: &'static str,
    chain: &'static str,
    matches: Vec<String>,
    target: &'static str,
}

impl Rule {
    fn command(&self, rootfs: &Path, iptables: &str, action: &str) -> std::process::Command {
        let mut command = inside(rootfs, iptables);
        command.args(["--wait", "10", "--table", self.table, action, self.chain]).args(&self.matches);
        command.args(["-m", "comment", "--comment", "pyfront", "--jump", self.target]);
        command
    }
}

/// The packet filter's front end that this kernel understands.
fn iptables(rootfs: &Path) -> Option<&'static str> {
    ["iptables-nft", "iptables-legacy"]
        .into_iter()
        .find(|program| succeeds(inside(rootfs, program).args(["--table", "nat", "--list-rules"]), PATIENCE))
}

/// The packet size of the way out; a bridge that allows more makes TLS hang behind tunnels.
pub(crate) fn mtu() -> u32 {
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    default_interface(&routes)
        .and_then(|name| fs::read_to_string(Path::new("/sys/class/net").join(name).join("mtu")).ok())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1500)
}

fn default_interface(routes: &str) -> Option<&str> {
    routes.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let interface = fields.next()?;
        (fields.next()? == "00000000").then_some(interface)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_names_the_way_out() {
        let routes = "Iface\tDestination\tGateway\nlo0\t0000007F\t00000000\neth0\t00000000\t0101A8C0\n";
        assert_eq!(default_interface(routes), Some("eth0"));
        assert_eq!(default_interface("Iface\tDestination\n"), None);
    }

    #[test]
    fn networks_are_apart_and_names_fit() {
        let all = Kind::ALL.map(Network::of);
        for (at, network) in all.iter().enumerate() {
            assert!(network.bridge().len() <= 15);
            assert!(
                all[at + 1..].iter().all(|other| other.pool() != network.pool() && other.bridge() != network.bridge())
            );
        }
    }
}
