/**
 * Two edges whose secrets differ, as after a mistake of an operator, and the change of their files that mends it without a
 * restart. Each edge has a folder of its own for temporary files, so that they do not find each other's Unix sockets, as on
 * different machines.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemporaryFolder } from '../services/server.js';
import { type Preview, visit } from '../support/deployment.js';
import { type FleetDeployment, type Member, startFleetDeployment } from '../support/fleet-deployment.js';
import { type MixedService, startMixedService } from '../support/mixed-service.js';

const [FIRST, SECOND] = ['first-secret-of-edges-0123456789abcdef', 'second-secret-of-edges-0123456789abcde'];
/** Edges read their files every ten seconds. */
const REREAD = { timeout: 30_000, interval: 200 };

const folder = new TemporaryFolder('link-secret');
const secretFile = (index: number) => join(folder.path, `secret-${index}`);
let fleet: FleetDeployment;
let service: MixedService;
let preview: Preview;
let holder: Member;
let other: Member;

beforeAll(async () => {
  service = await startMixedService();
  for (const [index, secret] of [FIRST, SECOND].entries()) {
    writeFileSync(secretFile(index), secret);
    mkdirSync(join(folder.path, String(index)));
  }
  fleet = await startFleetDeployment({
    edges: 2,
    apis: 1,
    managerIds: ['one-leg'],
    managerEnv: { CULVERT_TUNNELS: '1' },
    edgeEnv: (index) => ({
      EDGE_LINK_SECRET: '',
      EDGE_LINK_SECRET_FILE: secretFile(index),
      TMPDIR: join(folder.path, String(index)),
      HOST: '127.0.0.1',
      MANAGER_WAIT_MS: '500',
    }),
  });
  preview = await fleet.deployment.createPreview(service.port, { access: 'public' });
  const isHolder = ({ program }: Member) => program.stderr.includes('"tunnel open"');
  holder = fleet.edges.find(isHolder)!;
  other = fleet.edges.find((edge) => !isHolder(edge))!;
});
afterAll(async () => {
  await fleet?.stop();
  service?.stop();
  folder.remove();
});

const visitOther = async () => (await visit(other.port!, preview.hostname, '/')).status;
const warnings = ({ program }: Member) =>
  program.stderr.split('\n').filter((line) => line.includes('the secrets differ'));

describe('edges whose secrets differ', () => {
  it('warn once at each end in plain words, which name the other edge and what to do', async () => {
    for (let i = 0; i < 3; i++) expect(await visitOther()).toBe(503);
    await expect.poll(() => [warnings(other).length, warnings(holder).length]).toEqual([1, 1]);
    const [line] = warnings(other).map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(line).toMatchObject({
      level: 'warn',
      edge: expect.stringMatching(new RegExp(`:${holder.port}$`)),
    });
    expect(line['msg']).toMatch(
      /^no link to the edge .+ at 127\.0\.0\.1:\d+: the secrets differ\. Give all edges of the deployment the same EDGE_LINK_SECRET$/,
    );
    for (const { program } of fleet.edges) expect(program.stderr).not.toMatch(/first-secret|second-secret/);
  });

  it('reach each other once their files have both secrets, without a restart', async () => {
    const pids = fleet.edges.map(({ program }) => program.pid);
    for (const index of [0, 1])
      writeFileSync(secretFile(index), `${[FIRST, SECOND][index]}\n${[SECOND, FIRST][index]}\n`);
    await expect.poll(visitOther, REREAD).toBe(200);
    expect(fleet.edges.map(({ program }) => program.pid)).toEqual(pids);
  });
});
