export { createProgram, runCulvert } from './command.js';
export { EXIT, type ExitCode } from './exit-code.js';
export type { Environment } from './command-context.js';
