/**
 * Returns a replacement for Telepresence's closed-source enhanced user daemon, which versions 2.5.0 to 2.8.5 insist on
 * fetching before they sign in: a shell script that runs the user daemon of the open-source program on the machine. It
 * reports the version it was fetched for, which is the only thing that is checked.
 * @param version digits, dots, letters and hyphens only
 */
export function standInDaemon(version: string): string {
  return `#!/bin/sh
# Served by Culvert in place of Telepresence's enhanced user daemon, which Culvert does not have.
# It adds nothing: it runs the user daemon of the telepresence that is on your PATH.
if [ "$1" = pro-version ]; then
  echo "Enhanced Client: v${version} (stand-in by Culvert: runs the ordinary user daemon)"
  exit 0
fi
exec telepresence "$@"
`;
}
