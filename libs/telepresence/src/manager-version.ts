const RELEASE = /^v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})$/;

/**
 * Reports whether a traffic manager of this version survives UpdateIntercept with `remove_preview_domain` from the cloud,
 * and obeys it: 2.0.0 to 2.5.8. From 2.6.0 to 2.8.1 its process dies of a nil pointer; later ones refuse. A version
 * that is not a release of 2.0 to 2.5 is not known to survive.
 */
export function takesPreviewRemoval(version: string): boolean {
  const [major, minor, patch] = RELEASE.exec(version)?.slice(1).map(Number) ?? [];
  return major === 2 && (minor < 5 || (minor === 5 && patch <= 8));
}
