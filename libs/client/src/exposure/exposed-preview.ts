/** The preview of an exposed target: what it should be, and how it is created, found again and removed. */
import type { createPreviewRequest } from '@culvert/contract';
import type { z } from 'zod';
import { ClientError } from '../client-error.js';
import { clientName } from '../client-name.js';
import type { Target } from '../target/target.js';
import type { ExposedPreview, PreviewApi } from './preview-api.js';

type Request = z.input<typeof createPreviewRequest>;
type Ingress = Request['ingress'];
type AddressedAs = NonNullable<Ingress['addressedAs']>;

/** What the preview of a target should be. Absent fields have the default of a new preview. */
export interface PreviewSettings {
  readonly access: 'team' | 'public';
  /** Whether pages show the banner. */
  readonly banner: boolean;
  /** Headers added to every request. */
  readonly addRequestHeaders?: Readonly<Record<string, string>> | undefined;
  /** Host header that the target receives: a name, or `preview` for the preview's own. Default: that of the target. */
  readonly hostHeader?: string | undefined;
  /**
   * Whether the target is addressed as if it were opened on its own machine: with its own name in Host, Origin and Referer
   * (`addressedAs` of the API). Default: for targets of this machine, unless `hostHeader` is set.
   */
  readonly rewriteOrigin?: boolean | undefined;
  /** Time at which the preview ends, as the API accepts it. Default: never. */
  readonly expiresAt?: string | null | undefined;
  /** Pull request that gets a comment with the URL. */
  readonly pullRequestUrl?: string | undefined;
  /** Whether requests may switch to protocols other than WebSocket. */
  readonly allowUpgrades?: boolean | undefined;
  /** Whether the certificate of a TLS target is verified. Default: true. */
  readonly verifyTls?: boolean | undefined;
  /** Protocol of the target. Default: HTTP/1.1. */
  readonly protocol?: Ingress['protocol'];
  /** People and mail domains that may open it without being members. Absent: as before, or none. */
  readonly allowedEmails?: readonly string[] | undefined;
  readonly allowedDomains?: readonly string[] | undefined;
  /** Whether the preview stays when its exposure ends. */
  readonly keep?: boolean | undefined;
}

/** Fields that are the same for a new preview and for one that is found again. */
type Wanted = Omit<Request, 'intercept' | 'interceptId' | 'trafficManagerId'>;

/** The namespace shown for workloads of workstations. */
const NAMESPACE = 'workstation';
const KIND = 'LocalService';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** Value of `hostHeader` that stands for the preview's own hostname. */
const HOST_OF_PREVIEW = 'preview';

/** @param source name of the text in error messages. @throws ClientError */
export function checkPreviewName(name: string, source = 'the name'): string {
  if (NAME.test(name)) return name;
  throw new ClientError('usage', `${source}: "${name}" is not a valid name`, {
    hint: 'Use up to 63 letters, digits, ".", "_" and "-", with a letter or digit at both ends.',
  });
}

/** Returns the name of a preview in lists if none is given: `localhost-3000`. */
export function defaultPreviewName({ host, port }: Target): string {
  const letters = host.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  return `${letters.slice(0, 50) || 'address'}-${port}`;
}

/** Returns the address under which a target is asked for its pages. */
function addressedAs({ host }: Target, { hostHeader, rewriteOrigin }: PreviewSettings): AddressedAs {
  if (hostHeader === HOST_OF_PREVIEW) return 'preview';
  return (rewriteOrigin ?? (hostHeader === undefined && isLoopback(host))) ? 'target' : 'l5host';
}

function isLoopback(host: string): boolean {
  return (
    ['localhost', '::1', '::', '0.0.0.0'].includes(host) ||
    host.endsWith('.localhost') ||
    /^127(?:\.\d{1,3}){3}$/.test(host)
  );
}

/** Returns the fields of a request that makes the preview of a target, or changes it. */
export function wantedPreview(target: Target, settings: PreviewSettings): Wanted {
  const { hostHeader, access, banner, addRequestHeaders, pullRequestUrl, expiresAt, verifyTls, keep } =
    settings;
  const address = addressedAs(target, settings);
  return {
    ingress: {
      host: target.host,
      port: target.port,
      useTls: target.isTls,
      // Development servers refuse hostnames that they do not know.
      l5Host: hostHeader === undefined || hostHeader === HOST_OF_PREVIEW ? target.host : hostHeader,
      verifyTls: verifyTls !== false,
      ...(settings.protocol !== undefined && { protocol: settings.protocol }),
      ...(address !== 'l5host' && { addressedAs: address }),
    },
    access,
    ...(settings.allowedEmails && { allowedEmails: [...settings.allowedEmails] }),
    ...(settings.allowedDomains && { allowedDomains: [...settings.allowedDomains] }),
    displayBanner: banner,
    addRequestHeaders: { ...addRequestHeaders },
    pullRequestUrl: pullRequestUrl ?? null,
    expiresAt: expiresAt ?? null,
    // Send only what differs from the server's default: older servers reject requests with fields that they do not know.
    ...(settings.allowUpgrades === true && { allowUpgrades: true }),
    // A process that is killed, or whose machine goes down, cannot remove its URL.
    ...(keep !== true && { endsWithSession: true }),
  };
}

/** Updates the preview of an earlier run and sends only what differs. Returns null if it no longer exists. */
export async function adoptPreview(
  api: PreviewApi,
  previewId: string,
  wanted: Wanted,
): Promise<ExposedPreview | null> {
  // Omitted fields keep their value, whatever the default of a new preview is.
  const { allowUpgrades = false, endsWithSession = false, ...change } = wanted;
  try {
    const before = await api.call('getPreview', { previewId });
    const body = {
      ...change,
      ...((before.allowUpgrades ?? false) !== allowUpgrades && { allowUpgrades }),
      ...((before.endsWithSession ?? false) !== endsWithSession && { endsWithSession }),
    };
    return await withKnownFields(body, (known) => api.call('updatePreview', { previewId, body: known }));
  } catch (error) {
    if (error instanceof ClientError && error.code === 'not_found') return null;
    throw error;
  }
}

export function createExposedPreview(
  api: PreviewApi,
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
): Promise<ExposedPreview> {
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
  return withKnownFields(body, (known) => api.call('createPreview', { body: known }));
}

/**
 * Sends a request, and once more without the fields that the server reports as unknown, if they are among the newest ones. An
 * older server addresses every service by its `l5Host`, allows no other protocols, and keeps previews of lost sessions.
 */
async function withKnownFields<Body extends NewestFields>(
  body: Body,
  send: (body: Body) => Promise<ExposedPreview>,
): Promise<ExposedPreview> {
  try {
    return await send(body);
  } catch (error) {
    const known = withoutNamed(body, error instanceof ClientError ? error.cause : null);
    if (known === body) throw error;
    return send(known);
  }
}

type NewestFields = Pick<Wanted, 'ingress' | 'allowUpgrades' | 'endsWithSession'>;

/** Returns `body` without the newest fields that a problem document names; if it names none, `body` itself. */
function withoutNamed<Body extends NewestFields>(body: Body, problem: unknown): Body {
  const errors: unknown = (problem as { readonly errors?: unknown } | null | undefined)?.errors;
  const text = Array.isArray(errors) ? JSON.stringify(errors) : '';
  const isUnknown = (field: string, value: unknown): boolean => value !== undefined && text.includes(field);
  const { ingress, allowUpgrades, endsWithSession, ...others } = body;
  const { addressedAs: address, ...known } = ingress;
  const isWithoutAddress = isUnknown('addressedAs', address);
  const isWithoutUpgrades = isUnknown('allowUpgrades', allowUpgrades);
  const isWithoutEnd = isUnknown('endsWithSession', endsWithSession);
  if (!isWithoutAddress && !isWithoutUpgrades && !isWithoutEnd) return body;
  return {
    ...others,
    ingress: isWithoutAddress ? known : ingress,
    ...(!isWithoutUpgrades && allowUpgrades !== undefined && { allowUpgrades }),
    ...(!isWithoutEnd && endsWithSession !== undefined && { endsWithSession }),
  } as Body;
}

/** Sets the host header to the preview's own hostname, if the settings ask for it and the server is too old to do so itself. */
export async function withHostHeader(
  api: PreviewApi,
  preview: ExposedPreview,
  { wanted, hostHeader }: { readonly wanted: Wanted; readonly hostHeader: string | undefined },
): Promise<ExposedPreview> {
  if (hostHeader !== HOST_OF_PREVIEW || preview.ingress.addressedAs !== undefined) return preview;
  const { addressedAs: _unknown, ...known } = wanted.ingress;
  const ingress = { ...known, l5Host: preview.hostname };
  return api.call('updatePreview', { previewId: preview.id, body: { ingress } });
}

/**
 * Removes all that an exposure created: removing its traffic manager removes its intercepts and previews. A credential that may
 * not remove the traffic manager removes what it may.
 * @throws ClientError if something stays that others can see
 */
export async function removeExposed(
  api: PreviewApi,
  {
    trafficManagerId,
    previews,
  }: { readonly trafficManagerId: string | null; readonly previews: readonly ExposedPreview[] },
): Promise<void> {
  const isGone =
    trafficManagerId !== null &&
    (await isRemoved(() => api.call('deleteTrafficManager', { trafficManagerId })));
  if (!isGone) await removePreviews(api, previews);
}

/** Removes previews with their intercepts, or alone if the credential may not remove those. @throws ClientError */
export async function removePreviews(api: PreviewApi, previews: readonly ExposedPreview[]): Promise<void> {
  for (const { id, interceptId } of previews) {
    if (await isRemoved(() => api.call('deleteIntercept', { interceptId }))) continue;
    await isRemoved(() => api.call('deletePreview', { previewId: id }), true);
  }
}

/** A thing that no longer exists counts as removed. @param mustBe whether a lack of permission is an error */
async function isRemoved(remove: () => Promise<void>, mustBe = false): Promise<boolean> {
  try {
    await remove();
    return true;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    if (error.code === 'not_found') return true;
    if (error.code === 'refused' && !mustBe) return false;
    throw error;
  }
}
