/** What the preview of an endpoint should be. */
import type { PreviewSettings } from '@culvert/client';
import { readExpiry } from '../flags.js';
import type { Endpoint } from './file/read-file.js';

/** @param expiresAt when it ends, as `expiryOf` found at the first start */
export function previewSettings({ content, target }: Endpoint, expiresAt: string | null): PreviewSettings {
  const isPlain = target !== null;
  return {
    access: content.access,
    banner: content.banner,
    addRequestHeaders: content.addRequestHeaders,
    // Several services have addresses of their own, which the paths translate to.
    hostHeader: isPlain ? content.hostHeader : 'preview',
    ...(isPlain && { rewriteOrigin: content.rewriteOrigin, verifyTls: !content.insecureTarget }),
    expiresAt,
    pullRequestUrl: content.pullRequest ?? undefined,
    allowUpgrades: content.allowUpgrades,
    keep: true,
    protocol: content.protocol === 'http1' ? undefined : content.protocol,
    allowedEmails: content.allowEmails,
    allowedDomains: content.allowDomains,
  };
}

/** Returns the time at which an endpoint that starts now ends; null: never. */
export function expiryOf({ content }: Endpoint): string | null {
  return readExpiry(content.expires).at;
}

/** Returns the name of a preview in lists. */
export function previewNameOf(project: string, endpoint: string): string {
  return `${project}-${endpoint}`;
}
