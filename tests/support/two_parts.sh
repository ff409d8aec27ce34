#!/usr/bin/env bash
# Runs all tests in two parts at once: what mostly waits (the daemon as a process, the browser), and
# what mostly computes. Each waits for the other's cores, not for its clock, so both together take
# hardly longer than the longer one. What the first part says is printed whole when it has ended.
#
#   tests/support/two_parts.sh PYTEST [OPTION...]
set -uo pipefail
cd "$(dirname "$0")/../.."

waits=(tests/e2e tests/browser)
left_out=()
for folder in "${waits[@]}"; do left_out+=("--ignore=$folder"); done

said="$(mktemp)"
trap 'kill "$first" 2>/dev/null; rm -f "$said"' EXIT
"$@" "${waits[@]}" >"$said" 2>&1 &
first=$!
"$@" tests "${left_out[@]}"
second_failed=$?
wait "$first"
first_failed=$?
echo "== what waits: ${waits[*]}"
cat "$said"
exit $((first_failed || second_failed))
