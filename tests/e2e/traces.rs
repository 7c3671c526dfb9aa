//! Where a credential could have been left behind: logs, image configs, histories, layers, provenance.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::engine::{Build, Engine};

/// Every form in which a password could have been left behind: as it is, and in base64, wherever it begins there.
pub(crate) struct Traces(Vec<String>);

impl Traces {
    pub(crate) fn of(password: &str) -> Self {
        let mut forms = vec![password.to_owned()];
        for before in 0..3 {
            let encoded = BASE64.encode("?".repeat(before) + password);
            // The first and the last character can hold bits of what is around.
            let (first, last) = ((before * 8).div_ceil(6), (before + password.len()) * 8 / 6);
            let word = &encoded[first..last];
            forms.extend([word.to_owned(), word.replace('+', "-").replace('/', "_")]);
        }
        forms.sort();
        forms.dedup();
        Self(forms)
    }

    /// The files below a directory that hold it, be it behind a compression.
    pub(crate) fn found_below(&self, directory: &Path) -> Vec<String> {
        self.among(&found_below(directory, &self.0))
    }

    /// The files that hold it, out of what was found below a directory.
    pub(crate) fn among(&self, found: &Found) -> Vec<String> {
        let files: BTreeSet<&String> = self.0.iter().filter_map(|form| found.get(form)).flatten().collect();
        files.into_iter().cloned().collect()
    }

    /// What has to be looked for.
    pub(crate) fn forms(&self) -> &[String] {
        &self.0
    }

    #[track_caller]
    pub(crate) fn assert_not_in(&self, bytes: &[u8], what: &str) {
        for trace in &self.0 {
            let found = bytes.windows(trace.len()).any(|window| window == trace.as_bytes());
            assert!(!found, "the password is in {what}");
        }
    }

    /// Looks at a build's log and at all of its image.
    #[track_caller]
    pub(crate) fn assert_not_in_build(&self, engine: &Engine, built: &Build) {
        self.assert_not_in(built.log.as_bytes(), "the log");
        self.assert_not_in(engine.inspect(&built.tag).to_string().as_bytes(), "the image's config");
        let history = engine.docker(&["history", "--no-trunc", "--format", "json", &built.tag]);
        self.assert_not_in(history.as_bytes(), "the image's history");
        let file = tempfile::NamedTempFile::new().unwrap();
        let saved = file.path().display().to_string();
        engine.docker(&["image", "save", "--output", &saved, &built.tag]);
        let looked_at = self.search(file.path(), "the saved image");
        assert!(looked_at > 5, "only {looked_at} files were looked at");
    }

    /// Builds once more with all of the provenance, in which the secret's `id` stands, and looks at it, and at the record that
    /// later versions of buildx keep of a build. `build` takes arguments of buildx. The classic store has no provenance.
    #[track_caller]
    pub(crate) fn assert_not_in_provenance(&self, engine: &Engine, id: &str, build: impl FnOnce(&[&str]) -> Build) {
        if engine.is_graphdriver() {
            return;
        }
        let output = tempfile::NamedTempFile::new().unwrap();
        let to = format!("type=oci,dest={}", output.path().display());
        let built = build(&["--provenance=mode=max", "--output", &to]);
        assert!(built.success, "{}", built.log);
        self.assert_not_in(built.log.as_bytes(), "the log");
        let unpacked = tempfile::tempdir().unwrap();
        let status = Command::new("tar").arg("-xf").arg(output.path()).arg("-C").arg(unpacked.path()).status().unwrap();
        assert!(status.success());
        let is_named = all_files(unpacked.path()).into_iter().any(|file| {
            // What is no text is a layer.
            let text = std::fs::read_to_string(file).unwrap_or_default();
            text.contains("slsa.dev/provenance") && text.contains(id)
        });
        assert!(is_named, "the provenance names the secret");
        self.search(output.path(), "the image with its provenance");
        let record = tempfile::NamedTempFile::new().unwrap();
        let exported = record.path().display().to_string();
        let export = ["buildx", "history", "export", "--output", &exported, "^0"];
        if Command::new("docker").args(export).output().unwrap().status.success() {
            self.search(record.path(), "the record of the build");
        }
    }

    /// Looks for the password in an archive: in its files, in compressed ones also behind the compression, and in archives
    /// within. Says how many files were looked at.
    fn search(&self, archive: &Path, what: &str) -> usize {
        let directory = tempfile::tempdir().unwrap();
        let status = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(directory.path()).status().unwrap();
        assert!(status.success(), "{what} cannot be unpacked");
        let found = self.found_below(directory.path());
        assert!(found.is_empty(), "the password is in {found:?} of {what}");
        all_files(directory.path()).len()
    }
}

/// In which files each of some texts was found.
pub(crate) type Found = BTreeMap<String, BTreeSet<String>>;

/// Looks for texts, none of which is part of another, in all files below a directory, in compressed ones also behind the
/// compression. However many texts there are, each file is read once: decompressing is what takes the time.
pub(crate) fn found_below(directory: &Path, texts: &[String]) -> Found {
    let patterns = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(patterns.path(), texts.join("\n")).unwrap();
    let mut found = Found::new();
    let mut grep = |path: &Path, input: Stdio, label: &Path| {
        let mut grep = Command::new("grep");
        grep.args(["--fixed-strings", "--text", "--only-matching", "--recursive", "--with-filename", "--null"]);
        grep.arg("--label").arg(label).arg("--file").arg(patterns.path()).arg("--").arg(path);
        let output = grep.stdin(input).env("LC_ALL", "C").output().unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let (file, text) = line.split_once('\0').expect("a file and what it holds");
            found.entry(text.to_owned()).or_default().insert(file.to_owned());
        }
    };
    grep(directory, Stdio::null(), directory);
    for file in all_files(directory) {
        let Some(program) = compression(&file) else { continue };
        let mut plain = Command::new(program);
        plain.args(["--decompress", "--stdout"]).arg(&file).stdout(Stdio::piped());
        let mut plain = plain.spawn().unwrap();
        grep(Path::new("-"), plain.stdout.take().unwrap().into(), &file);
        assert!(plain.wait().unwrap().success(), "{} cannot be decompressed", file.display());
    }
    found
}

/// A file with a secret's value, as an argument of buildx.
pub(crate) fn secret(id: &str, value: &str) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), value).unwrap();
    let argument = format!("id={id},src={}", file.path().display());
    (file, argument)
}

/// The program that decompresses a file, if it is compressed.
fn compression(file: &Path) -> Option<&'static str> {
    let mut head = [0; 4];
    // A shorter file is not compressed.
    std::fs::File::open(file).unwrap().read_exact(&mut head).ok()?;
    match head {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd] => Some("zstd"),
        _ => None,
    }
}

pub(crate) fn all_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(all_files(&path));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files
}
