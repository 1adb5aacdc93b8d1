#!/usr/bin/env bash
# The whole idea in minutes on a CPU: synthetic people, a teacher, the same student with and without it, a report.
# Makes .venv first if it is missing. Arguments go to tools/quickstart.py (--help).
# DISTILPOSE_PYTHON=/path/to/python uses the environment of that Python instead.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [[ -n ${DISTILPOSE_PYTHON:-} ]]; then
    python="$DISTILPOSE_PYTHON"
else
    "$root/tools/setup_env.sh"
    python="$root/.venv/bin/python"
fi
exec "$python" "$root/tools/quickstart.py" "$@"
