import type { Preview } from '../api.js';
import type { Output } from '../output/output.js';
import { printQrCode } from '../output/qr-code.js';
import { previewName } from './find-preview.js';

/**
 * Prints the URL of a preview that a command serves, and who may open it.
 * @param target what the URL reaches
 * @param qr whether to print a QR code too; undefined: on a terminal, if a phone could resolve the hostname
 */
export async function printPreviewUrl(
  output: Output,
  preview: Preview,
  { target, qr }: { readonly target: string; readonly qr: boolean | undefined },
): Promise<void> {
  output.event({ type: 'preview', ...preview }, () => output.line(preview.url));
  const isOfUse = output.isTerminal && !/(^|\.)localhost$/.test(preview.hostname);
  if (!output.isForPrograms && (qr ?? isOfUse)) await printQrCode(output, preview.url);
  if (preview.access === 'public') {
    output.note(`Warning: everyone with the URL reaches ${target} without signing in.`);
  } else {
    const share = `culvert preview share ${previewName(preview.hostname)}`;
    output.note(`Members of your team can open it. "${share}" creates a link for others.`);
  }
  if (preview.pullRequest?.status === 'unsupported')
    output.note('Culvert cannot comment on that pull request: it has no access to it.');
}
