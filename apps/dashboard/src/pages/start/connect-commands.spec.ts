import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { waysToConnect } from './connect-commands.js';

const codes = (origin: string): string[] =>
  waysToConnect({ origin, keyOf: (purpose) => `cvt_key_${purpose}` }).flatMap(({ steps }) =>
    steps.map(({ code }) => code),
  );

describe('the commands to connect a traffic manager', () => {
  it('contain the address and the key', () => {
    const all = codes('https://culvert.example.com').join('\n');
    expect(all.match(/https:\/\/culvert\.example\.com/g)).toHaveLength(4);
    expect(all.match(/cvt_key/g)).toHaveLength(4);
    expect(all).toContain('--set systemaHost=culvert.example.com --set systemaPort=443');
    expect(all).toContain('TELEPRESENCE_LOGIN_DOMAIN=culvert.example.com ');
  });

  it('contain a port that is not the default', () => {
    const all = codes('http://localhost:8080').join('\n');
    expect(all).toContain('systemaHost=localhost --set systemaPort=8080');
    expect(all).toContain('TELEPRESENCE_LOGIN_DOMAIN=localhost:8080');
    expect(all).toContain('CULVERT_URL=http://localhost:8080');
  });

  it('reach a server on this machine from a container, and name those that cannot', () => {
    const ways = waysToConnect({ origin: 'http://localhost:8080', keyOf: (purpose) => `cvt_key_${purpose}` });
    const container = ways.find(({ id }) => id === 'container');
    expect(container?.steps[0]?.code).toContain(
      'docker run --rm --network host -e CULVERT_URL=http://localhost:8080',
    );
    expect(ways.filter(({ obstacle }) => obstacle !== null).map(({ id }) => id)).toEqual([
      'kubernetes',
      'telepresence',
    ]);
    const elsewhere = waysToConnect({
      origin: 'https://culvert.example.com',
      keyOf: (purpose) => `cvt_key_${purpose}`,
    });
    expect(elsewhere.filter(({ obstacle }) => obstacle !== null)).toEqual([]);
    expect(JSON.stringify(elsewhere)).not.toContain('--network');
  });

  it(
    'explain how a traffic manager on this machine shares services on loopback, which it refuses by ' +
      'default',
    () => {
      const ways = waysToConnect({
        origin: 'http://localhost:8080',
        keyOf: (purpose) => `cvt_key_${purpose}`,
      });
      const node = ways.find(({ label }) => label === 'Node');
      expect(node?.steps[0]?.text).toMatch(/refuses .*loopback.* CULVERT_ALLOW=127\.0\.0\.1:3000/);
    },
  );

  it('set only values that the chart has', () => {
    const chart = readFileSync(
      new URL('../../../../../infra/helm/traffic-manager/values.yaml', import.meta.url),
      'utf8',
    );
    const known = [...chart.matchAll(/^(\w+):/gm)].map(([, name]) => name);
    const command = codes('https://culvert.example.com').find((code) => code.includes('infra/helm')) ?? '';
    const set = [...command.matchAll(/--set (\w+)=/g)].map(([, name]) => name);
    expect(set).toEqual(['culvertUrl', 'image', 'apiKey', 'clusterSecret', 'name']);
    expect(known).toEqual(expect.arrayContaining(set));
    expect(command).toContain("--set apiKey='cvt_key_manager'");
  });
});
