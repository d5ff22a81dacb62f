import { expect, it } from 'vitest';
import { succeeded } from './h2load.js';

const SUMMARY = `
Application protocol: h2
finished in 2.00s, 41000.50 req/s, 44.60MB/s
requests: 82001 total, 82257 started, 82001 done, 82001 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 82001 2xx, 0 3xx, 0 4xx, 0 5xx
`;

it('succeeded counts the requests that h2load reports as successful', () => {
  expect(succeeded(SUMMARY)).toBe(82_001);
});

it.each([
  ['another protocol', SUMMARY.replace('h2\n', 'http/1.1\n')],
  ['other statuses', SUMMARY.replace('0 5xx', '7 5xx')],
  ['failures', SUMMARY.replace('0 failed', '1 failed')],
  ['time-outs', SUMMARY.replace('0 timeout', '1 timeout')],
  ['no request at all', SUMMARY.replace('82001 2xx', '0 2xx')],
  ['a summary it cannot read', 'finished'],
])('succeeded refuses figures with %s', (_what, summary) => {
  expect(() => succeeded(summary)).toThrow('failed');
});
