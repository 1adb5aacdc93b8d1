#!/usr/bin/env bash
# The whole idea in minutes on a CPU: synthetic people, a teacher, the same student with and without it, a report.
# Makes .venv first if it is missing. Arguments go to tools/quickstart.py (--help).
# DISTILPOSE_PYTHON=/path/to/python uses the environment of that Python instead.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

if asks_for_help "$@"; then  # any Python prints it
    PYTHON="${DISTILPOSE_PYTHON:-$PYTHON}"
else
    own_environment
fi
exec "$PYTHON" "$ROOT/tools/quickstart.py" "$@"
