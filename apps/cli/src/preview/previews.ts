/** What the commands do that list, show, open and share previews. */
import type { PreviewAccess } from '@culvert/terms';
import { openBrowser } from '../account/open-browser.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { findTrafficManagerId } from '../find/find-traffic-manager.js';
import type { Expiry } from '../flags.js';
import { printQrCode } from '../output/qr-code.js';
import { showTime } from '../output/readable.js';
import { showChanged } from './create-preview.js';
import { findPreview } from './find-preview.js';
import { showPreview, showPreviews } from './show-preview.js';

export interface ListFlags {
  readonly workload?: string;
  readonly search?: string;
  readonly client?: string;
  readonly access?: PreviewAccess;
  readonly state?: 'connected' | 'waiting';
  readonly trafficManager?: string;
}

export interface ShareFlags {
  readonly name: string;
  readonly expires?: Expiry;
  readonly qr?: boolean;
}

export async function showOne({ api, output }: CommandContext, reference: string): Promise<void> {
  const found = await findPreview(api, reference);
  output.result(found, () => showPreview(output, found));
}

export async function listPreviews(
  { api, output }: CommandContext,
  { trafficManager, ...query }: ListFlags,
): Promise<void> {
  const trafficManagerId = await findTrafficManagerId(api, trafficManager);
  const previews = await api.list('listPreviews', { query: { ...query, trafficManagerId } });
  output.result(previews, () =>
    showPreviews(output, previews, 'There are no previews. Create one with "culvert preview create".'),
  );
}

export async function openPreview({ api, output, env }: CommandContext, reference: string): Promise<void> {
  const { url } = await findPreview(api, reference);
  if (!openBrowser(url, env)) {
    throw new CliError(EXIT.localTarget, 'this machine has no browser to open', {
      hint: `Open ${url} on another machine.`,
    });
  }
  output.result({ url }, () => output.line(url));
}

export async function sharePreview(
  { api, output }: CommandContext,
  reference: string,
  { name, expires, qr }: ShareFlags,
): Promise<void> {
  if (expires?.at === null) {
    throw new CliError(EXIT.usage, 'a link must expire within 366 days', {
      hint: 'For example --expires 30d.',
    });
  }
  const { id } = await findPreview(api, reference);
  const link = await api.call('createShareLink', {
    previewId: id,
    body: { name, ...(expires !== undefined && { expiresAt: expires.at }) },
  });
  output.result(link, () => output.line(link.url));
  if (output.isForPrograms) return;
  if (qr === true) await printQrCode(output, link.url);
  output.note(`Everyone with this link can open the preview until ${showTime(link.expiresAt)}.`);
}

export async function changeAccess(
  context: CommandContext,
  reference: string,
  access: PreviewAccess,
): Promise<void> {
  const { id } = await findPreview(context.api, reference);
  const changed = await context.api.call('updatePreview', { previewId: id, body: { access } });
  const said = access === 'public' ? 'is open to everyone with the URL.' : 'is open to members of the team.';
  showChanged(context, changed, said);
}
