import type { updatePreviewRequest } from '@culvert/contract';
import type { AddressedAs, IngressProtocol, PreviewAccess } from '@culvert/terms';
import type { z } from 'zod';
import type { Preview } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { Expiry, IdleExpiry } from '../flags.js';
import { noteIgnored, showChanged } from './create-preview.js';
import { findPreview } from './find-preview.js';

type Request = z.input<typeof updatePreviewRequest>;

/** The flags of `preview update`. A flag that is not given is undefined; false is its `--no-` form. */
export interface UpdateFlags {
  readonly ingressHost?: string;
  readonly ingressPort?: number;
  readonly ingressTls?: boolean;
  readonly ingressL5host?: string;
  readonly ingressVerify?: boolean;
  readonly ingressProtocol?: IngressProtocol;
  readonly ingressAddressedAs?: AddressedAs;
  readonly addRequestHeader?: Readonly<Record<string, string>> | false;
  readonly access?: PreviewAccess;
  readonly allowEmail?: string[] | false;
  readonly allowDomain?: string[] | false;
  readonly banner?: boolean;
  readonly allowUpgrades?: boolean;
  readonly expires?: Expiry;
  readonly idleExpires?: IdleExpiry;
  readonly endsWithSession?: boolean;
  readonly pullRequest?: string | false;
  /** Number of requests to keep. */
  readonly keep?: number | false;
  /** Hours. */
  readonly keepFor?: number;
}

/** What is kept if only one of number and time is given, and nothing was kept before. */
const DEFAULT_KEEP = { count: 200, hours: 24 };

export async function updatePreview(
  context: CommandContext,
  reference: string,
  flags: UpdateFlags,
): Promise<void> {
  const { api } = context;
  if (Object.values(flags).every((value) => value === undefined)) {
    throw new CliError(EXIT.usage, 'nothing to change', {
      hint: 'Give a flag for each setting to change. "culvert preview update --help" lists them.',
    });
  }
  const preview = await findPreview(api, reference);
  const changed = await api.call('updatePreview', {
    previewId: preview.id,
    body: changeOf(preview, flags),
  });
  showChanged(context, changed, 'is changed.');
  if (!context.output.isForPrograms) noteIgnored(context.output, changed, flags);
}

/** Returns the fields to send: those that a flag names. The ingress is replaced as a whole, so it starts from the current one. */
export function changeOf(preview: Pick<Preview, 'ingress' | 'keep'>, flags: UpdateFlags): Request {
  const { addRequestHeader, allowEmail, allowDomain, expires, idleExpires, pullRequest } = flags;
  const ingress = ingressOf(preview.ingress, flags);
  const keep = keepOf(preview.keep ?? null, flags);
  return {
    ...(ingress && { ingress }),
    ...(flags.access !== undefined && { access: flags.access }),
    ...(allowEmail !== undefined && { allowedEmails: allowEmail === false ? [] : allowEmail }),
    ...(allowDomain !== undefined && { allowedDomains: allowDomain === false ? [] : allowDomain }),
    ...(flags.banner !== undefined && { displayBanner: flags.banner }),
    ...(flags.allowUpgrades !== undefined && { allowUpgrades: flags.allowUpgrades }),
    ...(pullRequest !== undefined && { pullRequestUrl: pullRequest === false ? null : pullRequest }),
    ...(addRequestHeader !== undefined && {
      addRequestHeaders: { ...(addRequestHeader === false ? undefined : addRequestHeader) },
    }),
    ...(expires !== undefined && { expiresAt: expires.at }),
    ...(idleExpires !== undefined && { idleExpirySeconds: idleExpires.seconds }),
    ...(flags.endsWithSession !== undefined && { endsWithSession: flags.endsWithSession }),
    ...(keep !== undefined && { keep }),
  };
}

function keepOf(current: Preview['keep'], { keep, keepFor }: UpdateFlags): Request['keep'] {
  if (keep === false) {
    if (keepFor === undefined) return null;
    throw new CliError(EXIT.usage, '--no-keep and --keep-for contradict each other');
  }
  if (keep === undefined && keepFor === undefined) return undefined;
  const { count, hours } = current ?? DEFAULT_KEEP;
  return { count: keep ?? count, hours: keepFor ?? hours };
}

function ingressOf(current: Preview['ingress'], flags: UpdateFlags): Request['ingress'] | null {
  const { ingressHost, ingressPort, ingressTls, ingressL5host, ingressVerify, ingressProtocol } = flags;
  if (!Object.keys(flags).some((name) => name.startsWith('ingress'))) return null;
  const host = ingressHost ?? current.host;
  // An older server does not report it.
  const addressedAs = (flags.ingressAddressedAs ?? current.addressedAs) as AddressedAs | undefined;
  // A Host header that followed the host keeps following it.
  const l5Host = ingressL5host ?? (current.l5Host === current.host ? host : current.l5Host);
  return {
    host,
    port: ingressPort ?? current.port,
    useTls: ingressTls ?? current.useTls,
    l5Host,
    verifyTls: ingressVerify ?? current.verifyTls,
    protocol: (ingressProtocol ?? current.protocol) as IngressProtocol,
    ...(addressedAs !== undefined && { addressedAs }),
  };
}
