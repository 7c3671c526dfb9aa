//! The `.dockerignore` of a Python project.

/// What no build of a Python project needs, and what must not get into an image. Readmes and tests stay: a build backend
/// reads the one, `--target test` runs the others.
pub(super) const TEXT: &str = "\
# Version control and editors
.git
.idea
.vscode

# Python
.venv
**/__pycache__
**/*.pyc
**/.pytest_cache
**/.mypy_cache
**/.ruff_cache
**/.coverage
**/htmlcov
build
dist
**/*.egg-info

# Secrets
**/.env
**/.env.*

# What builds and runs the image
.dockerignore
.github
.gitlab-ci.yml
compose.yaml
docker-bake.hcl
kubernetes.yaml
";
