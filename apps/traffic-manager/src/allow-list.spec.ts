import { describe, expect, it } from 'vitest';
import { AllowList } from './allow-list.js';
import { ConfigurationError } from '@culvert/runtime';

describe('AllowList', () => {
  it.each<[rules: string[], host: string, port: number, mayAllow: boolean]>([
    [[], 'anything.example', 1, true],
    [['web'], 'web', 80, true],
    [['WEB'], 'web', 80, true],
    [['web'], 'Web.', 80, true],
    [['web:80'], 'web', 80, true],
    [['web:80'], 'web', 81, false],
    [['web'], 'web.evil', 80, false],
    [['web'], 'evilweb', 80, false],
    [['*.svc.cluster.local'], 'web.ns.svc.cluster.local', 80, true],
    [['*.svc.cluster.local'], 'svc.cluster.local', 80, false],
    [['*.svc.cluster.local'], 'evilsvc.cluster.local', 80, false],
    [['*.svc.cluster.local:8080'], 'web.svc.cluster.local', 80, false],
    [['a', 'b'], 'b', 80, true],
    [['10.0.0.0/8'], 'web', 80, true],
    [['10.0.0.0/8:80'], 'web', 81, false],
    [['10.0.0.1'], '10.0.0.1', 80, true],
    [['web', '10.0.0.0/8'], 'other', 80, true],
    [['web'], '10.0.0.1', 80, false],
  ])('with %j may allow %s:%i: %s', (rules, host, port, mayAllow) => {
    expect(new AllowList(rules).mayAllow(host, port)).toBe(mayAllow);
  });

  it.each<[rule: string, address: string, port: number, isAllowed: boolean]>([
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
    ['fd00::/8', 'fe00::1', 80, false],
    ['[fd00::/8]:443', 'fd00::1', 443, true],
    ['[fd00::/8]:443', 'fd00::1', 80, false],
    ['web', '10.0.0.1', 80, false],
  ])('with %s allows %s:%i: %s', (rule, address, port, isAllowed) => {
    expect(new AllowList([rule]).refusalOf(address, address, port)).toBe(isAllowed ? null : 'outside');
  });

  it.each<[rules: string[], host: string, address: string, refusal: string | null]>([
    [[], 'web', '10.0.0.1', null],
    [[], 'web', '127.0.0.1', 'a loopback'],
    [[], 'localhost', '127.0.0.1', 'a loopback'],
    [[], '127.0.0.1', '127.0.0.1', 'a loopback'],
    [[], 'metadata.google.internal', '169.254.169.254', 'a link-local'],
    // A name chosen by a tenant can resolve to anything.
    [['web'], 'web', '169.254.169.254', 'a link-local'],
    [['*.svc'], 'x.svc', '127.0.0.1', 'a loopback'],
    [['web'], 'web', '10.0.0.1', null],
    [['0.0.0.0/0', '::/0'], 'web', '127.0.0.1', 'a loopback'],
    [['0.0.0.0/0', '::/0'], 'web', '64:ff9b::a9fe:a9fe', 'a link-local'],
    [['fd00::/8'], 'web', 'fd00:ec2::254', 'a cloud metadata'],
    [['127.0.0.1'], 'web', '127.0.0.1', null],
    [['127.0.0.1'], 'web', '127.0.0.2', 'a loopback'],
    [['127.0.0.0/8'], '127.0.0.1', '::ffff:127.0.0.1', null],
    [['[::1]'], 'localhost', '::1', null],
    [['169.254.169.254'], 'web', '169.254.169.254', null],
    [['169.254.169.254:81'], 'web', '169.254.169.254', 'a link-local'],
    [['fe80::/10'], 'fe80::1%eth0', 'fe80::1%eth0', null],
    [['64:ff9b::7f00:1'], 'web', '64:ff9b::7f00:1', null],
    [['localhost'], 'localhost', '127.0.0.1', null],
    [['localhost'], 'LOCALHOST.', '::1', null],
    [['*.localhost'], 'web.localhost', '127.0.0.1', null],
    [['localhost'], 'localhost', '169.254.169.254', 'a link-local'],
    [['localhost'], 'web', '127.0.0.1', 'a loopback'],
  ])('with %j refuses %s when it resolves to %s: %s', (rules, host, address, refusal) => {
    expect(new AllowList(rules).refusalOf(host, address, 80)).toBe(refusal);
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
  ])('refuses the rule %j', (rule) => {
    expect(() => new AllowList([rule])).toThrow(ConfigurationError);
  });
});
