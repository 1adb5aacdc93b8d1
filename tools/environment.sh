# Sourced by the scripts. Sets ROOT and PYTHON, also for the scripts that this one starts, and lets PYTHON find the project.
#
# PYTHON is the caller's if set, that of an active virtual or conda environment (conda's "base" does not count),
# the project's .venv, or python3.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

if [[ -z "${PYTHON:-}" ]]; then
    if [[ -n "${VIRTUAL_ENV:-}" ]] || [[ -n "${CONDA_PREFIX:-}" && "${CONDA_DEFAULT_ENV:-base}" != base ]]; then
        PYTHON=python
    elif [[ -x "$ROOT/.venv/bin/python" ]]; then
        PYTHON="$ROOT/.venv/bin/python"
    else
        PYTHON=python3
    fi
fi
export PYTHON PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}"

# own_environment: PYTHON becomes that of .venv, which is made if it is missing, or DISTILPOSE_PYTHON if that is set:
# a path from the current directory or the name of a program.
own_environment() {
    if [[ -n "${DISTILPOSE_PYTHON:-}" ]]; then
        PYTHON="$(command -v -- "$DISTILPOSE_PYTHON")" || fail "DISTILPOSE_PYTHON is '$DISTILPOSE_PYTHON'; it does not run."
        case "$PYTHON" in /*) ;; *) PYTHON="$PWD/$PYTHON" ;; esac
        DISTILPOSE_PYTHON="$PYTHON"  # exported by the caller, and relative to the current directory until here
    else
        "$ROOT/tools/setup_env.sh"
        PYTHON="$ROOT/.venv/bin/python"
    fi
}

# asks_for_help ARGUMENTS: whether one of them is -h or --help.
asks_for_help() {
    local word
    for word in "$@"; do
        [[ "$word" != -h && "$word" != --help ]] || return 0
    done
    return 1
}

# help_if_asked ARGUMENTS: prints the comment at the top of the script and ends, where help is asked for.
help_if_asked() {
    if asks_for_help "$@"; then
        sed -n '2,${/^#/!q;s/^# \{0,1\}//p;}' "$0"
        exit 0
    fi
}

STARTED="$(printf '%q ' "$0" "$@")"  # the command that starts a run in several processes again, for its messages

# fail SENTENCE: wrong usage.
fail() {
    echo "$(basename "$0"): $1" >&2
    exit 2
}

# require_count NAME VALUE: VALUE must be a positive whole number.
require_count() {
    [[ "$2" =~ ^[1-9][0-9]*$ ]] || fail "$1 must be a positive whole number, and it is '$2'."
}

# run_processes COUNT SCRIPT [ARGS]: COUNT processes here, of NNODES machines, through torchrun.
run_processes() {
    local count="$1"
    shift
    local nodes="${NNODES:-1}"
    require_count GPUS "$count"
    require_count NNODES "$nodes"
    local meeting=(--standalone --local_addr=127.0.0.1)  # at a free port, so that runs on one machine do not meet
    if [[ -n "${PORT:-}${MASTER_ADDR:-}" || "$nodes" != 1 || "${NODE_RANK:-0}" != 0 ]]; then
        meeting=(--nnodes="$nodes" --node_rank="${NODE_RANK:-0}" --master_addr="${MASTER_ADDR:-127.0.0.1}"
                 --master_port="${PORT:-29500}")
        [[ -z "${JOIN_TIMEOUT:-}" ]] || require_count JOIN_TIMEOUT "$JOIN_TIMEOUT"
        meeting+=(--rdzv_conf "timeout=${JOIN_TIMEOUT:-600}")
    fi
    if [[ -z "${OMP_NUM_THREADS:-}" ]]; then  # the cores, shared by the processes
        local cores
        unset OMP_NUM_THREADS  # nproc heeds it
        cores="$(nproc 2> /dev/null || getconf _NPROCESSORS_ONLN)"
        export OMP_NUM_THREADS=$(( cores / count > 0 ? cores / count : 1 ))
    fi
    export DISTILPOSE_COMMAND="${STARTED% }"
    exec "$PYTHON" "$ROOT/tools/run_processes.py" "${meeting[@]}" --nproc_per_node="$count" "$@"
}

# run_slurm PARTITION JOB_NAME SCRIPT [ARGS]: GPUS processes, GPUS_PER_NODE on each machine, through srun.
run_slurm() {
    local partition="$1" job="$2" gpus="${GPUS:-8}"
    shift 2
    local per_node="${GPUS_PER_NODE:-$(( gpus < 8 ? gpus : 8 ))}"
    require_count GPUS "$gpus"
    require_count GPUS_PER_NODE "$per_node"
    command -v srun > /dev/null || fail "there is no srun here: this is no SLURM cluster; use the dist_ script."
    export DISTILPOSE_COMMAND="${STARTED% }"
    # SRUN_ARGS is several words on purpose.
    # shellcheck disable=SC2086
    exec srun -p "$partition" --job-name="$job" --gres="gpu:$per_node" --ntasks="$gpus" --ntasks-per-node="$per_node" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} "$PYTHON" -u "$@" --launcher slurm
}
