/** `culvert service status`, `uninstall` and `logs`. */
import { rmSync } from 'node:fs';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { type LogFlags, serviceId, type ServiceFlags } from './commands.js';
import type { ServiceManager } from './definition.js';
import { readOwn } from './install.js';
import { runTool, streamTool } from './run-tool.js';
import { serviceManager } from './service-manager.js';

interface Installed {
  readonly manager: ServiceManager;
  readonly id: string;
  readonly file: string;
}

export async function status(context: CommandContext, flags: ServiceFlags): Promise<number> {
  const { env, output } = context;
  const { manager, id, file } = findInstalled(context, flags);
  const found = manager.readState(await runTool(manager.show(id), env));
  output.result({ name: id, manager: manager.name, file, ...found }, () =>
    output.fields([
      ['Service', id],
      ['State', found.state],
      ['Process', found.pid === null ? null : String(found.pid)],
      ['Restarts', found.restarts === null ? null : String(found.restarts)],
      ['File', file],
    ]),
  );
  return found.isRunning ? EXIT.ok : EXIT.failure;
}

export async function uninstall(context: CommandContext, flags: ServiceFlags): Promise<void> {
  const { env, output } = context;
  const { manager, id, file } = findInstalled(context, flags);
  for (const command of manager.stop(id)) await runTool(command, env);
  rmSync(file, { force: true });
  for (const command of manager.forget()) await runTool(command, env);
  output.result({ name: id, file }, () => output.line(`Removed ${id} (${file}).`));
}

export async function logs(context: CommandContext, flags: LogFlags): Promise<number> {
  const { env, output, signal } = context;
  const { manager, id } = findInstalled(context, flags);
  const command = manager.logs(id, { lines: flags.lines, follow: flags.follow === true });
  if (command === null) {
    throw new CliError(EXIT.usage, `${manager.name} keeps no log of ${id}`, {
      hint: 'Run the command of the service in a terminal to see what it prints.',
    });
  }
  const code = await streamTool(command, {
    env,
    signal,
    onLine: (line) => output.event({ line }, () => output.line(line)),
  });
  return code === 0 || signal.aborted ? EXIT.ok : EXIT.localTarget;
}

/** @throws CliError if it is not installed */
function findInstalled({ env }: CommandContext, flags: ServiceFlags): Installed {
  const isSystem = flags.system === true;
  const manager = serviceManager({ env, isSystem });
  const id = serviceId(flags);
  const file = manager.fileOf(id);
  if (readOwn(file) !== null) return { manager, id, file };
  throw new CliError(EXIT.notFound, `the service ${id} is not installed`, {
    hint: isSystem
      ? 'Without --system, the command looks for your own services.'
      : 'If it belongs to the whole machine, add --system. --name chooses one of several.',
  });
}
