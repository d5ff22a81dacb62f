import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyCredential } from '@culvert/api-client';
import { type Machine, thisMachine } from '@culvert/client';
import { EdgeFleet } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { Output } from '../output/output.js';
import { TestStream } from '../spec/test-terminal.js';
import { type Endpoint, readUpFile } from './file/read-file.js';
import { ProjectFiles } from './project.js';
import { UpRun } from './up-run.js';

const SCOPES = ['tunnel', 'sessions:read', 'previews:write', 'sessions:write'];

let home: string;
let edge: EdgeFleet;
let machine: Machine;
let path: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  path = join(home, 'culvert.yaml');
  machine = thisMachine({ CULVERT_CONFIG_DIR: home });
  edge = await EdgeFleet.start('e1');
});
afterEach(async () => {
  await edge.stop();
  rmSync(home, { recursive: true, force: true });
});

/** The API of a team. It refuses each preview above its limit. */
class Team {
  readonly previews = new Map<string, object>();
  canRemove = true;
  made = 0;

  constructor(private readonly limit: number) {}

  /** Calls as the commands make them. */
  readonly call = (operation: string, input: { previewId?: string; body?: object } = {}): Promise<unknown> =>
    Promise.resolve().then(() => {
      if (operation === 'getMe') return { scopes: SCOPES };
      if (operation === 'getSession') return { trafficManagerId: 'm1', state: 'connected' };
      if (operation === 'createPreview') return this.create(input.body);
      if (operation.startsWith('delete')) {
        const { interceptId = '' } = input as { interceptId?: string };
        return void this.previews.delete(interceptId.slice(1));
      }
      const found = this.previews.get(input.previewId ?? '');
      if (found === undefined) throw new CliError(EXIT.notFound, 'the preview does not exist');
      return found;
    });

  /** Requests that are made after the end. */
  readonly send = ({ url, method }: { url: string; method: string }): Promise<unknown> => {
    const [, id = ''] = /intercepts\/i(\w+)$/.exec(url) ?? [];
    if (method !== 'DELETE' || !this.canRemove) return Promise.reject(new Error(`${method} ${url} failed`));
    this.previews.delete(id);
    return Promise.resolve({ status: 204, headers: {}, text: '' });
  };

  private create(body: object | undefined): object {
    if (this.previews.size >= this.limit) throw new CliError(EXIT.conflict, 'the team has too many previews');
    const id = `p${++this.made}`;
    const preview = { id, interceptId: `i${id}`, trafficManagerId: 'm1', hostname: `${id}.example.com` };
    const made = { ...body, ...preview, url: `https://${id}.example.com` };
    this.previews.set(id, made);
    return made;
  }
}

interface Started {
  readonly run: UpRun;
  readonly output: () => string;
  readonly files: ProjectFiles;
  readonly ready: Promise<void>;
}

/** Prepares a run of the file. */
async function start(team: Team, content: string, names?: readonly string[]): Promise<Started> {
  writeFileSync(path, content);
  const [stdout, stderr] = [new TestStream(), new TestStream()];
  const context = {
    settings: { url: edge.url, ca: undefined, apiKey: 'key-12345', apiKeyVariable: 'CULVERT_API_KEY' },
    output: new Output({ format: 'text', stdout, stderr, env: {} }),
    env: { CULVERT_CONFIG_DIR: home },
    signal: new AbortController().signal,
    http: { send: team.send },
    bearer: keyCredential(() => Promise.resolve('key-12345')),
    api: { call: team.call },
  } as unknown as CommandContext;
  const file = readUpFile(path, {}, { isNamed: true });
  const files = new ProjectFiles(context.env, path);
  if (names !== undefined) files.writeSelection(names);
  const endpoints: readonly Endpoint[] = file.endpoints.filter(({ name }) => names?.includes(name) ?? true);
  let onReady!: () => void;
  const ready = new Promise<void>((resolve) => (onReady = resolve));
  const run = await UpRun.create({ context, machine, files, inspector: null, onReady }, file, endpoints);
  return { run, files, ready, output: () => stderr.text + stdout.text };
}

const TWO = 'name: shop\nendpoints:\n  web: { target: 1, access: public }\n  api: { target: 2 }\n';

describe(UpRun.name, () => {
  // The fault: a start that failed left the previews that it had made, and each further attempt made others.
  it('leaves no preview behind when it cannot start', async () => {
    const team = new Team(1);
    for (let attempt = 1; attempt <= 2; attempt++) {
      const { run } = await start(team, TWO);
      await expect(run.run()).rejects.toThrow('the team has too many previews');
      expect([team.made, team.previews.size]).toEqual([attempt, 0]);
      expect([...machine.running.list('up'), ...machine.running.listLeft('up')]).toEqual([]);
    }
  });

  it('keeps the entry of a preview that it cannot remove, for the next run', async () => {
    const team = new Team(1);
    team.canRemove = false;
    for (let attempt = 1; attempt <= 2; attempt++) {
      const { run } = await start(team, TWO);
      await expect(run.run()).rejects.toThrow('the team has too many previews');
      expect([team.made, team.previews.size]).toEqual([1, 1]);
      expect(machine.running.listLeft('up')).toMatchObject([{ name: 'shop/web', previewId: 'p1' }]);
    }
  });

  // The fault: the command ended without applying that last change, so that a removed endpoint kept its URL.
  it('removes the URL of its only endpoint when the file no longer has it, and says that none is left', async () => {
    const team = new Team(9);
    const { run, ready, output } = await start(team, 'name: shop\nendpoints: { web: { target: 1 } }\n', [
      'web',
    ]);
    const ended = run.run();
    await ready;
    expect(team.previews.size).toBe(1);
    writeFileSync(path, 'name: shop\nendpoints: { website: { target: 1 } }\n');
    expect(await ended).toBe(EXIT.ok);
    expect(team.previews.size).toBe(0);
    expect(output()).toContain('web | removed.');
    expect(output()).toContain('No endpoint is left');
    expect(output()).not.toContain('Kept the URLs');
    expect([...machine.running.list('up'), ...machine.running.listLeft('up')]).toEqual([]);
  });
});
