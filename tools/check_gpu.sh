#!/usr/bin/env bash
# Checks a GPU in about ten minutes: whether it computes what the CPU does, and how fast it is.
usage() {
    cat <<'TEXT'
usage: bash tools/check_gpu.sh [--device NAME] [--out FOLDER] [--minutes N] [--python FILE] [--dry]

Checks your GPU in about ten minutes, the most important parts first: versions and devices (distilpose doctor),
predictions, losses and gradients against the CPU, the tests that run on any device, and the speed of training,
inference and data of DistilPose. Weights are random and images synthetic: nothing is downloaded. Every part has a
limit, prints a line and its last lines, and writes all it says to FOLDER/PART.txt; FOLDER/summary.txt has the lines.

  --device NAME    cuda, cuda:N or cpu (default: cuda)
  --out FOLDER     where results go (default: work_dirs/check_gpu)
  --minutes N      at most this long (default: 10); what is left then is not run
  --python FILE    interpreter (default: .venv/bin/python here, or python3)
  --dry            the smallest sizes of a small network, to try the script itself; with --device cpu, in minutes

Ends with 1 if a part failed or something differs, else with 0.
TEXT
}
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

device=cuda out=work_dirs/check_gpu minutes=10 python='' dry=
while (( $# )); do
    case "$1" in
        --device|--out|--minutes|--python)
            (( $# > 1 )) || { echo "error: $1 needs a value" >&2; exit 2; }
            printf -v "${1#--}" '%s' "$2"; shift 2 ;;
        --dry) dry=1; shift ;;
        -h|--help) usage; exit 0 ;;
        *) echo "error: unknown argument $1; see --help" >&2; exit 2 ;;
    esac
done
[[ "$minutes" =~ ^[1-9][0-9]*$ ]] || { echo "error: --minutes is $minutes; expected a whole number above 0" >&2; exit 2; }
[[ -n "$python" ]] || { [[ -x .venv/bin/python ]] && python=.venv/bin/python || python=python3; }
if [[ "$device" == cuda* ]] && ! "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    echo "error: torch finds no CUDA device here; install a torch with CUDA, or try the script with --device cpu --dry" >&2
    exit 2
fi
mkdir -p "$out"
: > "$out/summary.txt"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 PYTHONWARNINGS=ignore MPLBACKEND=Agg
began=$SECONDS failed=0

# part NAME SECONDS COMMAND...: runs a command with a limit, or with what is left of the time if that is less.
part() {
    local name="$1" limit="$2" left=$(( 60 * minutes - SECONDS + began )) start=$SECONDS code=0 result line
    shift 2
    if (( left < 10 )); then
        echo "$name: not run, no time left" | tee -a "$out/summary.txt"
        return
    fi
    timeout -k 5 "$(( limit < left ? limit : left ))" "$@" > "$out/$name.txt" 2>&1 || code=$?
    case $code in
        0) result=passed ;;
        124|137) result='cut off' ;;
        *) result=FAILED failed=1 ;;
    esac
    line="$name: $result, $(( SECONDS - start )) s"
    echo "== $line"
    echo "$line" >> "$out/summary.txt"
    tail -n 25 "$out/$name.txt"
}
bench() { local name="$1" limit="$2"; shift 2; part "$name" "$limit" "$python" tools/benchmark.py "$@" --runs "$runs"; }

configs=configs/body/2d_kpt_sview_rgb_img/distilpose
if [[ -n "$dry" ]]; then
    small=$configs/lspet/DistilPose_XS_lspet_96x64.py large='' batch=1 wide=2 runs=1 slow=20
    tests=(tests/benchmark/test_device_check.py -n 0) on=(--device "$device" --threads 1)
else
    small=$configs/coco/DistilPose_S_coco_256x192.py large=$configs/coco/DistilPose_L_coco_256x192.py
    batch=32 wide=256 runs=7 slow=1 on=(--device "$device")
    tests=(-m device -n 8)
fi

[[ "$device" == cuda* ]] && part card 20 nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv
part doctor $(( 60 * slow )) "$python" -m distilpose_cli doctor
part equal $(( 120 * slow )) "$python" -m distilpose.benchmark.device_check "$small" --device "$device"
bench train $(( 60 * slow )) train "$small" --fast --baseline --parts --batch-size $batch "${on[@]}"
bench infer_one $(( 40 * slow )) infer "$small" --baseline --dtypes float32 bfloat16 --batch-size 1 "${on[@]}"
bench infer_batch $(( 40 * slow )) infer "$small" --baseline --dtypes float32 bfloat16 --batch-size $wide "${on[@]}"
if "$python" -c 'import pytest' 2> /dev/null; then
    part tests $(( 150 * slow )) "$python" -m pytest -q --maxfail 20 -p no:cacheprovider --device "$device" "${tests[@]}"
else
    echo "tests: not run, pytest is not installed" | tee -a "$out/summary.txt"
fi
if [[ -n "$large" ]]; then
    bench train_large 60 train "$large" --fast --baseline --parts --batch-size $batch "${on[@]}"
    bench train_wide 60 train "$small" --fast --batch-size $wide "${on[@]}"
fi
if [[ "$device" == cuda* ]]; then
    bench infer_graphs 90 infer "$small" --dtypes float32 bfloat16 --batch-size 1 --compile reduce-overhead "${on[@]}"
fi
echo "== done in $(( SECONDS - began )) s; all output is in $out"
cat "$out/summary.txt"
exit $failed
