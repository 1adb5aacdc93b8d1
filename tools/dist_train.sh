#!/usr/bin/env bash
# Train with one process for every GPU (or, without GPUs, with as many CPU processes):
#     tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py, see its --help]
# For several machines set NNODES, NODE_RANK, MASTER_ADDR and PORT on each, and JOIN_TIMEOUT, the seconds in which all
# have to be started (default: 600). PYTHON names the interpreter.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
help_if_asked "$@"

[[ $# -ge 2 ]] || fail "expected CONFIG and GPUS: tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]"
config="$1" gpus="$2"
shift 2
run_processes "$gpus" "$ROOT/tools/train.py" "$config" --launcher pytorch "$@"
