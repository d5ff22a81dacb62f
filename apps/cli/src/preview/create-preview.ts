import { clientName } from '@culvert/client';
import { WORKSTATION_PREFIX, type createPreviewRequest } from '@culvert/contract';
import type { z } from 'zod';
import type { Api, Intercept, Preview } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { findTrafficManagerId } from '../find/find-traffic-manager.js';
import type { Expiry } from '../flags.js';
import { findIntercept } from '../intercepts/find-intercept.js';
import type { Output } from '../output/output.js';
import { printQrCode } from '../output/qr-code.js';
import { problemCodeOf } from '../problem-error.js';
import { ignoredOptions } from './ignored-options.js';

/** Most traffic managers that a hint names. */
const MAX_NAMED = 10;

type Request = z.input<typeof createPreviewRequest>;

/** The flags of `preview create`. */
export interface CreateFlags {
  readonly workload?: string;
  readonly namespace: string;
  readonly name?: string;
  readonly intercept?: string;
  readonly trafficManager?: string;
  readonly ingressHost?: string;
  readonly ingressPort?: number;
  readonly ingressTls?: boolean;
  readonly ingressL5host?: string;
  readonly ingressAddressedAs?: Request['ingress']['addressedAs'];
  readonly ingressProtocol: Request['ingress']['protocol'];
  readonly ingressVerify: boolean;
  readonly addRequestHeader?: Readonly<Record<string, string>>;
  readonly access: NonNullable<Request['access']>;
  readonly allowEmail?: string[];
  readonly allowDomain?: string[];
  readonly expires?: Expiry;
  readonly idleExpires?: number;
  readonly pullRequest?: string;
  /** Undefined if neither flag is given. */
  readonly banner?: boolean;
  readonly allowUpgrades?: boolean;
  readonly qr?: boolean;
}

export async function createPreview({ api, output }: CommandContext, flags: CreateFlags): Promise<void> {
  const body = await requestOf(api, flags);
  const preview = await api
    .call('createPreview', { body })
    .catch((error: unknown) => nameManagers(api, error));
  output.result(preview, () => output.line(preview.url));
  if (output.isForPrograms) return;
  if (flags.qr === true) await printQrCode(output, preview.url);
  output.note(
    preview.access === 'public'
      ? 'Everyone with the URL can open it.'
      : 'Members of your team can open it. "culvert preview share" creates a link for others.',
  );
  noteIgnored(output, preview, flags);
  if (preview.pullRequest?.status === 'unsupported')
    output.note('Culvert cannot comment on that pull request: it has no access to it.');
}

async function requestOf(api: Api, flags: CreateFlags): Promise<Request> {
  const { addRequestHeader, allowEmail, allowDomain, pullRequest, expires, idleExpires } = flags;
  const intercepted = await interceptOf(api, flags);
  return {
    ...intercepted.request,
    ingress: {
      host: flags.ingressHost ?? `${intercepted.workload}.${intercepted.namespace}`,
      port: flags.ingressPort ?? (flags.ingressTls === true ? 443 : 80),
      useTls: flags.ingressTls === true,
      verifyTls: flags.ingressVerify,
      protocol: flags.ingressProtocol,
      ...(flags.ingressL5host !== undefined && { l5Host: flags.ingressL5host }),
      ...(flags.ingressAddressedAs !== undefined && { addressedAs: flags.ingressAddressedAs }),
    },
    access: flags.access,
    displayBanner: flags.banner !== false,
    ...(flags.allowUpgrades === true && { allowUpgrades: true }),
    ...(addRequestHeader && { addRequestHeaders: { ...addRequestHeader } }),
    ...(allowEmail && { allowedEmails: allowEmail }),
    ...(allowDomain && { allowedDomains: allowDomain }),
    ...(pullRequest !== undefined && { pullRequestUrl: pullRequest }),
    ...(expires !== undefined && { expiresAt: expires.at }),
    ...(idleExpires !== undefined && { idleExpirySeconds: idleExpires }),
  };
}

type Intercepted = Pick<Intercept, 'workload' | 'namespace'> & {
  readonly request: Pick<Request, 'intercept' | 'interceptId' | 'trafficManagerId'>;
};

/** Returns the given intercept, or a new one of the given workload. */
async function interceptOf(api: Api, flags: CreateFlags): Promise<Intercepted> {
  const { intercept, workload, namespace, name, trafficManager } = flags;
  if ((intercept === undefined) === (workload === undefined)) {
    throw new CliError(EXIT.usage, 'give either --workload or --intercept', {
      hint: '--workload names a service or Deployment. "culvert intercepts list" shows intercepts with their ids.',
    });
  }
  if (intercept !== undefined) {
    const found = await findIntercept(api, intercept);
    return { ...found, request: { interceptId: found.id } };
  }
  const of = workload ?? '';
  const trafficManagerId = await findTrafficManagerId(api, trafficManager);
  const described = { name: name ?? of, workload: of, namespace, client: clientName() };
  return {
    workload: of,
    namespace,
    request: { intercept: described, ...(trafficManagerId !== undefined && { trafficManagerId }) },
  };
}

/** Adds the names to choose from when a traffic manager must be named. @throws always */
async function nameManagers(api: Api, error: unknown): Promise<never> {
  if (!(error instanceof CliError) || problemCodeOf(error) !== 'traffic_manager_required') throw error;
  const managers = await api.list('listTrafficManagers').catch(() => null);
  if (managers === null) throw error;
  const names = managers
    .filter(({ managerId }) => !managerId.startsWith(WORKSTATION_PREFIX))
    .map(({ name, managerId }) => name || managerId);
  if (names.length === 0) {
    throw new CliError(EXIT.usage, 'your team has no traffic manager in a cluster', {
      hint: 'Install one in the cluster, or run "culvert expose PORT" for a service of this machine.',
      cause: error.cause,
    });
  }
  const shown = names.slice(0, MAX_NAMED).join(', ') + (names.length > MAX_NAMED ? ', …' : '');
  throw new CliError(EXIT.usage, 'your team has several traffic managers', {
    hint: `Name one with --traffic-manager: ${shown}.`,
    cause: error.cause,
  });
}

/** Tells a person which of their options the server ignores. */
export function noteIgnored(
  output: Output,
  preview: Preview,
  flags: Pick<CreateFlags, 'ingressAddressedAs' | 'allowUpgrades'>,
): void {
  const ignored = ignoredOptions(preview, {
    addressedAs: flags.ingressAddressedAs !== undefined && '--ingress-addressed-as',
    allowUpgrades: flags.allowUpgrades === true && '--allow-upgrades',
  });
  if (ignored !== null) output.note(ignored);
}

/** Prints the result of a command that changes one preview. */
export function showChanged({ output }: CommandContext, preview: Preview, said: string): void {
  output.result(preview, () => output.line(`${preview.url} ${said}`));
}
