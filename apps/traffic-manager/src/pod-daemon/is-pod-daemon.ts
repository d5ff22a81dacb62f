/** Reports whether the program should run as a pod daemon. */
export function isPodDaemon(argv: readonly string[], env: NodeJS.ProcessEnv): boolean {
  return argv[0] === 'pod-daemon' || /^(true|1|yes)$/i.test(env['IS_POD_DAEMON'] ?? '');
}
