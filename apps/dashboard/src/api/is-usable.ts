/** Reports whether a key, link or token still works. */
export function isUsable({
  revokedAt,
  expiresAt,
}: {
  readonly revokedAt: string | null;
  readonly expiresAt: string | null;
}): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > Date.now());
}
