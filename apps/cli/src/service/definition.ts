/** What a service runs, whichever program of the platform keeps it running. */

/** A program and its arguments. */
export type CommandLine = readonly [program: string, ...args: string[]];

export interface ServiceDefinition {
  /** Identifies it among the services of Culvert on this machine: `culvert`, or `culvert-NAME`. */
  readonly id: string;
  /** The program, as absolute paths, and its arguments. Contains no secret. */
  readonly command: CommandLine;
  /** Absolute path. */
  readonly workingDirectory: string;
  /** Variables without secrets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Absolute path of a file of `NAME=VALUE` lines that only its owner can read, or null. */
  readonly environmentFile: string | null;
  /** Account that a service of the whole machine runs as; null: the service belongs to the person who installs it. */
  readonly user: string | null;
}

/** A program of the platform that keeps services running. */
export interface ServiceManager {
  /** Name for people. */
  readonly name: string;
  /** Path of the definition of this service. */
  fileOf(id: string): string;
  /** Returns the content of the definition. @throws CliError if it cannot hold a value */
  textOf(definition: ServiceDefinition): string;
  /** Returns the commands that start a service, now and after each restart of the machine, once its file is written. */
  start(id: string): readonly CommandLine[];
  /** Returns the commands that end it, before its file is removed. */
  stop(id: string): readonly CommandLine[];
  /** Returns the commands after the file was removed. */
  forget(): readonly CommandLine[];
  /** Returns the command that prints the state. */
  show(id: string): CommandLine;
  /** Reads the output of `show`. */
  readState(output: string): ServiceState;
  /** Returns the command that prints the log, or null if the platform keeps none. */
  logs(id: string, options: { readonly lines: number; readonly follow: boolean }): CommandLine | null;
  /** What a person should know after the installation, or null. */
  advice(definition: ServiceDefinition): string | null;
}

export interface ServiceState {
  readonly isRunning: boolean;
  /** In the words of the platform. */
  readonly state: string;
  readonly pid: number | null;
  /** How often it was started again after it ended, if the platform counts that. */
  readonly restarts: number | null;
}

/** Begins every definition, so that files of others are not replaced or removed. */
export const MARK = 'Written by "culvert service install", which replaces it.';
