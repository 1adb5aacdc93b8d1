#!/usr/bin/env bash
# Runs the tests on two processes, in .venv, which is made if it is missing. See --help.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
    cat <<'HELP'
Runs the tests on two processes, in .venv, which is made if it is missing.

usage: tools/run_tests.sh [--all] [arguments of pytest]

  tools/run_tests.sh                 the quick tests: minutes on two cores
  tools/run_tests.sh --all           all tests, also the slow ones, which start processes, kill them or run whole pages
  tools/run_tests.sh tests/tools     a folder, a file or a test with its slow tests
  tools/run_tests.sh -k resume -n 0  quick tests by name, in one process
  tools/run_tests.sh -m slow         the slow tests alone
  -h, --help                         this text; pytest's own: python -m pytest --help

DISTILPOSE_PYTHON=/path/to/python uses the environment of that Python instead.
HELP
}

case "${1:-}" in -h | --help) usage; exit 0 ;; esac
own_environment
cd "$ROOT"
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MPLBACKEND=Agg
exec "$PYTHON" -m pytest -n 2 --dist worksteal "$@"
