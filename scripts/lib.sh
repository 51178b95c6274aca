# Shared by scripts/*: named steps with their times. Source it.
step_started=
step_name=
step() {  # step NAME: ends the running step, starts the next one
  step_end
  step_name=$1
  step_started=$(date +%s.%N)
  printf '==> %s\n' "$step_name"
}
step_end() {
  [ -z "$step_name" ] && return 0
  printf '    %s: %.1f s\n' "$step_name" "$(echo "$(date +%s.%N) $step_started" | awk '{print $1 - $2}')"
  step_name=
}
step_failed() {
  local code=$?
  [ "$code" -ne 0 ] && [ -n "$step_name" ] && printf 'FAILED in step: %s (exit %d)\n' "$step_name" "$code" >&2
  return 0
}
trap step_failed EXIT
