#!/usr/bin/env bash
# Evaluate on a SLURM cluster:
#     [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [SRUN_ARGS=...] \
#         tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py, see its --help]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
help_if_asked "$@"

[[ $# -ge 4 ]] || fail "expected four arguments: tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT"
partition="$1" job="$2"
shift 2
run_slurm "$partition" "$job" "$ROOT/tools/test.py" "$@"
