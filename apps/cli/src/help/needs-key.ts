/** Returns the paragraph for the help of a command that no sign-in may run, not even that of an owner. */
export function needsKey(scope: 'team:write' | 'audit:read'): string {
  return `Needs an API key with the scope ${scope}: a sign-in by "culvert login" has the scopes of a member.`;
}
