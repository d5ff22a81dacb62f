/** The preview of an exposed target: what it should be, and how it is created, found again and removed. */
import type { createPreviewRequest } from '@culvert/contract';
import type { z } from 'zod';
import type { Api, Preview } from '../api.js';
import { CliError } from '../cli-error.js';
import { clientName } from '../client-name.js';
import { EXIT } from '../exit-code.js';
import type { Target } from '../target/target.js';
import type { ExposeFlags } from './expose-flags.js';

type Request = z.input<typeof createPreviewRequest>;
/** Fields that are the same for a new preview and for one that is found again. */
type Wanted = Omit<Request, 'intercept' | 'interceptId' | 'trafficManagerId'>;

/** The namespace shown for workloads of workstations. */
const NAMESPACE = 'workstation';
const KIND = 'LocalService';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** Value of `--host-header` that stands for the preview's own hostname. */
const HOST_OF_PREVIEW = 'preview';

/** @throws CliError */
export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw new CliError(EXIT.usage, `--name: "${name}" is not a valid name`, {
    hint: 'Use up to 63 letters, digits, ".", "_" and "-", with a letter or digit at both ends.',
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
      // Development servers refuse hostnames that they do not know.
      l5Host: hostHeader === undefined || hostHeader === HOST_OF_PREVIEW ? target.host : hostHeader,
      verifyTls: insecureTarget !== true,
    },
    access,
    displayBanner: banner,
    addRequestHeaders: { ...addRequestHeader },
    pullRequestUrl: pullRequest ?? null,
    expiresAt: expires?.at ?? null,
    // Send only what differs from the server's default: older servers reject requests with fields that they do not know.
    ...(flags.allowUpgrades === true && { allowUpgrades: true }),
    // A process that is killed, or whose machine goes down, cannot remove its URL.
    ...(keep !== true && { endsWithSession: true }),
  };
}

/** Updates the preview of an earlier run and sends only what differs. Returns null if it no longer exists. */
export async function adoptPreview(api: Api, previewId: string, wanted: Wanted): Promise<Preview | null> {
  // Omitted fields keep their value, whatever the default of a new preview is.
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

/** Sets the host header to the preview's own hostname, known only now, if the flags ask for it. */
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
 * Removes all that an exposure created: removing its traffic manager removes its intercept and preview. A credential that may not
 * remove the traffic manager removes what it may.
 * @throws CliError if something stays that others can see
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

/** A thing that no longer exists counts as removed. @param mustBe whether a lack of permission is an error */
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
