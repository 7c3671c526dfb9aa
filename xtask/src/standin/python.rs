//! Stand-ins for `python:<minor>-slim`. Debian's interpreter is moved from `/usr` to `/usr/local`, where the official
//! images have theirs, and Debian's own ideas about install paths are taken out of it: what remains behaves like a build
//! from python.org. The package database forgets the moved packages, so that apt keeps working in the image.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::debian::{Recipe, remove_tree, require_root};
use crate::process::{capture, run};
use crate::progress::step;
use crate::standin::{Archive, pack};
use crate::state::{State, key};

/// A Python minor version and the Debian release that has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release {
    pub(crate) minor: &'static str,
    pub(crate) suite: &'static str,
}

/// Fetches the headers and pip's wheel without installing what they depend on, to where mmdebstrap does not tidy up.
const DOWNLOAD: &str = "chroot \"$1\" sh -ec 'mkdir /stand-in; cd /stand-in; apt-get download python3-pip-whl; \
    apt-get download lib$(readlink /usr/bin/python3)-dev'";

const PACKAGES: &[&str] = &["ca-certificates", "netbase", "python3", "tzdata"];

impl Release {
    fn recipe(&self) -> Recipe<'static> {
        Recipe { suite: self.suite, packages: PACKAGES, hooks: &[DOWNLOAD] }
    }

    /// Whatever changes the image changes this: the recipe, and this file.
    pub(crate) fn key(&self) -> String {
        key(&[&self.recipe().key(), self.minor, include_str!("python.rs")])
    }

    /// The image, made when it is not there yet.
    pub(crate) fn archive(&self, state: &State) -> Result<Archive> {
        // Without a dot: what follows one is the key.
        let name = format!("python{}-slim", self.minor.replace('.', ""));
        Archive::ensure(state, &name, &self.key(), |archive| {
            require_root()?;
            step(format!("making a stand-in for python:{}-slim from Debian {}", self.minor, self.suite), || {
                self.make(archive)
            })
        })
    }

    fn make(&self, archive: &Archive) -> Result<()> {
        let tree = archive.directory().join("tree");
        self.recipe().make(&tree, &archive.directory().join("mmdebstrap.log"))?;
        let image = Tree { root: tree.clone(), minor: self.minor };
        image.relocate().with_context(|| format!("cannot move Python {} to /usr/local", self.minor))?;
        let version = image.python(&["-I", "-c", "import platform; print(platform.python_version())"])?;
        image.remove_bytecode()?;
        fs::write(archive.changes(), self.configuration(&version))?;
        pack(&tree, &["."], archive)?;
        remove_tree(&tree)
    }

    /// The same keys as the official image's configuration.
    fn configuration(&self, version: &str) -> String {
        let signer = match self.minor {
            "3.11" => "A035C8C19219BA821ECEA86B64E628F8D684696D",
            _ => "7169605F62C751356D054A26A821E680E5FA6305",
        };
        format!(
            "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
             ENV LANG=C.UTF-8\n\
             ENV GPG_KEY={signer}\n\
             ENV PYTHON_VERSION={version}\n\
             CMD [\"python3\"]\n"
        )
    }
}

/// The root file system that becomes an image.
struct Tree {
    root: PathBuf,
    minor: &'static str,
}

impl Tree {
    fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("chroot");
        command.arg(&self.root).arg(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command
    }

    fn python(&self, words: &[&str]) -> Result<String> {
        capture(self.inside("/usr/local/bin/python3").args(words))
    }

    fn relocate(&self) -> Result<()> {
        let minor = self.minor;
        // Aside first: removing Debian's packages must not find them.
        let aside = self.path("stand-in");
        let (program, library) = (aside.join("python"), aside.join("lib"));
        rename(&self.path(&format!("usr/bin/python{minor}")), &program)?;
        rename(&self.path(&format!("usr/lib/python{minor}")), &library)?;
        self.forget_packages()?;

        let lib = self.path(&format!("usr/local/lib/python{minor}"));
        remove_tree(&lib)?;
        rename(&library, &lib)?;
        rename(&program, &self.path(&format!("usr/local/bin/python{minor}")))?;
        symlink(format!("python{minor}"), self.path("usr/local/bin/python3"))?;
        symlink("python3", self.path("usr/local/bin/python"))?;
        remove_debian_from(&lib)?;
        thaw_site(&self.path(&format!("usr/local/bin/python{minor}")))?;
        fs::create_dir(lib.join("site-packages"))?;
        self.add_headers_and_pip()?;
        remove_tree(&aside)
    }

    /// Takes Python's packages out of the package database, and their remains out of the file system. The libraries that
    /// they needed stay, marked as wanted.
    fn forget_packages(&self) -> Result<()> {
        let status = fs::read_to_string(self.path("var/lib/dpkg/status"))?;
        let names = status.lines().filter_map(|line| line.strip_prefix("Package: "));
        let ours: Vec<&str> = names.filter(|name| is_python_package(name)).collect();
        // Their removal scripts run the Python that is gone.
        for entry in fs::read_dir(self.path("var/lib/dpkg/info"))? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_python_package(&name) && [".prerm", ".postrm"].iter().any(|script| name.ends_with(script)) {
                fs::remove_file(entry.path())?;
            }
        }
        let wanted = capture(self.inside("apt-mark").arg("showauto"))?;
        let wanted: Vec<&str> = wanted.lines().filter(|name| !is_python_package(name)).collect();
        run(self.inside("apt-mark").arg("manual").args(wanted))?;
        run(self.inside("dpkg").args(["--purge", "--force-depends"]).args(ours))?;

        let remains = [
            "etc",
            "usr/bin",
            "usr/lib",
            "usr/lib/binfmt.d",
            "usr/lib/valgrind",
            "usr/share",
            "usr/share/applications",
            "usr/share/binfmts",
            "usr/share/lintian/overrides",
            "usr/share/pixmaps",
            "var/lib",
        ];
        for directory in remains {
            let Ok(entries) = fs::read_dir(self.path(directory)) else { continue };
            for entry in entries {
                let path = entry?.path();
                let ours = path.file_name().is_some_and(|name| {
                    let name = name.to_string_lossy();
                    name.starts_with("python") || name.starts_with("libpython")
                });
                match ours {
                    true if path.is_dir() && !path.is_symlink() => remove_tree(&path)?,
                    true => fs::remove_file(&path)?,
                    false => {}
                }
            }
        }
        Ok(())
    }

    fn add_headers_and_pip(&self) -> Result<()> {
        let minor = self.minor;
        let packages = self.path("stand-in");
        let unpacked = "/stand-in/unpacked";
        for entry in fs::read_dir(&packages)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "deb") {
                let name = entry.file_name().to_string_lossy().into_owned();
                run(self.inside("dpkg-deb").args(["--extract", &format!("/stand-in/{name}"), unpacked]))?;
                fs::remove_file(entry.path())?;
            }
        }
        let include = self.path("stand-in/unpacked/usr/include");
        let headers = include.join(format!("python{minor}"));
        // Debian's pyconfig.h only includes the one for the machine at hand.
        for architecture in fs::read_dir(&include)? {
            let real = architecture?.path().join(format!("python{minor}/pyconfig.h"));
            if real.exists() {
                fs::copy(&real, headers.join("pyconfig.h"))?;
            }
        }
        fs::create_dir_all(self.path("usr/local/include"))?;
        rename(&headers, &self.path(&format!("usr/local/include/python{minor}")))?;

        let wheels = fs::read_dir(self.path("stand-in/unpacked/usr/share/python-wheels"))?;
        let mut names = wheels.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
        let wheel = names.find(|name| name.starts_with("pip-")).context("Debian's pip wheel is missing")?;
        let wheel = format!("{unpacked}/usr/share/python-wheels/{wheel}");
        let runnable = format!("{wheel}/pip");
        self.python(&[&runnable, "install", "--quiet", "--no-index", "--no-deps", "--no-compile", &wheel])
            .map(drop)
            .context("cannot install pip")
    }

    /// The official images carry no bytecode.
    fn remove_bytecode(&self) -> Result<()> {
        let mut pending = vec![self.path("usr/local/lib")];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(&directory)? {
                let entry = entry?;
                if !entry.file_type()?.is_dir() {
                    continue;
                }
                if entry.file_name() == "__pycache__" {
                    remove_tree(&entry.path())?;
                } else {
                    pending.push(entry.path());
                }
            }
        }
        Ok(())
    }
}

/// Makes the standard library what python.org ships: `site-packages` under the prefix, one install scheme.
fn remove_debian_from(lib: &Path) -> Result<()> {
    for name in ["EXTERNALLY-MANAGED", "_distutils_system_mod.py", "sitecustomize.py"] {
        let path = lib.join(name);
        if path.is_symlink() || path.exists() {
            fs::remove_file(&path)?;
        }
    }
    let sysconfig = [lib.join("sysconfig/__init__.py"), lib.join("sysconfig.py")];
    let sysconfig = sysconfig.iter().find(|path| path.exists()).context("there is no sysconfig")?;
    edit(sysconfig, plain_sysconfig)?;
    edit(&lib.join("site.py"), plain_site)?;
    for entry in fs::read_dir(lib)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let recorded = name.starts_with("_sysconfigdata") || name.starts_with("_sysconfig_vars");
        if recorded && !path.is_symlink() {
            edit(&path, |text| Ok(prefixed(text)))?;
        }
    }
    Ok(())
}

fn is_python_package(name: &str) -> bool {
    name.starts_with("python3") || name.starts_with("libpython3")
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).with_context(|| format!("cannot move {} to {}", from.display(), to.display()))
}

fn edit(path: &Path, change: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = change(&text).with_context(|| format!("{} is not as expected", path.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Removes Debian's install schemes and makes `posix_prefix` the preferred one, as upstream has it.
fn plain_sysconfig(text: &str) -> Result<String> {
    let text = cut(text, "    'deb_system': {\n", "    'posix_home': {\n", "")?;
    let text = text.replace("'posix_home', 'posix_local', 'deb_system')", "'posix_home')");
    let text = cut(
        &text,
        "    if sys.base_prefix != sys.prefix or hasattr(sys, \"real_prefix\"):\n        # virtual environments\n",
        "    return {\n        'prefix': prefix_scheme,\n",
        "",
    )?;
    let text = text.replace("        'prefix': prefix_scheme,\n", "        'prefix': 'posix_prefix',\n");
    if text.contains("posix_local") || text.contains("prefix_scheme") {
        bail!("something of Debian's schemes is left in it")
    }
    Ok(text)
}

/// Makes `site` look for `lib/pythonX.Y/site-packages` alone.
fn plain_site(text: &str) -> Result<String> {
    let text = cut(
        text,
        "            if is_virtual_environment:\n",
        "            for libdir in libdirs:\n                path = os.path.join(prefix, libdir,\n",
        "",
    )?;
    let text = cut(&text, "    is_virtual_environment =", "    for prefix in prefixes:\n", "")?;
    Ok(text.replace("\"dist-packages\")", "\"site-packages\")"))
}

/// Makes the interpreter read `site.py`. It carries a compiled copy of Debian's `site` and would use that: the copy is
/// renamed in its table of frozen modules, by moving the pointer to its name one letter on.
fn thaw_site(program: &Path) -> Result<()> {
    let mut bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let (slot, name) = frozen_site(&bytes).with_context(|| format!("{} has no frozen `site`", program.display()))?;
    bytes[slot..slot + 8].copy_from_slice(&(name + 1).to_le_bytes());
    fs::write(program, bytes).with_context(|| format!("cannot write {}", program.display()))
}

/// Finds the table entry of the frozen `site`: the offset of the pointer to its name, and that pointer. It is told from
/// other mentions by the entry after it, which is `stat` (`_PyImport_FrozenStdlib` in CPython's Python/frozen.c). An entry
/// has 24 bytes, with Python 3.11 and 3.12 32.
fn frozen_site(elf: &[u8]) -> Option<(usize, u64)> {
    const LOAD: u64 = 1;
    let word = |at: usize| Some(u64::from_le_bytes(elf.get(at..at + 8)?.try_into().ok()?));
    let half = |at: usize| Some(usize::from(u16::from_le_bytes(elf.get(at..at + 2)?.try_into().ok()?)));
    // ELF64: program headers tell which part of the file is where in memory.
    let table = usize::try_from(word(32)?).ok()?;
    let segments: Vec<(u64, u64, u64)> = (0..half(56)?)
        .filter_map(|index| {
            let header = table + index * half(54)?;
            let kind = word(header)? & u64::from(u32::MAX);
            (kind == LOAD).then_some((word(header + 8)?, word(header + 16)?, word(header + 32)?))
        })
        .collect();
    let text_at = |address: u64| {
        let (offset, start, _) = segments.iter().find(|(_, start, size)| (*start..start + size).contains(&address))?;
        let rest = elf.get(usize::try_from(address - start + offset).ok()?..)?;
        rest.split(|&byte| byte == 0).next()
    };
    let is = |address: Option<u64>, name: &str| address.and_then(text_at) == Some(name.as_bytes());
    (0..elf.len()).step_by(8).find_map(|slot| {
        let name = word(slot)?;
        let ours = is(Some(name), "site") && (is(word(slot + 24), "stat") || is(word(slot + 32), "stat"));
        ours.then_some((slot, name))
    })
}

/// Build variables as `./configure --prefix=/usr/local` records them.
fn prefixed(text: &str) -> String {
    const MULTIARCH: [&str; 2] = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
    let mut text = text.to_owned();
    for triplet in MULTIARCH {
        for library in [format!("/usr/lib/{triplet}"), format!("/usr/include/{triplet}")] {
            let plain = library.trim_end_matches(triplet).trim_end_matches('/').to_owned();
            text = text.replace(&library, &plain);
        }
    }
    for (old, new) in [
        ("/usr/bin/python", "/usr/local/bin/python"),
        ("/usr/include", "/usr/local/include"),
        ("/usr/lib/pkgconfig", "/usr/local/lib/pkgconfig"),
        ("/usr/lib/python", "/usr/local/lib/python"),
    ] {
        text = text.replace(old, new);
    }
    for quote in ['\'', '"'] {
        for (old, new) in [
            ("/usr", "/usr/local"),
            ("/usr/bin", "/usr/local/bin"),
            ("/usr/lib", "/usr/local/lib"),
            ("/usr/share", "/usr/local/share"),
            ("/usr/share/man", "/usr/local/share/man"),
        ] {
            text = text.replace(&format!("{quote}{old}{quote}"), &format!("{quote}{new}{quote}"));
        }
    }
    text
}

/// Replaces everything from `from` up to, without, `to`.
fn cut(text: &str, from: &str, to: &str, with: &str) -> Result<String> {
    let start = text.find(from).with_context(|| format!("no line `{}`", from.trim()))?;
    let length = text[start..].find(to).with_context(|| format!("no line `{}`", to.trim()))?;
    Ok(format!("{}{with}{}", &text[..start], &text[start + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_variables_move_to_usr_local() {
        let debian = "'BINDIR': '/usr/bin',\n'INCLUDEPY': '/usr/include/python3.13',\n\
            'LIBDIR': '/usr/lib/x86_64-linux-gnu',\n'MACHDESTLIB': '/usr/lib/x86_64-linux-gnu/python3.13',\n\
            'INSTALL': '/usr/bin/install -c',\n\"prefix\": \"/usr\"\n'TZPATH': '/usr/share/zoneinfo'\n";
        let plain = "'BINDIR': '/usr/local/bin',\n'INCLUDEPY': '/usr/local/include/python3.13',\n\
            'LIBDIR': '/usr/local/lib',\n'MACHDESTLIB': '/usr/local/lib/python3.13',\n\
            'INSTALL': '/usr/bin/install -c',\n\"prefix\": \"/usr/local\"\n'TZPATH': '/usr/share/zoneinfo'\n";
        assert_eq!(prefixed(debian), plain);
    }

    #[test]
    fn a_library_of_another_shape_is_an_error() {
        assert!(plain_sysconfig("_INSTALL_SCHEMES = {}\n").unwrap_err().to_string().contains("deb_system"));
        assert!(plain_site("def getsitepackages():\n").is_err());
    }
}
