type Account = { id: number; login: string };

/** Whether an account is no person: GitHub names Apps' accounts so, all but a few, and those have to be listed to be heard at all. */
export function isBot({ id, login }: Account, listedIds: readonly number[]): boolean {
  return login.endsWith("[bot]") || listedIds.includes(id);
}
