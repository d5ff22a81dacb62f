/** The first signal drains; the second ends the process as it would end any other. */
export function stopOnSignals(program: { stop(): Promise<void> }): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void program.stop());
  }
}
