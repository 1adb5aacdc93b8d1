#!/usr/bin/env bash
# Train on a SLURM cluster:
#     [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [SRUN_ARGS=...] \
#         tools/slurm_train.sh PARTITION JOB_NAME CONFIG [WORK_DIR] [arguments of tools/train.py, see its --help]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
help_if_asked "$@"

[[ $# -ge 3 ]] || fail "expected PARTITION, JOB_NAME and CONFIG: tools/slurm_train.sh PARTITION JOB_NAME CONFIG [WORK_DIR]"
partition="$1" job="$2" config="$3"
shift 3
work_dir=()
if [[ $# -gt 0 && "$1" != -* ]]; then
    work_dir=(--work-dir "$1")
    shift
fi
run_slurm "$partition" "$job" "$ROOT/tools/train.py" "$config" ${work_dir[@]+"${work_dir[@]}"} "$@"
