import { homedir } from 'node:os';
import { join } from 'node:path';
import { configDirectory } from '@culvert/client';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { ServiceManager } from './definition.js';
import { launchd } from './launchd.js';
import { systemd } from './systemd.js';
import { windowsTasks } from './windows-task.js';

export interface ManagerOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Whether services belong to the whole machine. */
  readonly isSystem: boolean;
  readonly platform?: NodeJS.Platform;
}

/** Returns what keeps services running on this platform. @throws CliError if there is nothing that `culvert` knows */
export function serviceManager({
  env,
  isSystem,
  platform = process.platform,
}: ManagerOptions): ServiceManager {
  const home = env['HOME'] || homedir();
  switch (platform) {
    case 'linux': {
      const own = join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'systemd', 'user');
      return systemd(isSystem ? '/etc/systemd/system' : own, { isSystem });
    }
    case 'darwin': {
      const library = isSystem ? '/Library' : join(home, 'Library');
      return launchd({
        directory: join(library, isSystem ? 'LaunchDaemons' : 'LaunchAgents'),
        logs: join(library, 'Logs'),
        domain: isSystem ? 'system' : `gui/${process.getuid?.() ?? 0}`,
      });
    }
    case 'win32':
      if (isSystem) {
        throw new CliError(EXIT.usage, '--system does not work on Windows', {
          hint: 'Install it without --system, as the person who should run it.',
        });
      }
      return windowsTasks(join(configDirectory(env), 'services'));
    default:
      throw new CliError(EXIT.usage, `culvert does not know how ${platform} runs services`, {
        hint: 'Start "culvert up" or "culvert expose" with the service manager of this system.',
      });
  }
}
