/** Documents that are generated from the definitions of the commands. The program itself does not contain this folder. */
import { VERSION } from '@culvert/client';
import { PassThrough } from 'node:stream';
import { createProgram } from '../command.js';
import { describeCommand, type DescribedCommand } from './described-command.js';
import { toManPage } from './man-page.js';
import { toMarkdown } from './markdown.js';

/** The page docs/cli-reference.md. */
export function cliReference(): string {
  return toMarkdown(described());
}

/** The manual page culvert(1), as roff. */
export function manPage(): string {
  return toManPage(described(), VERSION);
}

function described(): DescribedCommand {
  const nowhere = new PassThrough();
  return describeCommand(createProgram(() => async () => {}, { stdout: nowhere, stderr: nowhere }));
}
