import { homedir } from 'node:os';
import { join } from 'node:path';
import { ClientError } from '../client-error.js';

/** Returns the folder where the platform keeps a person's settings. */
export function configDirectory(
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env['CULVERT_CONFIG_DIR']) return env['CULVERT_CONFIG_DIR'];
  if (platform === 'win32' && env['APPDATA']) return join(env['APPDATA'], 'culvert');
  const home = env['HOME'] || homedir();
  if (home === '') {
    throw new ClientError('usage', 'there is no home directory to store the sign-in in', {
      hint: 'Set CULVERT_CONFIG_DIR, or set the key as CULVERT_API_KEY.',
    });
  }
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'culvert');
  return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'culvert');
}
