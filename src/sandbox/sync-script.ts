/**
 * Moves a checkout to another commit: constant; checkout, pack, commit, the commit last made of it, branch and the edges of the
 * pack come as arguments. Says `kept` or `replaced`; every failure makes the checkout a lost one.
 */
export const syncScript = `
set -u
repo=$1 pack=$2 sha=$3 made=$4 branch=$5
shift 5
# What an earlier one left behind when it was killed goes with it.
trap 'rm -f "\${pack%/*}"/sync-*.pack' EXIT
cd "$repo" || exit 3
for edge in "$@"; do git cat-file -e "$edge^{tree}" || exit 4; done
git index-pack --stdin --fix-thin <"$pack" >/dev/null || exit 4
rm -f .git/index.lock .git/HEAD.lock
git symbolic-ref HEAD "refs/heads/$branch" && git update-ref "refs/heads/$branch" "$sha" || exit 4
git read-tree --reset "$made" 2>/dev/null || { rm -f .git/index; git read-tree "$made" || exit 4; }
# Almost always: nobody but the bot has pushed.
if [ "$made" = "$sha" ]; then echo kept; exit 0; fi
git update-index -q --refresh >/dev/null
if git read-tree -m -u "$made" "$sha" 2>/dev/null; then
  echo kept
else
  git read-tree --reset -u "$sha" || exit 4
  echo replaced
fi
`;
