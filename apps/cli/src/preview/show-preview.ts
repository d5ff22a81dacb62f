import type { Preview } from '../api.js';
import type { Output } from '../output/output.js';
import { showTime } from '../output/readable.js';
import { previewName } from './find-preview.js';

const HEADER = ['NAME', 'WORKLOAD', 'NAMESPACE', 'ACCESS', 'EXPIRES', 'LAST USED', 'URL'] as const;

export function showPreviews(output: Output, previews: readonly Preview[], empty: string): void {
  output.table(
    HEADER,
    previews.map(({ hostname, intercept, access, expiresAt, lastUsedAt, url }) => [
      previewName(hostname),
      intercept.workload,
      intercept.namespace,
      access,
      showTime(expiresAt),
      showTime(lastUsedAt),
      url,
    ]),
    empty,
  );
}

const ADDRESSES: Readonly<Record<NonNullable<Preview['ingress']['addressedAs']>, string>> = {
  l5host: '',
  target: 'its own address',
  preview: 'the URL',
};

/** Prints all details of one preview. */
export function showPreview(output: Output, preview: Preview): void {
  const { ingress, intercept, pullRequest, addRequestHeaders } = preview;
  const allowed = [...preview.allowedEmails, ...preview.allowedDomains];
  output.fields([
    ['URL', preview.url],
    ['Id', preview.id],
    ['Workload', `${intercept.workload} in ${intercept.namespace}`],
    ['Intercept', intercept.name],
    ['Client', intercept.client],
    ['Access', preview.access === 'public' ? 'public: everyone with the URL' : 'members of the team'],
    ['Also let in', allowed.join(', ')],
    ['Ingress', `${ingress.useTls ? 'TLS to ' : ''}${ingress.host}:${ingress.port}, ${ingress.protocol}`],
    ['Host header', ingress.l5Host === ingress.host ? '' : ingress.l5Host],
    ['Service sees', ADDRESSES[ingress.addressedAs ?? 'l5host']],
    ...Object.entries(addRequestHeaders).map(([name, value]) => ['Adds', `${name}: ${value}`] as const),
    ['Banner', preview.displayBanner ? 'shown' : 'not shown'],
    ['Requests kept', preview.keep ? `the last ${preview.keep.count}, for ${preview.keep.hours} h` : 'none'],
    ['Other protocols', preview.allowUpgrades ? 'allowed' : 'refused'],
    ['Pull request', preview.pullRequestUrl],
    ['Comment', pullRequest && (pullRequest.commentUrl ?? pullRequest.detail ?? pullRequest.status)],
    ['Expires', showTime(preview.expiresAt)],
    ['Last used', showTime(preview.lastUsedAt)],
    ['Created', showTime(preview.createdAt)],
  ]);
}
