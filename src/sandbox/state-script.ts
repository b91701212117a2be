import { workTreeScript } from "./work-tree-script.ts";

/** Says what a checkout holds: `$4` is the conversation's transcript, the rest as for `workTreeScript`. */
export const stateScript = `${workTreeScript}
transcript=$4
fresh && borrow && pack || exit 4
digest=none
if [ -f "$transcript" ]; then digest=$(sha256sum <"$transcript") || exit 4; fi
echo "tree $tree transcript \${digest%% *}"
`;
