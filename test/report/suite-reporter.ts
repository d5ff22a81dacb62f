/**
 * Vitest's reporter for the whole suite: a line for each file as it ends, failures at once and in full, and a summary that
 * names the slowest files, the reasons of skipped tests, and what tests measured. A run of few files reports each test.
 */
import type { RunnerTestFile, UserConsoleLog } from 'vitest';
import { DefaultReporter, type TestModule, type TestSpecification } from 'vitest/node';
import { type FileResult, progressLine, type SkippedTest, summaryLines } from './suite-summary.js';

/** A run of at most this many files reports each test by name. */
const FEW_FILES = 12;

export class SuiteReporter extends DefaultReporter {
  private files = 0;
  private readonly results: FileResult[] = [];
  /** Output of passed tests: their measurements. */
  private readonly measured: string[] = [];

  constructor() {
    super({ summary: false, silent: 'passed-only' });
  }

  override onTestRunStart(specifications: readonly TestSpecification[]): void {
    super.onTestRunStart(specifications);
    this.files = specifications.length;
    this.renderSucceed = this.isSmall;
  }

  override onTestModuleEnd(module: TestModule): void {
    const result = resultOf(module);
    this.results.push(result);
    if (this.isSmall || module.state() === 'failed') super.onTestModuleEnd(module);
    if (!this.isSmall)
      this.log(progressLine(result, this.results.length, this.files, performance.now() - this.start));
  }

  override onUserConsoleLog(log: UserConsoleLog, taskState?: 'failed'): void {
    super.onUserConsoleLog(log, taskState);
    if (taskState === undefined && log.type === 'stdout') this.measured.push(log.content.trim());
  }

  override reportTestSummary(files: RunnerTestFile[], errors: unknown[], leaks: number): void {
    if (!this.isSmall) for (const line of summaryLines(this.results)) this.log(line);
    if (this.measured.length > 0) {
      this.log('\nMeasured');
      for (const text of this.measured) this.log(text.replaceAll(/^/gm, '  '));
    }
    super.reportTestSummary(files, errors, leaks);
  }

  private get isSmall(): boolean {
    return this.files <= FEW_FILES;
  }
}

function resultOf(module: TestModule): FileResult {
  let passed = 0;
  let failed = 0;
  const skipped: SkippedTest[] = [];
  for (const test of module.children.allTests()) {
    const result = test.result();
    if (result.state === 'passed') passed++;
    else if (result.state === 'failed') failed++;
    else skipped.push({ name: test.fullName, reason: ('note' in result && result.note) || null });
  }
  const { duration, setupDuration, collectDuration } = module.diagnostic();
  return {
    path: module.relativeModuleId,
    project: module.project.name,
    passed,
    failed,
    skipped,
    durationMs: duration + setupDuration + collectDuration,
  };
}
