/** Parses a Dockerfile as far as tests need: its stages and their instructions. */

export interface Instruction {
  readonly keyword: string;
  /** Everything after the keyword, continued lines joined. */
  readonly argument: string;
}

export interface Stage {
  readonly name: string;
  /** An image, or the name of an earlier stage. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

export function parseDockerfile(text: string): Stage[] {
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '');
  for (const line of lines.split('\n')) {
    const match = /^([A-Z]+)\s+(.*)$/.exec(line);
    if (!match) throw new Error(`not an instruction: ${line}`);
    const [, keyword, argument] = match;
    if (keyword === 'FROM') {
      const from = /^(\S+)(?: AS ([\w-]+))?$/.exec(argument);
      if (!from) throw new Error(`not a base image: ${line}`);
      stages.push({ from: from[1], name: from[2] ?? '', instructions: [] });
    } else {
      stages.at(-1)!.instructions.push({ keyword, argument });
    }
  }
  return stages;
}

/** Returns the instructions of a stage after those of its base stages. */
export function inheritedInstructions(stages: readonly Stage[], name: string): Instruction[] {
  const stage = stages.find((candidate) => candidate.name === name);
  return stage ? [...inheritedInstructions(stages, stage.from), ...stage.instructions] : [];
}

/** Returns the value of an instruction of which the last one in a stage's image counts. */
export function lastOf(stages: readonly Stage[], name: string, keyword: string): string | undefined {
  return inheritedInstructions(stages, name).findLast((instruction) => instruction.keyword === keyword)
    ?.argument;
}
