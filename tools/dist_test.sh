#!/usr/bin/env bash
# Evaluate with one process for every GPU (or, without GPUs, with as many CPU processes):
#     tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py, see its --help]
# For several machines set NNODES, NODE_RANK, MASTER_ADDR and PORT on each, and JOIN_TIMEOUT, the seconds in which all
# have to be started (default: 600). PYTHON names the interpreter.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
help_if_asked "$@"

[[ $# -ge 3 ]] || fail "expected three arguments: tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py]"
config="$1" checkpoint="$2" gpus="$3"
shift 3
run_processes "$gpus" "$ROOT/tools/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
