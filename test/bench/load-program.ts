import { spawn } from 'node:child_process';

const running = new Set<() => void>();
process.on('exit', () => running.forEach((kill) => kill()));

/**
 * Runs a load generator to its end and returns its output.
 * @param deadlineSeconds after which it is killed
 * @throws Error if it ends with another status than 0
 */
export function runLoad(
  command: string,
  args: readonly string[],
  deadlineSeconds: number,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const kill = () => void child.kill('SIGKILL');
    running.add(kill);
    const timer = setTimeout(kill, deadlineSeconds * 1000);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
    }
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      running.delete(kill);
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with status ${code}: ${output.stderr}${output.stdout}`));
    });
  });
}
