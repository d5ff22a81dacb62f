import type { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { withHelp } from '../help/command-help.js';

/** Programs for clusters that are started by the name of a command. */
export const CLUSTER_PROGRAMS = ['traffic-manager', 'pod-daemon'] as const;
export type ClusterProgram = (typeof CLUSTER_PROGRAMS)[number];

const SUMMARIES: Readonly<Record<ClusterProgram, string>> = {
  'traffic-manager': 'run the traffic manager of a network on this machine',
  'pod-daemon': 'run a pod daemon, which receives intercepted requests',
};

const DESCRIPTIONS: Readonly<Record<ClusterProgram, string>> = {
  'traffic-manager':
    'Runs a traffic manager, which connects this network to Culvert. Its settings are environment variables.',
  'pod-daemon': 'Runs a pod daemon in the foreground. Its flags are those of Telepresence.',
};

const EXAMPLES: Readonly<Record<ClusterProgram, string>> = {
  'traffic-manager': 'culvert traffic-manager --url https://culvert.example.com --allow localhost',
  'pod-daemon': 'culvert pod-daemon --workload-name orders --port 8080',
};

/** Lists the programs for clusters in the help. `main.ts` starts them, since they have flags and signals of their own. */
export function addClusterProgramCommands(program: Command): void {
  for (const name of CLUSTER_PROGRAMS) {
    const command = program
      .command(name)
      .argument('[arguments...]', 'as its documentation lists them')
      .summary(SUMMARIES[name])
      .description(DESCRIPTIONS[name])
      .allowUnknownOption()
      .action(() => {
        throw new CliError(EXIT.usage, `${name} has to be the first argument`, {
          hint: `Write "culvert ${name}" and then its arguments.`,
        });
      });
    withHelp(command, { examples: [EXAMPLES[name]] });
  }
}

/** Returns the program for clusters that a command line starts, or null for a command of this program. */
export function clusterProgramOf(argv: readonly string[]): ClusterProgram | null {
  return CLUSTER_PROGRAMS.find((name) => name === argv[0]) ?? null;
}
