/** The preview of an exposed target: what it is to be, and how it is made, found again and removed. */
import type { createPreviewRequest } from '@culvert/contract';
import type { z } from 'zod';
import type { Api, Preview } from '../api.js';
import { CliError } from '../cli-error.js';
import { clientName } from '../client-name.js';
import { EXIT } from '../exit-code.js';
import type { Target } from '../target/target.js';
import type { ExposeFlags } from './expose-flags.js';

type Request = z.input<typeof createPreviewRequest>;
/** What is the same for a new preview and for one that is found again. */
type Wanted = Omit<Request, 'intercept' | 'interceptId' | 'trafficManagerId'>;

/** Where workloads of workstations are, in lists that show namespaces. */
const NAMESPACE = 'workstation';
const KIND = 'LocalService';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** `--host-header preview`: the preview's own hostname. */
const HOST_OF_PREVIEW = 'preview';

/** @throws CliError */
export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw new CliError(EXIT.usage, `--name: "${name}" is no name`, {
    hint: 'Up to 63 letters, digits, ".", "_" and "-", with a letter or digit at both ends.',
  });
}

/** `localhost-3000` */
export function nameOf({ host, port }: Target): string {
  const letters = host.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  return `${letters.slice(0, 50) || 'address'}-${port}`;
}

export function wantedPreview(target: Target, flags: ExposeFlags): Wanted {
  const { hostHeader, access, banner, addRequestHeader, pullRequest, expires, insecureTarget, keep } = flags;
  return {
    ingress: {
      host: target.host,
      port: target.port,
      useTls: target.isTls,
      // Programs that serve developers refuse names that they do not know.
      l5Host: hostHeader === undefined || hostHeader === HOST_OF_PREVIEW ? target.host : hostHeader,
      verifyTls: insecureTarget !== true,
    },
    access,
    displayBanner: banner,
    addRequestHeaders: { ...addRequestHeader },
    pullRequestUrl: pullRequest ?? null,
    expiresAt: expires ?? null,
    // Only what differs from the server's default: older servers do not know these fields, and refuse a request that has one.
    ...(flags.allowUpgrades === true && { allowUpgrades: true }),
    // A process that is killed, or whose machine goes down, cannot remove its URL.
    ...(keep !== true && { endsWithSession: true }),
  };
}

/** Changes the preview of an earlier run to what is wanted now, and sends only what differs. Null when it is gone. */
export async function adoptPreview(api: Api, previewId: string, wanted: Wanted): Promise<Preview | null> {
  // What is left out of a change stays as it is, whatever the default of a new preview.
  const { allowUpgrades = false, endsWithSession = false, ...change } = wanted;
  try {
    const before = await api.call('getPreview', { previewId });
    const body = {
      ...change,
      ...((before.allowUpgrades ?? false) !== allowUpgrades && { allowUpgrades }),
      ...((before.endsWithSession ?? false) !== endsWithSession && { endsWithSession }),
    };
    return await api.call('updatePreview', { previewId, body });
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.notFound) return null;
    throw error;
  }
}

export function createExposedPreview(
  api: Api,
  {
    trafficManagerId,
    name,
    target,
    wanted,
  }: {
    readonly trafficManagerId: string;
    readonly name: string;
    readonly target: Target;
    readonly wanted: Wanted;
  },
): Promise<Preview> {
  const body = {
    ...wanted,
    trafficManagerId,
    intercept: {
      name,
      workload: name,
      workloadKind: KIND,
      namespace: NAMESPACE,
      client: clientName(),
      mechanism: 'tcp',
      targetHost: target.host,
      targetPort: target.port,
      disposition: 'ACTIVE',
    },
  } as const;
  return api.call('createPreview', { body });
}

/** Has the service see the preview's own name, which is known now, where the flags say so. */
export async function withHostHeader(
  api: Api,
  preview: Preview,
  { wanted, hostHeader }: { readonly wanted: Wanted; readonly hostHeader: string | undefined },
): Promise<Preview> {
  if (hostHeader !== HOST_OF_PREVIEW) return preview;
  const ingress = { ...wanted.ingress, l5Host: preview.hostname };
  return api.call('updatePreview', { previewId: preview.id, body: { ingress } });
}

/**
 * Removes all that an exposure made: with its traffic manager go its intercept and preview. Whoever may not do that
 * removes what they may.
 * @throws CliError when something stays that others can see
 */
export async function removeExposed(
  api: Api,
  {
    trafficManagerId,
    preview,
  }: { readonly trafficManagerId: string | null; readonly preview: Preview | null },
): Promise<void> {
  if (
    trafficManagerId !== null &&
    (await isRemoved(() => api.call('deleteTrafficManager', { trafficManagerId })))
  )
    return;
  if (preview === null) return;
  if (await isRemoved(() => api.call('deleteIntercept', { interceptId: preview.interceptId }))) return;
  await isRemoved(() => api.call('deletePreview', { previewId: preview.id }), true);
}

/** What is gone already is removed. @param mustBe whether a lack of rights is an error */
async function isRemoved(remove: () => Promise<void>, mustBe = false): Promise<boolean> {
  try {
    await remove();
    return true;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    if (error.exitCode === EXIT.notFound) return true;
    if (error.exitCode === EXIT.refused && !mustBe) return false;
    throw error;
  }
}
