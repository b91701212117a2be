/** The server's exit code for "start everything anew, the settings have changed" (sysexits' EX_TEMPFAIL). */
export const exitRestart = 75;
