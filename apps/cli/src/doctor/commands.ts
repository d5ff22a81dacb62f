import type { Command } from 'commander';
import type { Action } from '../action.js';
import { withHelp } from '../help/command-help.js';

/** Flags of `culvert doctor`. */
export interface DoctorFlags {
  readonly bundle?: string;
}

/** Adds the command that finds out why something does not work. */
export function addDoctorCommand(program: Command, action: Action): void {
  const command = program
    .command('doctor')
    .argument('[target]', 'PORT, HOST:PORT or URL of a service that you want to expose')
    .summary('check the way to Culvert, your sign-in and this machine')
    .description(
      'Checks everything that culvert needs and says what to do where something does not work. Changes nothing.',
    )
    .option('--bundle <file>', 'also write the results, without secrets, to a .tar.gz to send to support')
    .action(
      action(async (context, target: string | undefined, flags: DoctorFlags) => {
        const { doctor } = await import('./doctor.js');
        return doctor(context, target, flags);
      }),
    );
  withHelp(command, {
    details: [
      'Checks name resolution, proxy, TCP, TLS, API, versions, clock, the way of tunnels, your credential and its ' +
        'scopes, the domain of previews, this machine and, if given, the target. A check whose basis failed is ' +
        'skipped. The exit code is 1 if a check fails; warnings do not count.',
    ],
    examples: [
      'culvert doctor',
      'culvert doctor 3000',
      'culvert doctor --bundle report.tar.gz',
      `culvert doctor --output json | jq '.checks[] | select(.state == "failure")'`,
    ],
  });
}
