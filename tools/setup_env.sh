#!/usr/bin/env bash
# Makes .venv at the root of the project: torch, every pinned package, the project itself. See --help.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.venv"
stamp="$venv/.distilpose-environment"
torch_pin='torch==2.13.0'

usage() {
    cat <<HELP
Makes the environment of this project in $venv; nothing is compiled and nothing outside is changed.

usage: tools/setup_env.sh [--python PYTHON] [--torch WHAT] [--recreate]

  --python PYTHON  the Python to use, 3.10 to 3.13 (default: the first of python3, python3.13 ... 3.10 that fits)
  --torch WHAT     which torch to use (default: $torch_pin from pip's index; remembered for the next run)
                     system               the torch that PYTHON already has, 2.6 or later; it is not touched
                     a requirement        for instance torch==2.12.1
                     a file or URL of a wheel (.whl)
                     an index URL         $torch_pin from there, for instance
                                          https://download.pytorch.org/whl/cpu (small, no GPU)
  --recreate       throw .venv away first
  -h, --help       this text

Run it again at any time: a finished environment is recognised at once, an interrupted one is completed.
HELP
}

say() { printf '%s\n' "$*"; }
stop() { printf 'setup_env: %s\n' "$*" >&2; exit 1; }

python='' torch='' recreate=''
while (($#)); do
    case "$1" in
        --python) python="${2:?--python needs a value, see --help}"; shift 2 ;;
        --torch) torch="${2:?--torch needs a value, see --help}"; shift 2 ;;
        --recreate) recreate=yes; shift ;;
        -h | --help) usage; exit 0 ;;
        *) stop "unknown argument '$1', see --help" ;;
    esac
done

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0 PIP_NO_INPUT=1 PYTHONDONTWRITEBYTECODE=
unset PYTHONHOME PIP_REQUIRE_VIRTUALENV PIP_TARGET PIP_PREFIX

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

fits() { # PYTHON -> 0 if it runs and is one of those that are tested
    case "$(version_of "$1")" in 3.10 | 3.11 | 3.12 | 3.13) return 0 ;; *) return 1 ;; esac
}

find_python() {
    local candidate found=''
    if [[ -n $python ]]; then
        fits "$python" && return
        found="$(version_of "$python" || true)"
        stop "$python is ${found:+Python }${found:-no Python that runs}, and Python 3.10, 3.11, 3.12 or 3.13 is needed: name one with --python."
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.10 python; do
        if fits "$candidate"; then python="$candidate"; return; fi
        [[ -n $found ]] || found="$(version_of "$candidate" || true)"
    done
    stop "no Python 3.10, 3.11, 3.12 or 3.13 was found${found:+ (only $found)}: install one, or name one with --python."
}

wanted_state() { # what the stamp of a finished environment says
    printf 'torch: %s\n' "$torch"
    cat "$root/requirements.txt" "$root/setup.py" "$root/tools/setup_env.sh" | cksum
    printf '%s\n' "$root"
}

pip_install() { # WHAT-IN-WORDS ARGUMENT...
    local what="$1"; shift
    "$venv/bin/python" -m pip install --retries 2 "$@" || stop "pip could not install $what (its own words are above). Is\
 this machine online, and is the disk not full? What is installed so far is kept: run this again when it is mended."
}

has_torch() { # PIN [PYTHON] -> 0 if that torch, or for an empty pin any torch that is new enough, is there and works
    "${2:-$venv/bin/python}" - "$1" >/dev/null 2>&1 <<'PYTHON'
import sys
import torch
version = tuple(int(part) for part in torch.__version__.split('+')[0].split('.')[:2])
raise SystemExit(0 if version >= (2, 6) and sys.argv[1] in ('', 'torch==' + torch.__version__.split('+')[0]) else 1)
PYTHON
}

make_venv() {
    local arguments=()
    [[ $torch == system ]] && arguments+=(--system-site-packages)
    say "1/4 a virtual environment of $("$python" --version 2>&1)"
    if [[ $torch == system ]] && ! has_torch '' "$python"; then
        stop "$python has no torch 2.6 or later that imports, which --torch system needs."
    fi
    "$python" -m venv --clear ${arguments[@]+"${arguments[@]}"} "$venv" || stop "$python cannot make a virtual environment (its own words\
 are above): on Debian and Ubuntu install python3-venv, or name another Python with --python."
    if [[ $torch == system ]]; then remember_torch; fi
}

remember_torch() { printf '%s\n' "$torch" > "$venv/.distilpose-torch"; }

install_torch() {
    local version
    case "$torch" in
        system)
            say '2/4 torch: the one that this Python has' ;;
        '')
            say "2/4 $torch_pin"
            has_torch "$torch_pin" || pip_install "$torch_pin" "$torch_pin" ;;
        *.whl | *==* | torch*)
            say "2/4 $torch"
            has_torch "$torch" || pip_install "$torch" "$torch" ;;
        *://*)
            say "2/4 $torch_pin from $torch"
            has_torch "$torch_pin" || pip_install "$torch_pin from $torch" --index-url "$torch" "$torch_pin" ;;
        *) stop "--torch is '$torch': it must be system, a requirement, a wheel or an index URL, see --help." ;;
    esac
    has_torch '' || stop "the torch in $venv does not import or is older than 2.6: run this with --recreate."
    remember_torch
    version="$("$venv/bin/python" -W ignore -c 'import torch; print(torch.__version__, "with" if torch.version.cuda else "without", "CUDA")')"
    say "    torch $version"
}

install_packages() {
    local pins="$root/requirements.txt" filtered=''
    if [[ $torch == system ]] && "$venv/bin/python" -c 'import torchvision' >/dev/null 2>&1; then
        filtered="$venv/.requirements-without-torchvision.txt" # the one that belongs to that torch stays
        grep -v '^torchvision==' "$pins" > "$filtered"
        pins="$filtered"
    fi
    if "$venv/bin/python" -m pip show --quiet onnxruntime-gpu >/dev/null 2>&1; then
        filtered="$venv/.requirements-without-onnxruntime.txt" # both are one module, and the one for GPUs stays
        grep -v '^onnxruntime==' "$pins" > "$filtered"
        pins="$filtered"
    fi
    say "3/4 the $(grep -c == "$root/requirements.txt") pins of requirements.txt"
    pip_install 'the pins of requirements.txt' --quiet --no-deps -r "$pins"
}

install_project() {
    say '4/4 this project, editable'
    pip_install 'the project' --quiet --no-deps --no-build-isolation -e "$root"
    "$venv/bin/python" -c 'import distilpose.host; distilpose.host.apply()' || stop "the environment is complete,\
 but distilpose cannot be imported (the reason is above)."
}

if [[ -z $torch && -z $recreate && -f $venv/.distilpose-torch ]]; then torch="$(cat "$venv/.distilpose-torch")"; fi
same_python=yes
if [[ -n $python && -x $venv/bin/python ]]; then
    [[ $(version_of "$python") == "$(version_of "$venv/bin/python")" ]] || same_python=''
fi
if [[ -z $recreate && -n $same_python && -f $stamp && $(cat "$stamp") == "$(wanted_state)" ]] && fits "$venv/bin/python"; then
    say "The environment in $venv is ready."
    exit 0
fi

say "Making the environment in $venv (about 2 GB, one or two minutes and the time of the downloads)."
remembered="$(cat "$venv/.distilpose-torch" 2>/dev/null || true)"
if [[ -z $recreate && -n $same_python && $remembered == "$torch" ]] && fits "$venv/bin/python" \
    && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "1/4 the virtual environment exists ($("$venv/bin/python" --version))"
    rm -f "$stamp"
else
    find_python
    make_venv
fi
install_torch
install_packages
install_project
wanted_state > "$stamp"
say "Done. Use it with: source $venv/bin/activate"
