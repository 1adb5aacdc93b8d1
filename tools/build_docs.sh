#!/usr/bin/env bash
# Builds the documentation site: tools/build_docs.sh [FOLDER]. FOLDER is build/site where none is named; its index.html
# opens without a server. Needs `pip install -e .[docs]`, and no network. Warnings, broken links among them, are errors.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
out="$(realpath -m -- "${1:-$ROOT/build/site}")"
cd "$ROOT"
exec "$PYTHON" -m sphinx --fail-on-warning --keep-going --quiet --fresh-env \
    --doctree-dir "$out/.doctrees" --conf-dir docs . "$out"
