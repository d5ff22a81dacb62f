/** Documents that are generated from the definitions of the commands. The program itself does not contain this folder. */
import { VERSION } from '@culvert/client';
import { PassThrough } from 'node:stream';
import { createProgram } from '../command.js';
import { fileSchema } from '../up/file/schema.js';
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

/** The JSON Schema of culvert.yaml. */
export function upFileSchema(): string {
  return `${JSON.stringify(fileSchema(), null, 2)}\n`;
}

function described(): DescribedCommand {
  const nowhere = new PassThrough();
  return describeCommand(createProgram(() => async () => {}, { stdout: nowhere, stderr: nowhere }));
}
