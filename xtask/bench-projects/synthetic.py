"""Makes a project with a large lock, and its packages, and serves these: `synthetic.py DIRECTORY ADDRESS:PORT PACKAGES`.

The sizes of the packages are spread as those of real ones are: one in fifty has megabytes, most have some kilobytes. In
DIRECTORY are then `project/`, laid out as the other projects are, and `files/`, an index with a wheel for each package and one
more for each of the two that are bumped. What is there already and is the same is kept. Says `ready` when it serves.
"""

import base64
import hashlib
import http.server
import pathlib
import random
import shutil
import sys
import zipfile

HOME, ADDRESS, PACKAGES = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
INDEX = f"http://{ADDRESS}/simple/"
# Each package needs the next one, in chains of this length; the project needs the first of each.
CHAIN = 8
BIG = range(7, PACKAGES, 50)
PYPROJECT = """\
# syntax=org/pyfront
[project]
name = "{name}"
version = "0.1.0"
description = "A service with a large lock"
requires-python = "==3.13.*"
dependencies = [
{dependencies}]

[build-system]
requires = ["uv_build>=0.13,<0.14"]
build-backend = "uv_build"

[[tool.uv.index]]
url = "{index}"
default = true

[tool.pyfront]
command = ["python", "-m", "{name}.main"]
"""
MAIN = """\
\"\"\"The smallest program with dependencies.\"\"\"

import part_000

print("Hello from {name}", part_000.__name__)
"""


def name(number: int) -> str:
    return f"part-{number:03}"


def data(number: int, version: str) -> dict[str, bytes]:
    """The files of a package: some code, and something that does not compress, as compiled code hardly does."""
    numbers = random.Random(f"{number} {version}")
    size = numbers.randint(4_000_000, 12_000_000) if number in BIG else numbers.randint(2_000, 8_000)
    if number % 10 == 3:
        size = numbers.randint(200_000, 1_500_000)
    module = name(number).replace("-", "_")
    files = {f"{module}/__init__.py": b"", f"{module}/data.bin": numbers.randbytes(size)}
    for part in range(numbers.randint(3, 20)):
        functions = numbers.randint(5, 60)
        text = [f"def f{at}(a, b={numbers.randint(0, 99)}):\n    c = [a, b, {at}]\n    return sum(c) * {numbers.random()}\n" for at in range(functions)]
        files[f"{module}/m{part}.py"] = "\n\n".join(text).encode()
    return files


def wheel(number: int, version: str) -> tuple[str, str, int]:
    """Writes a wheel. Returns its name, its hash and its size."""
    distribution = name(number).replace("-", "_")
    files = data(number, version)
    info = f"{distribution}-{version}.dist-info"
    needs = f"Requires-Dist: {name(number + 1)}\n" if has_next(number) else ""
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name(number)}\nVersion: {version}\n{needs}".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: synthetic\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        record += f"{path},sha256={digest},{len(content)}\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    directory = HOME / "files/simple" / name(number)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{distribution}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            how = zipfile.ZIP_STORED if file.endswith(".bin") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(file), content, compress_type=how)
    content = path.read_bytes()
    return path.name, hashlib.sha256(content).hexdigest(), len(content)


def has_next(number: int) -> bool:
    return (number + 1) % CHAIN != 0 and number + 1 < PACKAGES


def entry(number: int, version: str) -> str:
    file, digest, size = wheel(number, version)
    needs = f'dependencies = [\n    {{ name = "{name(number + 1)}" }},\n]\n' if has_next(number) else ""
    return (
        f'[[package]]\nname = "{name(number)}"\nversion = "{version}"\nsource = {{ registry = "{INDEX}" }}\n{needs}wheels = [\n'
        f'    {{ url = "{INDEX}{name(number)}/{file}", hash = "sha256:{digest}", size = {size} }},\n]\n'
    )


def project(directory: pathlib.Path, module: str, numbers: range, entries: dict[int, str]) -> None:
    firsts = [number for number in numbers if number % CHAIN == 0]
    sources = directory / "src" / module
    sources.mkdir(parents=True)
    sources.joinpath("__init__.py").write_text("")
    sources.joinpath("main.py").write_text(MAIN.format(name=module))
    lines = "".join(f'    "{name(number)}",\n' for number in firsts)
    directory.joinpath("pyproject.toml").write_text(PYPROJECT.format(name=module, dependencies=lines, index=INDEX))
    lines = "".join(f'    {{ name = "{name(number)}" }},\n' for number in firsts)
    own = (
        f'[[package]]\nname = "{module}"\nversion = "0.1.0"\nsource = {{ editable = "." }}\ndependencies = [\n{lines}]\n\n'
        f"[package.metadata]\nrequires-dist = [\n{lines}]\n"
    )
    head = 'version = 1\nrevision = 3\nrequires-python = "==3.13.*"\n'
    directory.joinpath("uv.lock").write_text("\n".join([head, own, *(entries[number] for number in numbers)]))
    lines = "".join(f"{name(number)}==1.0.0\n" for number in numbers)
    options = f"--index-url {INDEX}\n--trusted-host {ADDRESS.partition(':')[0]}\n"
    directory.joinpath("requirements.txt").write_text(options + lines)


def make() -> None:
    shutil.rmtree(HOME, ignore_errors=True)
    entries = {number: entry(number, "1.0.0") for number in range(PACKAGES)}
    # The second one has half of the packages, in whole chains.
    project(HOME / "project", "many", range(PACKAGES), entries)
    project(HOME / "project/second", "fewer", range(PACKAGES // 2 // CHAIN * CHAIN), entries)
    for scenario, number in [("small-bump", 9), ("big-bump", BIG[0])]:
        HOME.joinpath(f"project/{scenario}.lock").write_text(entry(number, "1.0.1"))


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, directory=str(HOME / "files"))

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    # BuildKit asks for all files at once. With the 5 of Python's own server most of them would wait for minutes.
    request_queue_size = 1024


made = HOME / "made"
key = hashlib.sha256(pathlib.Path(__file__).read_bytes() + " ".join(sys.argv[1:]).encode()).hexdigest()
if not made.exists() or made.read_text() != key:
    make()
    made.write_text(key)
host, port = ADDRESS.split(":")
server = Server((host, int(port)), Handler)
print("ready", flush=True)
server.serve_forever()
