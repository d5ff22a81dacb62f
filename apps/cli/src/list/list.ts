import type { Command } from 'commander';
import type { Action } from '../command.js';
import type { CommandContext } from '../command-context.js';

/** Which workloads are intercepted, and how that goes, as Culvert knows it. */
export function addListCommand(program: Command, action: Action): void {
  program
    .command('list')
    .alias('ls')
    .summary('list the intercepts of the team and how each is')
    .description('Lists the workloads of the team that are intercepted, by whom, and whether that works.')
    .action(action(list));
}

async function list({ api, output }: CommandContext): Promise<void> {
  const [intercepts, previews] = await Promise.all([api.intercepts(), api.previews()]);
  const listed = intercepts.map((intercept) => ({
    ...intercept,
    previews: previews.filter(({ interceptId }) => interceptId === intercept.id).map(({ url }) => url),
  }));
  output.result(listed, () =>
    output.table(
      ['WORKLOAD', 'NAMESPACE', 'INTERCEPT', 'CLIENT', 'STATE', 'HEADERS', 'PREVIEWS'],
      listed.map(({ workload, namespace, name, client, disposition, message, headers, previews: urls }) => [
        workload,
        namespace,
        name,
        client,
        message === '' ? disposition : `${disposition}: ${message}`,
        Object.entries(headers)
          .map(([header, value]) => `${header}=${value}`)
          .join(', '),
        urls.join(', '),
      ]),
      'Nothing is intercepted.',
    ),
  );
}
