/** The protocol between an action and the runner: inputs, outputs, state and commands on stdout. */
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';

export type Environment = Readonly<Record<string, string | undefined>>;

/** An error whose message is for the author of the workflow. */
export class ActionError extends Error {
  override readonly name = 'ActionError';
}

/** The runner of this job. */
export class Runner {
  constructor(
    readonly env: Environment,
    private readonly stdout: { write(text: string): unknown } = process.stdout,
  ) {}

  /** Returns an input, without space around it; '' if it is not set. */
  input(name: string): string {
    return this.env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`]?.trim() ?? '';
  }

  /** @throws ActionError if it is neither true nor false */
  flag(name: string): boolean {
    const value = this.input(name).toLowerCase();
    if (value === 'true' || value === 'false') return value === 'true';
    throw new ActionError(`the input ${name} must be true or false, not "${value}"`);
  }

  setOutput(name: string, value: string): void {
    this.append('GITHUB_OUTPUT', name, value);
  }

  /** Stores a value for the step at the end of the job, which reads it with `state`. */
  saveState(name: string, value: string): void {
    this.append('GITHUB_STATE', name, value);
  }

  state(name: string): string {
    return this.env[`STATE_${name}`] ?? '';
  }

  info(text: string): void {
    this.stdout.write(`${withoutCommands(text)}\n`);
  }

  notice(text: string): void {
    this.stdout.write(`::notice::${escapeData(text)}\n`);
  }

  warning(text: string): void {
    this.stdout.write(`::warning::${escapeData(text)}\n`);
  }

  error(text: string): void {
    this.stdout.write(`::error::${escapeData(text)}\n`);
  }

  private append(file: string, name: string, value: string): void {
    const path = this.env[file];
    if (path === undefined || path === '') throw new ActionError(`the runner does not set ${file}`);
    // A value that contained the delimiter could set other outputs.
    const delimiter = `end-${randomUUID()}`;
    appendFileSync(path, `${name}<<${delimiter}\n${value}\n${delimiter}\n`);
  }
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Keeps text of other programs from being a command of the runner. */
function withoutCommands(text: string): string {
  return text.replace(/^(\s*)(::|##\[)/gm, '$1 $2').replaceAll('::', ': :');
}
