/** Claude Code that the agent's command line is written for; the templates install it, and a test holds it equal to package.json's. */
export const claudeVersion = "2.1.330";
