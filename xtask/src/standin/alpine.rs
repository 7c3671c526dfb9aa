//! A stand-in for `python:3.13-alpine`: CPython built for musl out of Debian's source packages, with Debian's musl and
//! busybox around it, laid out as Alpine and the official image do. What it cannot have is `apk` and its packages, and
//! CPython's modules for bzip2, lzma, sqlite and terminals, whose libraries are not built.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Archive, pack};
use crate::debian::{Recipe, remove_tree, require_root};
use crate::process::{capture, run_logged};
use crate::progress::step;
use crate::state::State;

/// The image's name.
pub(super) const IMAGE: &str = "python:3.13-alpine";

/// The release of Alpine that it says it is; its musl has the version of Debian trixie's.
const ALPINE: &str = "3.22.1";

const RECIPE: Recipe<'static> = Recipe {
    suite: "trixie",
    packages: &[
        "autoconf",
        "automake",
        "busybox-static",
        "ca-certificates",
        "gcc",
        "libc6-dev",
        "libltdl-dev",
        "libtool",
        "linux-libc-dev",
        "make",
        "musl-tools",
        "perl",
        "xz-utils",
    ],
    hooks: &[DOWNLOAD],
};

/// Fetches and unpacks the sources as their authors released them, without Debian's changes: those of the release itself (the
/// first line of apt's sources), or what came before or after it, for a mirror can lack a file that its index has.
const DOWNLOAD: &str = "chroot \"$1\" sh -ec 'mkdir /src; cd /src; \
    sed -n \"s/^deb /deb-src /p\" /etc/apt/sources.list > /etc/apt/sources.list.d/sources.list; apt-get update; \
    for name in python3.13 openssl zlib libffi; do \
        for version in /trixie $(apt-cache showsrc --only-source $name | sed -n \"s/^Version: /=/p\" | sort -urV); do \
            apt-get source --download-only $name$version && break; rm -f ${name}_*; \
        done; \
        mkdir $name; tar -xf ${name}_*.orig.tar.?z -C $name --strip-components=1; \
    done'";

/// Builds into `/out`. The compiler is Debian's own with musl's headers and libraries; it would call itself one for glibc,
/// which CPython's configure refuses, and it does not know the kernel's headers.
const BUILD: &str = r#"
mkdir /kernel
cp -r /usr/include/linux /usr/include/asm-generic /kernel/
cp -rL /usr/include/$(gcc -print-multiarch)/asm /kernel/asm
cat > /usr/local/bin/musl-cc <<'END'
#!/bin/sh
[ "$1" = --print-multiarch ] && exit 1
exec musl-gcc "$@"
END
chmod 755 /usr/local/bin/musl-cc
export CC=musl-cc CFLAGS="-O1 -fPIC -idirafter /kernel" MAKEFLAGS="-j$(nproc)"

cd /src/zlib
./configure --static --prefix=/musl
make -s libz.a install

cd /src/libffi
test -f configure || ./autogen.sh
./configure -q --prefix=/musl --build=x86_64-linux-musl --disable-shared --disable-docs --disable-builddir
make -s install

cd /src/openssl
./Configure linux-x86_64 --prefix=/musl --openssldir=/etc/ssl --libdir=lib no-shared no-tests no-apps no-docs no-module \
    no-engine no-async no-quic no-cmp no-cms no-ct no-gost no-aria no-bf no-camellia no-cast no-idea no-rc2 no-seed no-sm2 \
    no-sm3 no-sm4 no-whirlpool no-ml-dsa no-slh-dsa no-srp no-dtls no-ts no-mdc2 no-ui-console $CFLAGS
make -s build_libs
make -s install_dev

cd /src/python3.13
export CPPFLAGS=-I/musl/include LDFLAGS="-L/musl/lib -Wl,--strip-debug" PKG_CONFIG=false
./configure -q --prefix=/usr/local --enable-shared --without-ensurepip --disable-test-modules --with-openssl=/musl \
    ZLIB_CFLAGS=-I/musl/include ZLIB_LIBS="-L/musl/lib -lz" LIBFFI_CFLAGS=-I/musl/include LIBFFI_LIBS="-L/musl/lib -lffi"
make -s
make -s install DESTDIR=/out
cd /out/usr/local/lib/python3.13
rm -rf test idlelib config-*/*.a ../../share/man
find . -name __pycache__ -prune -exec rm -rf {} +
"#;

/// Whatever changes the image changes this.
pub(super) fn key() -> String {
    crate::state::key(&[&RECIPE.key(), include_str!("alpine.rs")])
}

/// The image, made when it is not there yet.
pub(super) fn archive(state: &State) -> Result<Archive> {
    Archive::ensure(state, "python313-alpine", &key(), |archive| {
        require_root()?;
        if std::env::consts::ARCH != "x86_64" {
            bail!("the stand-in for {IMAGE} is made on x86-64 only");
        }
        step(format!("making a stand-in for {IMAGE} from sources"), || make(archive))
    })
}

fn make(archive: &Archive) -> Result<()> {
    let builder = archive.directory().join("builder");
    RECIPE.make(&builder, &archive.directory().join("mmdebstrap.log"))?;
    let mut build = Command::new("chroot");
    build
        .arg(&builder)
        .args(["sh", "-exc", BUILD])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    run_logged(&mut build, &archive.directory().join("build.log")).context("cannot build CPython for musl")?;

    let tree = archive.directory().join("tree");
    assemble(&builder, &tree).context("cannot lay out the image")?;
    let version = "import platform, ssl, zlib; print(platform.python_version())";
    let version =
        capture(Command::new("chroot").arg(&tree).args(["/usr/local/bin/python3", "-I", "-B", "-c", version]))?;
    fs::write(archive.changes(), configuration(&version))?;
    pack(&tree, &["."], archive)?;
    remove_tree(&builder)?;
    remove_tree(&tree)
}

/// The directories, links and files of an Alpine image with Python in `/usr/local`.
fn assemble(builder: &Path, tree: &Path) -> Result<()> {
    const DIRECTORIES: &[&str] = &[
        "bin",
        "dev",
        "etc/ssl/certs",
        "home",
        "lib",
        "proc",
        "root",
        "run",
        "sbin",
        "sys",
        "tmp",
        "usr/bin",
        "usr/lib",
        "usr/sbin",
        "var/cache",
        "var/log",
        "var/tmp",
    ];
    for directory in DIRECTORIES {
        fs::create_dir_all(tree.join(directory))?;
    }
    for (directory, mode) in [("tmp", 0o1777), ("var/tmp", 0o1777), ("root", 0o700)] {
        fs::set_permissions(tree.join(directory), fs::Permissions::from_mode(mode))?;
    }
    fs::rename(builder.join("out/usr/local"), tree.join("usr/local"))?;
    symlink("python3", tree.join("usr/local/bin/python"))?;

    let loader = tree.join("lib/ld-musl-x86_64.so.1");
    fs::copy(builder.join("lib/ld-musl-x86_64.so.1"), &loader)?;
    fs::set_permissions(&loader, fs::Permissions::from_mode(0o755))?;
    // What programs that were built on Alpine ask for.
    symlink("ld-musl-x86_64.so.1", tree.join("lib/libc.musl-x86_64.so.1"))?;

    fs::copy(builder.join("usr/bin/busybox"), tree.join("bin/busybox"))?;
    let applets = capture(Command::new("chroot").arg(tree).args(["/bin/busybox", "--list"]))?;
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        symlink("/bin/busybox", tree.join("bin").join(applet))?;
    }
    symlink("/bin/env", tree.join("usr/bin/env"))?;

    let certificates = tree.join("etc/ssl/certs/ca-certificates.crt");
    fs::copy(builder.join("etc/ssl/certs/ca-certificates.crt"), certificates)?;
    symlink("certs/ca-certificates.crt", tree.join("etc/ssl/cert.pem"))?;
    fs::write(tree.join("etc/alpine-release"), format!("{ALPINE}\n"))?;
    let release =
        format!("NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID={ALPINE}\nPRETTY_NAME=\"Alpine Linux (stand-in)\"\n");
    fs::write(tree.join("usr/lib/os-release"), release)?;
    symlink("../usr/lib/os-release", tree.join("etc/os-release"))?;
    fs::write(tree.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n")?;
    fs::write(tree.join("etc/group"), "root:x:0:root\nnogroup:x:65533:\nnobody:x:65534:\n")?;
    fs::write(tree.join("etc/hosts"), "127.0.0.1\tlocalhost\n::1\tlocalhost\n")?;
    Ok(())
}

/// The same keys as the official image's configuration.
fn configuration(version: &str) -> String {
    format!(
        "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
         ENV GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305\n\
         ENV PYTHON_VERSION={version}\n\
         CMD [\"python3\"]\n"
    )
}
