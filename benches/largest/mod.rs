//! The largest lock, made the same every time: 6 MB, 555 packages, up to 149 wheels each, 94 members, 669 conflict markers,
//! which is the size of the largest that are known.

use std::fmt::Write as _;

pub(crate) const MEMBERS: usize = 94;
/// Packages with two versions, one for each side of a conflict.
const FORKED: usize = 20;
const PACKAGES: usize = 555;
const CONFLICT_MARKERS: usize = 669;
const MOST_WHEELS: usize = 149;

/// Numbers that look random and are always the same (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            write!(text, "{:016x}", self.next()).unwrap();
        }
        text.truncate(digits);
        text
    }
}

const INDEX: &str = "https://index.example/simple";
const PLATFORMS: [&str; 17] = [
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "manylinux_2_28_x86_64",
    "manylinux_2_28_aarch64",
    "manylinux_2_17_ppc64le.manylinux2014_ppc64le",
    "manylinux_2_17_s390x.manylinux2014_s390x",
    "manylinux_2_31_armv7l",
    "manylinux_2_5_i686.manylinux1_i686.manylinux_2_17_i686.manylinux2014_i686",
    "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64",
    "musllinux_1_2_armv7l",
    "macosx_10_13_x86_64",
    "macosx_11_0_arm64",
    "macosx_10_13_universal2",
    "win_amd64",
    "win_arm64",
    "win32",
];
const PYTHONS: [&str; 10] = [
    "cp313-cp313",
    "cp314-cp314",
    "cp312-cp312",
    "cp311-cp311",
    "cp310-cp310",
    "cp313-cp313t",
    "cp314-cp314t",
    "cp39-cp39",
    "pp311-pypy311_pp73",
    "pp310-pypy310_pp73",
];
const MARKERS: [&str; 6] = [
    "sys_platform == 'win32'",
    "python_full_version < '3.13'",
    "platform_machine == 'x86_64' and sys_platform == 'linux'",
    "(platform_machine != 'aarch64' and sys_platform == 'linux') or (sys_platform != 'darwin' and sys_platform != 'linux')",
    "implementation_name != 'PyPy'",
    "platform_python_implementation != 'PyPy'",
];

fn third_party(index: usize) -> String {
    const WORDS: [&str; 12] =
        ["async", "http", "data", "google-cloud", "types", "py", "opentelemetry", "json", "grpc", "azure", "lib", "ml"];
    format!("{}-package-{index}", WORDS[index % WORDS.len()])
}

fn member(index: usize) -> String {
    if index == 0 { "app".to_owned() } else { format!("app-part-{index}") }
}

fn version(index: usize) -> String {
    format!("{}.{}.{}", 1 + index % 7, index % 31, index % 5)
}

/// The text of `uv.lock`.
pub(crate) fn lock() -> String {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let mut text = String::with_capacity(7 << 20);
    text.push_str(
        "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\nresolution-markers = [\n    \"python_full_version >= \
         '3.13' and sys_platform == 'linux'\",\n    \"python_full_version < '3.13' or sys_platform != 'linux'\",\n]\n\
         conflicts = [[\n    { package = \"app\", extra = \"cpu\" },\n    { package = \"app\", extra = \"gpu\" },\n    { \
         package = \"app\", extra = \"rocm\" },\n], [\n    { package = \"app\", group = \"new\" },\n    { package = \"app\", \
         group = \"old\" },\n]]\n\n[manifest]\nmembers = [\n",
    );
    for index in 0..MEMBERS {
        writeln!(text, "    \"{}\",", member(index)).unwrap();
    }
    text.push_str("]\n");

    let plain = PACKAGES - MEMBERS - 2 * FORKED;
    let mut left = CONFLICT_MARKERS;
    for index in 0..MEMBERS {
        let path = if index == 0 { ".".to_owned() } else { directory(index).trim_end_matches('/').to_owned() };
        let name = member(index);
        write!(
            text,
            "\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\nsource = {{ editable = \"{path}\" }}\ndependencies = [\n"
        )
        .unwrap();
        if index == 0 {
            (1..MEMBERS).for_each(|part| writeln!(text, "    {{ name = \"{}\" }},", member(part)).unwrap());
        }
        let first = index * plain / MEMBERS;
        let wanted: Vec<usize> = (first..first + 8).map(|wanted| wanted % plain).collect();
        for wanted in &wanted {
            writeln!(text, "    {{ name = \"{}\" }},", third_party(*wanted)).unwrap();
        }
        // Two edges to each forked package, until there are enough.
        for forked in 0..FORKED {
            conflicting_edges(&mut text, plain + forked, &mut left);
            if left < CONFLICT_MARKERS * (MEMBERS - 1 - index) / MEMBERS {
                break;
            }
        }
        text.push_str("]\n");
        if index == 0 {
            text.push_str("\n[package.optional-dependencies]\n");
            for extra in ["cpu", "gpu", "rocm"] {
                writeln!(text, "{extra} = [\n    {{ name = \"{}\" }},\n]", third_party(3)).unwrap();
            }
        }
        text.push_str("\n[package.metadata]\nrequires-dist = [\n");
        for wanted in &wanted {
            writeln!(text, "    {{ name = \"{}\", specifier = \">={}\" }},", third_party(*wanted), version(*wanted))
                .unwrap();
        }
        text.push_str("]\n");
        if index == 0 {
            text.push_str("provides-extras = [\"cpu\", \"gpu\", \"rocm\"]\n");
        }
    }

    for index in 0..plain {
        package(&mut text, index, &version(index));
        dependencies(&mut text, &mut numbers, index, plain);
        files(&mut text, &mut numbers, index, &version(index));
    }
    for index in plain..plain + FORKED {
        for version in ["1.0.0", "2.0.0"] {
            package(&mut text, index, version);
            files(&mut text, &mut numbers, index, version);
        }
    }
    text
}

fn package(text: &mut String, index: usize, version: &str) {
    write!(
        text,
        "\n[[package]]\nname = \"{}\"\nversion = \"{version}\"\nsource = {{ registry = \"{INDEX}\" }}\n",
        third_party(index)
    )
    .unwrap();
}

fn conflicting_edges(text: &mut String, index: usize, left: &mut usize) {
    let name = third_party(index);
    for (version, marker) in [
        ("1.0.0", "extra == 'extra-3-app-cpu' or (extra == 'extra-3-app-gpu' and extra == 'group-3-app-old')"),
        (
            "2.0.0",
            "extra == 'extra-3-app-gpu' or (extra != 'extra-3-app-cpu' and extra == 'extra-3-app-rocm') or (extra != \
             'extra-3-app-cpu' and extra != 'group-3-app-old')",
        ),
    ] {
        if *left > 0 {
            *left -= 1;
            writeln!(
                text,
                "    {{ name = \"{name}\", version = \"{version}\", source = {{ registry = \"{INDEX}\" }}, marker = \"{marker}\" }},"
            )
            .unwrap();
        }
    }
}

/// Edges to packages further down.
fn dependencies(text: &mut String, numbers: &mut Numbers, index: usize, plain: usize) {
    if index + 1 >= plain {
        return;
    }
    text.push_str("dependencies = [\n");
    for _ in 0..=numbers.below(6) {
        let name = third_party(index + 1 + numbers.below(plain - index - 1));
        match numbers.below(3) {
            0 => {
                let marker = MARKERS[numbers.below(MARKERS.len())];
                writeln!(text, "    {{ name = \"{name}\", marker = \"{marker}\" }},").unwrap();
            }
            _ => writeln!(text, "    {{ name = \"{name}\" }},").unwrap(),
        }
    }
    text.push_str("]\n");
}

fn files(text: &mut String, numbers: &mut Numbers, index: usize, version: &str) {
    let file = third_party(index).replace('-', "_");
    let mut entry = |name: &str| {
        let (path, hash) = (numbers.hex(64), numbers.hex(64));
        let (first, rest) = path.split_at(2);
        let (second, third) = rest.split_at(2);
        format!(
            "{{ url = \"https://files.index.example/packages/{first}/{second}/{third}/{name}\", hash = \"sha256:{hash}\", \
             size = {}, upload-time = \"2025-{:02}-{:02}T10:{:02}:27.{:03}Z\" }}",
            1000 + numbers.below(9_000_000),
            1 + numbers.below(12),
            1 + numbers.below(28),
            numbers.below(60),
            numbers.below(1000),
        )
    };
    writeln!(text, "sdist = {}", entry(&format!("{file}-{version}.tar.gz"))).unwrap();
    // A third of the packages is pure Python.
    let count = match index % 6 {
        0 | 3 => 1,
        1 => MOST_WHEELS - index % 40,
        2 => 30 + index % 20,
        _ => 12 + index % 24,
    };
    text.push_str("wheels = [\n");
    for wheel in 0..count {
        let name = if count == 1 {
            format!("{file}-{version}-py3-none-any.whl")
        } else {
            let (python, platform) = (PYTHONS[wheel / PLATFORMS.len()], PLATFORMS[wheel % PLATFORMS.len()]);
            format!("{file}-{version}-{python}-{platform}.whl")
        };
        writeln!(text, "    {},", entry(&name)).unwrap();
    }
    text.push_str("]\n");
}

/// The `pyproject.toml` of a member, the project itself being the first.
pub(crate) fn pyproject(index: usize) -> String {
    let plain = PACKAGES - MEMBERS - 2 * FORKED;
    let first = index * plain / MEMBERS;
    let mut text =
        format!("[project]\nname = \"{}\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n", member(index));
    text.push_str("dependencies = [\n");
    for wanted in (first..first + 8).map(|wanted| wanted % plain) {
        writeln!(text, "    \"{}>={}\",", third_party(wanted), version(wanted)).unwrap();
    }
    text.push_str("]\n");
    text
}

/// The directory of a member; empty for the project itself.
pub(crate) fn directory(index: usize) -> String {
    if index == 0 { String::new() } else { format!("packages/part-{index}/") }
}
