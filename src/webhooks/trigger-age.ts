/** GitHub redelivers for three days; what is older was replayed or is no longer wanted. */
export const maxTriggerAgeMs = 3 * 86_400_000;
