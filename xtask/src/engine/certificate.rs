//! A certificate for the servers of the end-to-end tests: a private engine trusts it next to what this machine trusts, so
//! that BuildKit's own sources are tested over TLS. It is good for the address of the engine's own bridge and no other.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::engine::network::Network;
use crate::engine::{Kind, linked, rootfs};
use crate::process::run;

/// openssl asks for a file of settings, and needs nothing of it.
const SETTINGS: &str = "[req]\ndistinguished_name = name\n[name]\n";

/// The private key and the certificate, one file in the form PEM.
pub(crate) fn path(engine: &Path) -> PathBuf {
    engine.join("test-server.pem")
}

/// Makes the certificate when it is not there yet, and lets the root file system trust it and those of its other engines.
pub(crate) fn ensure(kind: Kind, engine: &Path, root: &Path) -> Result<()> {
    let path = path(engine);
    if !path.exists() {
        make(kind, engine, root, &path).context("cannot make a certificate for the servers of tests")?;
    }
    // Engines of one release share a root file system, and each start makes its list of certificates anew.
    let engines = engine.parent().unwrap_or(engine);
    for path in Kind::ALL.map(|kind| self::path(&engines.join(kind.name()))) {
        let text = fs::read_to_string(path).unwrap_or_default();
        if let Some(start) = text.find("-----BEGIN CERTIFICATE-----") {
            rootfs::trust(root, &text[start..])?;
        }
    }
    Ok(())
}

fn make(kind: Kind, engine: &Path, root: &Path, path: &Path) -> Result<()> {
    let file = |name: &str| engine.join(format!("test-server.{name}"));
    let (settings, key, certificate) = (file("cnf"), file("key"), file("crt"));
    fs::write(&settings, SETTINGS)?;
    let words = linked(root, "usr/bin/openssl");
    let mut openssl = Command::new(&words[0]);
    openssl.args(&words[1..]).env("OPENSSL_CONF", &settings);
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "3650",
    ]);
    openssl.args(["-subj", "/CN=pyfront tests", "-addext", "basicConstraints=critical,CA:FALSE", "-addext"]);
    openssl.arg(format!("subjectAltName=IP:{}", Network::of(kind).gateway_address()));
    openssl.arg("-config").arg(&settings).arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    run(&mut openssl)?;
    let both = fs::read_to_string(&key)? + &fs::read_to_string(&certificate)?;
    // Whole or not at all, and readable for the owner alone, as openssl makes keys.
    fs::write(&key, both)?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    fs::rename(&key, path)?;
    fs::remove_file(&certificate)?;
    Ok(fs::remove_file(&settings)?)
}
