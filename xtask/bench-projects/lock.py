"""Makes the locks of the bench's projects again: `uvx --from uv==0.13.8 python3 xtask/bench-projects/lock.py`, or with any
other uv 0.13.8 and a Python 3.13 on the machine. Network is needed.

For each project: `uv.lock` with the two packages of BUMPS at their older version, `requirements.txt` for pip, one
`<scenario>.lock` with the entry of each of these packages at the newer version, and `second/` with the same versions.
An index that tells no sizes would make a lock that nobody has: sizes of the wheels for Linux on amd64 and arm64 are
asked of the server then.
"""

import pathlib
import re
import shutil
import subprocess
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
# Project, scenario, package, from, to.
BUMPS = [
    ("api", "small-bump", "idna", "3.19", "3.20"),
    ("api", "big-bump", "sqlalchemy", "2.1.8", "2.1.9"),
    ("data", "small-bump", "idna", "3.19", "3.20"),
    ("data", "big-bump", "numpy", "2.5.4", "2.5.5"),
]
WHEEL = re.compile(r'\{ url = "([^"]+\.whl)", (hash = "[^"]+")(, upload-time)')
sizes: dict[str, str] = {}


def uv(directory: pathlib.Path, *words: str) -> str:
    return subprocess.run(["uv", *words], cwd=directory, check=True, stdout=subprocess.PIPE, text=True).stdout


def runs_on_linux(url: str) -> bool:
    return url.endswith("-any.whl") or ("manylinux" in url and ("x86_64" in url or "aarch64" in url))


def sized(match: re.Match[str]) -> str:
    url, digest, rest = match.groups()
    if not runs_on_linux(url):
        return match[0]
    if url not in sizes:
        request = urllib.request.Request(url, method="HEAD")
        with urllib.request.urlopen(request) as answer:
            sizes[url] = answer.headers["Content-Length"]
    return f'{{ url = "{url}", {digest}, size = {sizes[url]}{rest}'


def add_sizes(path: pathlib.Path) -> None:
    path.write_text(WHEEL.sub(sized, path.read_text()))


def entry(lock: str, name: str) -> str:
    """The `[[package]]` of a name, without the empty line behind it."""
    return next(text for text in lock.split("\n\n") if text.startswith(f'[[package]]\nname = "{name}"\n')) + "\n"


for project in ["api", "data"]:
    home = HERE / project
    bumps = [bump[1:] for bump in BUMPS if bump[0] == project]
    home.joinpath("uv.lock").unlink(missing_ok=True)
    uv(home, "lock", "--upgrade", *(word for _, name, old, _ in bumps for word in ("-P", f"{name}=={old}")))
    add_sizes(home / "uv.lock")
    base = home.joinpath("uv.lock").read_text()
    for scenario, name, _, new in bumps:
        uv(home, "lock", "-P", f"{name}=={new}")
        add_sizes(home / "uv.lock")
        bumped = home.joinpath("uv.lock").read_text()
        assert bumped == base.replace(entry(base, name), entry(bumped, name)), f"{name} {new} changes more than its entry"
        home.joinpath(f"{scenario}.lock").write_text(entry(bumped, name))
        home.joinpath("uv.lock").write_text(base)
    shutil.copy(home / "uv.lock", home / "second/uv.lock")
    uv(home / "second", "lock")
    add_sizes(home / "second/uv.lock")
    for directory in [home, home / "second"]:
        words = ["--frozen", "--no-dev", "--no-emit-project", "--no-hashes", "--no-annotate", "--no-header"]
        directory.joinpath("requirements.txt").write_text(uv(directory, "export", *words))
