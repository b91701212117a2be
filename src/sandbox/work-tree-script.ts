/** The exit code of a script that begins with `workTreeScript` when there is no checkout. */
export const checkoutGone = 3;

/**
 * The beginning of every script that looks at what an agent left in its working tree; constant, `$1` is the checkout,
 * `$2` a folder to work in, `$3` the base commit. `fresh && borrow && pack` leaves the tree in `$tree`. It works in a
 * repository of our own that only borrows the checkout's objects, so the agent's settings, index, hooks and refs take no part.
 */
export const workTreeScript = `
set -u
repo=$1 work=$2 base=$3
# What an earlier script left behind when it was killed.
rm -rf "\${work%/*}"/out-*
trap 'rm -rf "$work"' EXIT
cd "$repo" || exit ${checkoutGone}

fresh() {
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
  rm -rf "$work" && mkdir -p "$work" && git init --quiet --bare --template= "$work/git" || return 1
  export GIT_DIR="$work/git" GIT_WORK_TREE="$repo" GIT_INDEX_FILE="$work/index"
}

borrow() {
  objects=$(cd .git/objects 2>/dev/null && pwd -P) || return 1
  printf '%s\\n' "$objects" >"$GIT_DIR/objects/info/alternates"
  printf '%s\\n' "$base" >"$GIT_DIR/shallow"
  # What the checkout's index knows of untouched files saves reading them, and keeps files as they are that git
  # would now store with other line ends. An index with files that git was told not to look at knows nothing of those.
  index="$repo/.git/index"
  if [ -f "$index" ] && ! GIT_INDEX_FILE="$index" git ls-files -v 2>/dev/null | grep -qv '^H ' &&
    refresh && cp -p "$index" "$work/index" && git read-tree --reset "$base" 2>/dev/null; then return 0; fi
  rm -f "$work/index"
  git read-tree "$base" 2>/dev/null
}

# Files written within the second of their index are read again each time an index is written. A refreshed one,
# written now, spares that to whatever comes after it; where that fails nothing is lost.
refresh() {
  GIT_INDEX_FILE="$index" git update-index -q --refresh --force-write-index >/dev/null 2>&1
  return 0
}

pack() {
  # 1 is git's word for "all but some files"; it names them on stderr.
  git add --all --ignore-errors . ; [ $? -le 1 ] || return 1
  tree=$(git write-tree)
}
`;
