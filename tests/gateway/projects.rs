//! What the tests build: the examples' files, changed as a test needs them, and a daemon that knows these files and the
//! images below them. The lock files name a made-up index in place of the one that the examples were locked from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use buildkit_frontend::image::ImageReference;
use buildkit_frontend::testing::{FakeDaemon, FakeImage};

/// The configuration of the base image, as a daemon answers it.
pub(crate) const BASE: &str = r##"{"architecture":"amd64","os":"linux","created":"2025-07-01T00:00:00Z",
"config":{"Env":["PATH=/usr/local/bin:/usr/bin:/bin","PYTHON_VERSION=3.13.5"],"Cmd":["python3"],
"Labels":{"base":"yes"}},"rootfs":{"type":"layers","diff_ids":["sha256:aa","sha256:bb"]},
"history":[{"created":"2025-07-01T00:00:00Z","created_by":"# debian.sh --arch 'amd64' out/ 'bookworm' '@1751241600'"},{"created_by":"CMD python3","empty_layer":true}]}"##;
const UV: &str = r#"{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/uv"]}}"#;
pub(crate) const BASE_IMAGE: &str = "python:3.13-slim";
pub(crate) const UV_IMAGE: &str = "astral/uv:0.13.8";

/// A project's files by path, as a client would send them.
#[derive(Debug, Clone)]
pub(crate) struct Project(BTreeMap<String, String>);

impl Project {
    /// The files of an example.
    pub(crate) fn example(name: &str) -> Self {
        Self::of(&Path::new("examples").join(name))
    }

    /// The files of a directory of this repository. What is no text is replaced by some.
    pub(crate) fn of(path: &Path) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let mut files = BTreeMap::new();
        let mut directories = vec![PathBuf::new()];
        while let Some(directory) = directories.pop() {
            for entry in root.join(&directory).read_dir().unwrap() {
                let entry = entry.unwrap();
                let path = directory.join(entry.file_name());
                if entry.file_type().unwrap().is_dir() {
                    directories.push(path);
                } else if !path.components().any(|part| part.as_os_str() == "__pycache__") {
                    let text = std::fs::read_to_string(entry.path()).unwrap_or_else(|_| "binary".to_owned());
                    files.insert(path.to_str().unwrap().to_owned(), text);
                }
            }
        }
        for (name, text) in &mut files {
            if name.strip_suffix(".lock").is_some() || name == "pylock.toml" {
                *text = with_index(text);
            }
        }
        Self(files)
    }

    /// A project of these files.
    pub(crate) fn with_files(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    pub(crate) fn text(&self, path: &str) -> &str {
        &self.0[path]
    }

    pub(crate) fn with(mut self, path: &str, text: impl Into<String>) -> Self {
        self.0.insert(path.to_owned(), text.into());
        self
    }

    pub(crate) fn without(mut self, path: &str) -> Self {
        self.0.remove(path).unwrap();
        self
    }

    /// Replaces the first `from` in a file.
    #[track_caller]
    pub(crate) fn edit(mut self, path: &str, from: &str, to: &str) -> Self {
        let text = self.0.get_mut(path).unwrap();
        assert!(text.contains(from), "{path} has no {from:?}");
        *text = text.replacen(from, to, 1);
        self
    }

    /// A daemon that was asked to build this: `docker buildx build -f FILENAME .`
    pub(crate) fn build(&self, filename: &str) -> FakeDaemon {
        let daemon = FakeDaemon::new().option("filename", filename).option("source", "org/pyfront");
        daemon
            .option("cmdline", "org/pyfront")
            .local("dockerfile", self.0.clone())
            .local("context", self.0.clone())
            .image(BASE_IMAGE, FakeImage::new(BASE))
            .image(UV_IMAGE, FakeImage::new(UV))
    }

    /// The same files below a directory.
    pub(crate) fn moved_to(&self, directory: &str) -> Self {
        Self(self.0.iter().map(|(path, text)| (format!("{directory}/{path}"), text.clone())).collect())
    }

    /// A daemon that was asked to build this: `docker buildx build -f DIRECTORY/FILENAME .`
    pub(crate) fn build_in(&self, directory: &str, filename: &str) -> FakeDaemon {
        let prefix = format!("{directory}/");
        let own = self.0.iter().filter_map(|(path, text)| Some((path.strip_prefix(&prefix)?, text.clone())));
        self.build(filename).local("dockerfile", own.map(|(path, text)| (path.to_owned(), text)).collect::<Vec<_>>())
    }

    /// The files, to be sent under another name.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        self.0.clone()
    }
}

/// How an image stands in a build graph, normalised and with its digest if it has one.
pub(crate) fn source_of(reference: &str, image: &FakeImage) -> String {
    let digest = image.digest.map(|digest| format!("@{digest}")).unwrap_or_default();
    format!("docker-image://{}{digest}", ImageReference::parse(reference).unwrap().with_default_tag())
}

pub(crate) fn base_image() -> FakeImage {
    FakeImage::new(BASE)
}

pub(crate) fn uv_image() -> FakeImage {
    FakeImage::new(UV)
}

fn with_index(lock: &str) -> String {
    let mut parts = lock.split("https://");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result.push_str("https://index.example");
        result.push_str(part.find('/').map_or("", |slash| &part[slash..]));
    }
    result
}
