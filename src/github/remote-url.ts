/** Where git reaches a repository; without a credential. */
export const remoteUrlOf = (serverUrl: string, { owner, name }: { owner: string; name: string }): string =>
  `${serverUrl}/${owner}/${name}.git`;
