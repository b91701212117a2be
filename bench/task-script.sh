#!/bin/sh
# The baseline of bench/task.ts: what a person would write in ten lines, with none of the bot's care.
# Arguments: clone URL, API URL, branch, prompt. Environment: TOKEN, and what claude needs.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME="$work" GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
basic=$(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)
git -c "http.extraHeader=Authorization: Basic $basic" clone --quiet "$1" "$work/repo"
cd "$work/repo"
git checkout --quiet -b "$3"
printf '%s\n' "$4" | claude -p --output-format stream-json --verbose --dangerously-skip-permissions \
  --setting-sources user --strict-mcp-config --model claude-sonnet-4-5 --max-turns 100 \
  --tools Bash,Edit,NotebookEdit,Read,Task,TodoWrite,Write >"$work/log"
git add -A
git -c user.name=script -c user.email=script@example.org commit --quiet -m "Write the file"
git -c "http.extraHeader=Authorization: Basic $basic" push --quiet origin "$3"
curl --silent --show-error --fail --output /dev/null -H "Authorization: token $TOKEN" \
  -H 'Content-Type: application/json' -X POST "$2/pulls" \
  --data "{\"title\":\"Write the file\",\"head\":\"$3\",\"base\":\"main\",\"draft\":true}"
