import { describe, expect, it } from 'vitest';
import { AllowList } from './allow-list.js';
import { ConfigurationError } from '@culvert/process';

describe('AllowList', () => {
  it('allows everything without a rule', () => {
    expect(new AllowList([]).judge('anything.example', 1)).toBe('name');
  });

  it.each<[rules: string[], host: string, port: number, verdict: string]>([
    [['web'], 'web', 80, 'name'],
    [['WEB'], 'web', 80, 'name'],
    [['web'], 'Web.', 80, 'name'],
    [['web:80'], 'web', 80, 'name'],
    [['web:80'], 'web', 81, 'forbidden'],
    [['web'], 'web.evil', 80, 'forbidden'],
    [['web'], 'evilweb', 80, 'forbidden'],
    [['*.svc.cluster.local'], 'web.ns.svc.cluster.local', 80, 'name'],
    [['*.svc.cluster.local'], 'svc.cluster.local', 80, 'forbidden'],
    [['*.svc.cluster.local'], 'evilsvc.cluster.local', 80, 'forbidden'],
    [['*.svc.cluster.local:8080'], 'web.svc.cluster.local', 80, 'forbidden'],
    [['a', 'b'], 'b', 80, 'name'],
    [['10.0.0.0/8'], 'web', 80, 'address'],
    [['10.0.0.0/8:80'], 'web', 81, 'forbidden'],
    [['10.0.0.1'], '10.0.0.1', 80, 'address'],
    [['web', '10.0.0.0/8'], 'other', 80, 'address'],
  ])('with %j judges %s:%i by %s', (rules, host, port, verdict) => {
    expect(new AllowList(rules).judge(host, port)).toBe(verdict);
  });

  it.each<[rule: string, address: string, port: number, allowed: boolean]>([
    ['10.0.0.0/8', '10.255.0.1', 80, true],
    ['10.0.0.0/8', '11.0.0.1', 80, false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', 80, true],
    ['10.0.0.0/8', '::ffff:11.0.0.1', 80, false],
    ['10.0.0.0/8:443', '10.0.0.1', 80, false],
    ['10.1.2.3', '10.1.2.3', 80, true],
    ['10.1.2.3', '10.1.2.4', 80, false],
    ['0.0.0.0/0', '8.8.8.8', 80, true],
    ['0.0.0.0/0', 'fd00::1', 80, false],
    ['fd00::/8', 'fd12::1', 80, true],
    ['fd00::/8', 'fe80::1', 80, false],
    ['[fd00::/8]:443', 'fd00::1', 443, true],
    ['[fd00::/8]:443', 'fd00::1', 80, false],
    ['[::1]', '::1', 80, true],
    ['web', '10.0.0.1', 80, false],
    ['10.0.0.0/8', 'not an address', 80, false],
  ])('%s covers %s:%i: %s', (rule, address, port, allowed) => {
    expect(new AllowList([rule]).allowsAddress(address, port)).toBe(allowed);
  });

  it.each([
    '',
    '*',
    '*.',
    'a b',
    'http://web',
    'web:0',
    'web:65536',
    'web:http',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    'fd00::/129',
    '[fd00::1',
    'a/8',
    '-web',
  ])('cannot read %j', (rule) => {
    expect(() => new AllowList([rule])).toThrow(ConfigurationError);
  });
});
