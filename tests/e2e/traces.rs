//! Where a credential could have been left behind: logs, image configs, histories, layers, provenance.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::engine::{Build, Engine};

/// Every form in which a password could have been left behind.
pub(crate) struct Traces(Vec<Vec<u8>>);

impl Traces {
    pub(crate) fn of(user: &str, password: &str) -> Self {
        // The user name's length decides how the password falls on base64's groups; these two cover it.
        let encoded = [BASE64.encode(format!("{user}:{password}")), BASE64.encode(password)];
        let words = encoded.iter().map(|text| text.trim_end_matches('=').bytes().take(16).collect());
        Self(words.chain([password.as_bytes().to_vec()]).collect())
    }

    #[track_caller]
    pub(crate) fn assert_not_in(&self, bytes: &[u8], what: &str) {
        for trace in &self.0 {
            let found = bytes.windows(trace.len()).any(|window| window == trace);
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
            let text = std::fs::read(file).unwrap();
            let text = String::from_utf8_lossy(&text);
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
        let files = all_files(directory.path());
        for file in &files {
            let bytes = std::fs::read(file).unwrap();
            let name = format!("{} of {what}", file.display());
            self.assert_not_in(&bytes, &name);
            let program = match bytes.get(..4) {
                Some([0x1f, 0x8b, ..]) => "gzip",
                Some([0x28, 0xb5, 0x2f, 0xfd]) => "zstd",
                _ => continue,
            };
            let plain = Command::new(program).args(["--decompress", "--stdout"]).arg(file).output();
            self.assert_not_in(&plain.expect("the file can be decompressed").stdout, &name);
        }
        files.len()
    }
}

/// A file with a secret's value, as an argument of buildx.
pub(crate) fn secret(id: &str, value: &str) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), value).unwrap();
    let argument = format!("id={id},src={}", file.path().display());
    (file, argument)
}

fn all_files(directory: &Path) -> Vec<PathBuf> {
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
