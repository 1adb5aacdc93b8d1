#!/usr/bin/env bash
# The whole idea in minutes on a CPU: synthetic people, a teacher, the same student with and without it, a report.
# Makes .venv first if it is missing. Arguments go to tools/quickstart.py (--help).
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/tools/setup_env.sh"
exec "$root/.venv/bin/python" "$root/tools/quickstart.py" "$@"
