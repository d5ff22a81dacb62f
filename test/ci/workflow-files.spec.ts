/** The files that CI systems read: those of the repository, and those that the documentation shows. */
import { readFileSync } from 'node:fs';
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { parseAction } from '@actions/workflow-parser/actions/action-parser';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const PAGES = ['docs/ci.md', 'infra/ci/github/README.md', 'infra/ci/gitlab/README.md'];
const COMPONENT = 'infra/ci/gitlab/templates/preview.yml';
const ACTION = 'infra/ci/github/action.yml';

/** Returns the blocks of YAML on a page. Those in lists are indented. */
function blocksOf(page: string): string[] {
  const found = readFileSync(page, 'utf8').matchAll(/^( *)```yaml\n([^]*?)^\1```/gm);
  return [...found].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
}

const examples = PAGES.flatMap((page) =>
  blocksOf(page).map((block) => ({ page, block, parsed: parse(block) })),
);
const workflows = examples.filter(({ parsed }) => 'on' in parsed);
const included = examples.flatMap(
  ({ parsed }) => (parsed.include ?? []) as { component: string; inputs: Readonly<Record<string, string>> }[],
);

interface Job {
  readonly script?: readonly string[];
  readonly needs?: readonly string[];
  readonly rules?: readonly object[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, string>>;
}

const [header, jobs] = parseAllDocuments(readFileSync(COMPONENT, 'utf8')).map((document) =>
  document.toJS(),
) as [{ spec: { inputs: Record<string, { default?: unknown; regex?: string }> } }, Record<string, Job>];

describe('the examples in the documentation', () => {
  it('are all found', () => {
    expect([workflows.length, included.length]).toEqual([4, 2]);
  });

  it.each(workflows)('are workflows that GitHub accepts: $page', ({ block }) => {
    const { context } = parseWorkflow({ name: 'preview.yml', content: block }, new NoOperationTraceWriter());
    expect(context.errors.getErrors().map(({ message }) => message)).toEqual([]);
  });

  it('use inputs and outputs that the action has', () => {
    const { inputs, outputs } = parse(readFileSync(ACTION, 'utf8'));
    const steps = workflows.flatMap(({ parsed }) =>
      Object.values(parsed.jobs as Record<string, { steps: Step[] }>).flatMap((job) => job.steps),
    );
    const used = steps.filter(({ uses }) => uses?.includes('culvert-preview'));
    expect(used.length).toBeGreaterThan(2);
    for (const { with: given = {} } of used) {
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(given)));
      for (const [name, { required }] of Object.entries(inputs as Record<string, { required?: boolean }>))
        if (required === true) expect(given).toHaveProperty(name);
    }
    const named = workflows.flatMap(({ block }) => [...block.matchAll(/steps\.preview\.outputs\.([\w-]+)/g)]);
    for (const [, output = ''] of named) expect(outputs).toHaveProperty(output);
  });

  it('give the component the inputs that it needs, and no others', () => {
    const { inputs } = header.spec;
    const needed = Object.keys(inputs).filter((name) => inputs[name]?.default === undefined);
    for (const { inputs: given } of included) {
      expect(Object.keys(given)).toEqual(expect.arrayContaining(needed));
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(given)));
    }
  });

  it('run a job after the component only in pipelines that have it', () => {
    const dependent = examples.flatMap(({ parsed }) =>
      Object.values(parsed as Record<string, Job>).filter(({ needs }) => needs?.includes('culvert-preview')),
    );
    expect(dependent).toHaveLength(1);
    for (const { rules } of dependent) expect(rules).toEqual(jobs['culvert-preview']?.rules);
  });

  it('never install the command by its name, which may belong to another publisher', () => {
    const byName = /\bnpx culvert\b|\bnpm (?:i|install)\b.* @?culvert(?:[@/ "]|$)/m;
    expect('npm install --global "culvert@1"'.replaceAll('"', '')).toMatch(byName);
    const blocks = [...examples.map(({ block }) => block), readFileSync(COMPONENT, 'utf8')];
    expect(blocks.filter((block) => byName.test(block.replaceAll('"', '')))).toEqual([]);
  });
});

describe('action.yml', () => {
  it('is an action that GitHub accepts', () => {
    const file = { name: 'action.yml', content: readFileSync(ACTION, 'utf8') };
    const { context } = parseAction(file, new NoOperationTraceWriter());
    expect(context.errors.getErrors().map(({ message }) => message)).toEqual([]);
  });

  it('has the inputs that the program reads', () => {
    const source = ['main', 'post', 'settings'].map((name) =>
      readFileSync(`infra/ci/github/src/${name}.ts`, 'utf8'),
    );
    const read = [...source.join('\n').matchAll(/runner\s*\.(?:input|flag)\('([\w-]+)'\)/g)].map(
      ([, name]) => name,
    );
    const { inputs } = parse(readFileSync(ACTION, 'utf8'));
    // `workload` and `port` are also read by a name in a variable.
    expect([...new Set(read)].toSorted()).toEqual(Object.keys(inputs).toSorted());
  });
});

// GitLab publishes a JSON schema of .gitlab-ci.yml, but no package has it. These are rules of its documentation:
// docs.gitlab.com/ci/inputs, /ci/yaml and /ci/environments.
describe('the GitLab component', () => {
  it('declares every input that it uses, and uses every input that it declares', () => {
    const used = [...readFileSync(COMPONENT, 'utf8').matchAll(/\$\[\[ inputs\.([\w-]+) \]\]/g)];
    expect([...new Set(used.map(([, name]) => name))].toSorted()).toEqual(
      Object.keys(header.spec.inputs).toSorted(),
    );
  });

  it('accepts a URL without a slash at its end, because tokens have it as their audience', () => {
    const url = new RegExp(header.spec.inputs['url']?.regex ?? '');
    const given = ['https://culvert.example.com', 'https://culvert.example.com/', 'culvert.example.com'];
    expect(given.map((each) => url.test(each))).toEqual([true, false, false]);
  });

  it('stops its environment by a job of the same environment, without the branch', () => {
    const { environment } = jobs['culvert-preview'] ?? {};
    const stop = jobs[environment?.['on_stop'] ?? ''];
    expect(stop?.environment).toEqual({ name: environment?.['name'], action: 'stop' });
    expect(stop?.variables).toMatchObject({ GIT_STRATEGY: 'none' });
  });
});
