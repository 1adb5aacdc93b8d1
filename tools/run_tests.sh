#!/usr/bin/env bash
# Runs the tests on two processes, in .venv, which is made if it is missing. Arguments go to pytest:
#   tools/run_tests.sh                         everything
#   tools/run_tests.sh tests/host/test_repairs.py    one file
#   tools/run_tests.sh -k resume -n 0          by name, in one process
# DISTILPOSE_PYTHON=/path/to/python uses the environment of that Python instead.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

own_environment
cd "$ROOT"
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MPLBACKEND=Agg
exec "$PYTHON" -m pytest -n 2 --dist worksteal "$@"
