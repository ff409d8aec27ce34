#!/usr/bin/env bash
# Writes the lock files anew from pyproject.toml: names, versions and hashes, and no address of any
# index (docs/decisions/0006). Run by `make lock`; wants `uv` on PATH or puts it into .venv.
#
#   requirements.lock        everything that is developed and tested with
#   requirements-run.lock    what the daemon needs
#   requirements-image.lock  the same with what it needs in a cluster: what the image holds (Dockerfile)
#   requirements-build.lock  what builds the project itself, in the image's first stage
#
# The project itself goes in as an editable requirement and is left out of the result. Without that,
# the development group's `homeostat[all]` would be looked up by name in whatever index is
# configured, and a stranger's distribution of the same name would be locked in its place.
set -euo pipefail
cd "$(dirname "$0")/../.."

uv=$(command -v uv || echo .venv/bin/uv)
if [ ! -x "$uv" ]; then
  .venv/bin/python -m pip install --quiet uv
fi

compile() {
  "$uv" pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
    --python-version 3.11 --no-emit-package homeostat "$@"
}

echo "-e .[all]" | compile - --group dev --output-file requirements.lock
echo "-e ." | compile - --constraint requirements.lock --output-file requirements-run.lock
echo "-e .[kubernetes,prometheus]" | compile - --constraint requirements.lock --output-file requirements-image.lock
echo "hatchling" | compile - --constraint requirements.lock --output-file requirements-build.lock
