/** The text that a run of many test files prints: a line for each file, and a summary at the end. */

/** One test file that has run. */
export interface FileResult {
  /** Path from the repository's root. */
  readonly path: string;
  /** Vitest project. */
  readonly project: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
  /** Milliseconds, hooks included. */
  readonly durationMs: number;
}

/** A test that did not run. */
export interface SkippedTest {
  readonly name: string;
  /** The reason that the test gave; null when it gave none. */
  readonly reason: string | null;
}

/** Files that the summary lists as the slowest. */
const SLOWEST = 10;

/**
 * Returns the line for a file that has just ended.
 * @param place position of the file in the run, from 1
 * @param elapsedMs since the run began
 */
export function progressLine(file: FileResult, place: number, files: number, elapsedMs: number): string {
  const counts = [
    file.failed > 0 ? `${file.failed} failed` : null,
    `${file.passed} passed`,
    file.skipped.length > 0 ? `${file.skipped.length} skipped` : null,
  ].filter((count) => count !== null);
  const position = `${String(place).padStart(String(files).length)}/${files}`;
  return `${position}  ${clock(elapsedMs)}  ${file.path}: ${counts.join(', ')} (${seconds(file.durationMs)})`;
}

/** Returns the summary, section by section. Sections without content are left out. */
export function summaryLines(files: readonly FileResult[]): string[] {
  return [...projectLines(files), ...slowestLines(files), ...skippedLines(files)];
}

function projectLines(files: readonly FileResult[]): string[] {
  const lines = ['', 'Projects'];
  for (const project of new Set(files.map((file) => file.project))) {
    const own = files.filter((file) => file.project === project);
    const tests = sum(own, (file) => file.passed + file.failed + file.skipped.length);
    const time = seconds(sum(own, (file) => file.durationMs));
    lines.push(
      `  ${project.padEnd(14)} ${counted(tests, 'test')} in ${counted(own.length, 'file')}, ${time} of work`,
    );
  }
  return lines;
}

function slowestLines(files: readonly FileResult[]): string[] {
  const slowest = files.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, SLOWEST);
  return [
    '',
    'Slowest files',
    ...slowest.map((file) => `  ${seconds(file.durationMs).padStart(8)}  ${file.path}`),
  ];
}

function skippedLines(files: readonly FileResult[]): string[] {
  const namesByReason = new Map<string, string[]>();
  for (const file of files) {
    for (const { name, reason } of file.skipped) {
      const key = reason ?? 'no reason given';
      namesByReason.set(key, [...(namesByReason.get(key) ?? []), `${file.path} › ${name}`]);
    }
  }
  if (namesByReason.size === 0) return [];
  const lines = ['', 'Skipped tests'];
  for (const [reason, names] of namesByReason) {
    lines.push(`  ${reason}:`, ...names.map((name) => `    ${name}`));
  }
  return lines;
}

function sum(files: readonly FileResult[], valueOf: (file: FileResult) => number): number {
  return files.reduce((total, file) => total + valueOf(file), 0);
}

function counted(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Minutes and seconds. */
function clock(ms: number): string {
  const whole = Math.floor(ms / 1000);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
