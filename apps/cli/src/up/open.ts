/** `culvert open`: the URL of an endpoint in a browser. */
import { thisMachine } from '@culvert/client';
import { openBrowser } from '../account/open-browser.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { locateFile } from './file/find-file.js';
import { endpointOf, runningOf } from './project.js';

export async function openEndpoint(
  { env, output }: CommandContext,
  name: string | undefined,
  { file }: { readonly file?: string },
): Promise<void> {
  const path = locateFile(process.cwd(), file);
  const running = runningOf(thisMachine(env).running, path);
  const names = running.map(endpointOf);
  const found = running.filter((entry) => name === undefined || endpointOf(entry) === name);
  const [first, ...others] = found;
  const url = first?.url ?? null;
  if (url === null) {
    throw new CliError(
      EXIT.notFound,
      `${name === undefined ? 'nothing' : `no endpoint ${name}`} of ${path} is up`,
      {
        hint: running.length === 0 ? 'Start it with "culvert up".' : `These are up: ${names.join(', ')}.`,
      },
    );
  }
  if (others.length > 0) {
    throw new CliError(EXIT.usage, 'several endpoints are up', { hint: `Name one of ${names.join(', ')}.` });
  }
  if (!openBrowser(url, env)) {
    throw new CliError(EXIT.localTarget, 'this machine has no browser to open', {
      hint: `Open ${url} on another machine.`,
    });
  }
  output.result({ url }, () => output.line(url));
}
