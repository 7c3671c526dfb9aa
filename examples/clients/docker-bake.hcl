# docker buildx bake            the image to run
# docker buildx bake pythons    one image for each Python

variable "TAG" {
  default = "latest"
}

group "default" {
  targets = ["runtime"]
}

# What the others have in common: pyproject.toml takes the place of a Dockerfile.
target "project" {
  context    = "."
  dockerfile = "pyproject.toml"
}

target "runtime" {
  inherits = ["project"]
  tags     = ["clock:${TAG}"]
}

target "pythons" {
  inherits = ["project"]
  name     = "python-${replace(python, ".", "-")}"
  matrix = {
    python = ["3.11", "3.13"]
  }
  args = {
    PYTHON_VERSION = python
  }
  tags = ["clock:${TAG}-python${python}"]
}

target "requirements" {
  inherits = ["project"]
  target   = "requirements"
  output   = ["type=local,dest=dist"]
}
