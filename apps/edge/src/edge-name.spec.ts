import { describe, expect, it } from 'vitest';
import { edgeName } from './edge-name.js';

const at = (port: number) => ({ listen: { port, host: undefined, adminPort: null, metrics: null } });

describe(edgeName, () => {
  it('tells edges of one host apart by port, and workers by number', () => {
    expect(edgeName(at(8080), null, 'eu-1')).toBe('eu-1:8080');
    expect(edgeName(at(8082), null, 'eu-1')).toBe('eu-1:8082');
    expect(edgeName(at(8080), 3, 'eu-1')).toBe('eu-1:8080 worker 3');
  });

  it('names the process where the system chooses the port', () => {
    expect(edgeName(at(0), null, 'eu-1')).toBe(`eu-1 process ${process.pid}`);
  });

  it('keeps what tells edges apart when the name of the host is long', () => {
    const name = edgeName(at(8080), 12, 'h'.repeat(300));
    expect([name.length, name.endsWith('h:8080 worker 12')]).toEqual([100, true]);
  });
});
