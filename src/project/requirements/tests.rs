use std::fmt::Write as _;

use super::*;

const HASH: &str = "sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3";

fn files(list: &[(&str, &str)]) -> Files {
    list.iter().map(|(name, text)| ((*name).to_owned(), SourceFile::new(*name, *text))).collect()
}

fn read(text: &str) -> Result<Requirements, Diagnostics> {
    Requirements::read("requirements.txt", &files(&[("requirements.txt", text)]))
}

fn errors(text: &str) -> String {
    let files = files(&[("requirements.txt", text)]);
    missing(&files).and_then(|_| Requirements::read("requirements.txt", &files)).unwrap_err().to_string()
}

#[test]
fn requirements_with_everything_that_may_stand_in_a_line() {
    let text = format!(
        "# by hand\n--index-url https://index.example/simple\nidna==3.10 ; python_version >= '3.8' \\\n    --hash={HASH} \\\n    \
         --hash={HASH}  # two\nhttpx[http2, brotli]>=0.28,<1\nparcel @ https://files.example/parcel-1.0.tar.gz#x=1 ; os_name == 'posix'\n\
         Plain_Name\nstar==1.*\nexact===1.0\n--require-hashes\n--pre\n--no-binary a, b\n--only-binary=:all:\n"
    );
    let requirements = read(&text).unwrap();
    let list: Vec<String> = requirements
        .list
        .iter()
        .map(|one| {
            let marker = if one.marker.is_some() { " marker" } else { "" };
            let pinned = if one.pinned { " pinned" } else { "" };
            format!("{}: {}: {}{pinned}{marker} {}", one.location, one.name, one.text, one.hashes.len())
        })
        .collect();
    assert_eq!(
        list,
        [
            "requirements.txt:3: idna: idna==3.10 ; python_version >= '3.8' pinned marker 2",
            "requirements.txt:6: httpx: httpx[http2, brotli]>=0.28,<1 0",
            "requirements.txt:7: parcel: parcel @ https://files.example/parcel-1.0.tar.gz#x=1 ; os_name == 'posix' pinned marker 0",
            "requirements.txt:8: plain-name: Plain_Name 0",
            "requirements.txt:9: star: star==1.* 0",
            "requirements.txt:10: exact: exact===1.0 pinned 0",
        ]
    );
    let options: Vec<&str> = requirements.options.iter().map(|option| option.as_str()).collect();
    assert_eq!(
        options,
        ["--index-url https://index.example/simple", "--no-binary a\n--no-binary b", "--only-binary :all:"]
    );
    assert!(requirements.require_hashes);
    assert_eq!(requirements.ignored[0].to_string(), "--pre");
}

#[test]
fn files_name_files_relative_to_themselves() {
    let first = files(&[("requirements.txt", "-r requirements/base.txt\n-c limits.txt\n")]);
    let wanted: Vec<String> = missing(&first).unwrap().into_iter().map(|path| path.value).collect();
    assert_eq!(wanted, ["requirements/base.txt", "limits.txt"]);
    let all = files(&[
        ("requirements.txt", "-r requirements/base.txt\n-c limits.txt\na\n"),
        ("requirements/base.txt", "-rmore.txt\n--constraint=../limits.txt\nb\n"),
        ("requirements/more.txt", "-r base.txt\nc\n"),
        ("limits.txt", "-r requirements/more.txt\nd<2\n"),
    ]);
    assert_eq!(missing(&all).unwrap(), []);
    let read = Requirements::read("requirements.txt", &all).unwrap();
    let names = |list: &[Requirement]| list.iter().map(|one| one.name.to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(names(&read.list), "c b a");
    // A file that constraints name is constraints, too.
    assert_eq!(names(&read.constraints), "b c d");
}

#[test]
fn refusals() {
    let mut text = String::new();
    for line in [
        "-r ../outside.txt",
        "-r /etc/requirements.txt",
        "-r https://host/requirements.txt",
        "-r",
        "-e .",
        "-e ./lib",
        ".",
        "./lib",
        "lib/",
        "/lib",
        "lib @ ./lib",
        "lib @ file:///lib",
        "lib @ git+https://host/lib@v1",
        "https://host/lib-1.0.tar.gz",
        "lib-1.0-py3-none-any.whl",
        "lib @ ftp://host/lib-1.0.tar.gz",
        "requirements-dev.txt",
        "lib==${VERSION}",
        "lib 1.0",
        "lib=>1",
        "lib[a b]",
        "lib==1 ; os_name = 'x'",
        "lib==1 --hash=sha256:00",
        "lib==1 --hash=crc:00",
        "lib==1 --global-option=x",
        "--process-dependency-links",
        "--index-url ./simple",
        "--index-url file:///simple",
        "--find-links wheels",
        "--no-binary a b",
        "\u{1b}[31m",
        "=1",
        "--index-url https://me:secret@host/simple",
        "-r https://me:secret@host/requirements.txt",
    ] {
        writeln!(text, "{}\n{}\n", line.escape_debug(), errors(&format!("\n{line}\n"))).unwrap();
    }
    let two = errors("-i https://a/simple\n-i https://b/simple\n");
    writeln!(text, "two indexes\n{two}").unwrap();
    insta::assert_snapshot!(text);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(-r|-c|--hash|[a-z]{0,3}==?|\\[| |;|@|://|#|\\\\|\n|.){0,40}") {
        let files = files(&[("requirements.txt", &text)]);
        let _ = missing(&files);
        let _ = Requirements::read("requirements.txt", &files).map_err(|errors| errors.to_string());
    }
}
