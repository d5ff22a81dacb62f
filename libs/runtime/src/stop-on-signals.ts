/**
 * Stops `program` at the first SIGTERM, SIGINT or SIGHUP. A second SIGTERM or SIGINT ends the process as it would end any
 * other. A second SIGHUP does not: when a terminal closes, its shell and the kernel may both send one.
 */
export function stopOnSignals(program: { stop(): Promise<void> }): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void program.stop());
  }
  process.on('SIGHUP', () => void program.stop());
}
