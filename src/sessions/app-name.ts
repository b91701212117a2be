/** What every machine of ours says of itself, so that nobody else's are touched. */
export const appName = "remote-claude";
