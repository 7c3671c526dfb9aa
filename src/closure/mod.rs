//! The lock file × one target: exactly the packages that `uv sync --frozen` would install, each with its artifact.
