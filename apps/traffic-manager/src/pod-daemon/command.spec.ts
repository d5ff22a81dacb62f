import { ConfigurationError } from '@culvert/runtime';
import { describe, expect, it } from 'vitest';
import { readPodDaemonCommand } from './command.js';
import { isPodDaemon } from './is-pod-daemon.js';

const env = { AMBASSADOR_CLOUD_APIKEY: 'cvt_key', POD_NAMESPACE: 'ci' };
const required = ['pod-daemon', '--workload-name=quote', '--ingress-host=quote.default'];

const options = (...flags: string[]) => readPodDaemonCommand([...required, ...flags], env).options;

describe("the pod daemon's command", () => {
  it('is selected by its name or by the environment', () => {
    expect(isPodDaemon(['pod-daemon'], {})).toBe(true);
    expect(isPodDaemon([], { IS_POD_DAEMON: 'True' })).toBe(true);
    expect(isPodDaemon([], { IS_POD_DAEMON: 'False' })).toBe(false);
    expect(isPodDaemon(['--url=x'], {})).toBe(false);
  });

  it("has Telepresence's defaults", async () => {
    const read = options();
    expect(read).toMatchObject({
      workload: 'quote',
      namespace: 'ci',
      kind: 'Deployment',
      port: 8080,
      headers: [],
      preview: {
        host: 'quote.default',
        port: 443,
        useTls: true,
        l5Host: 'quote.default',
        displayBanner: true,
        pullRequestUrl: null,
        addRequestHeaders: {},
      },
      culvertUrl: null,
      adminPort: null,
    });
    expect(read.managerUrl.href).toBe('http://traffic-manager.ambassador:8085/');
    expect(await read.apiKey()).toBe('cvt_key');
    expect(await read.credential()).toBe('cvt_key');
  });

  it('needs no name when the environment selected it', () => {
    expect(readPodDaemonCommand(required.slice(1), env).options.workload).toBe('quote');
  });

  it('accepts headers as values, expressions and auto', () => {
    expect(
      options('--http-header=test-telepresence=1', '--http-header', 'X-Dev=al.*', '--http-header=auto')
        .headers,
    ).toEqual([
      { name: 'test-telepresence', value: '1' },
      { name: 'x-dev', pattern: 'al.*' },
    ]);
  });

  it('adds to the preview the headers that the intercept matches, and extra ones', () => {
    const { preview } = options(
      '--http-header=x-dev=alice',
      '--http-header=x-b=f.*',
      '--preview-url-add-request-headers=x-a=1,x-c=2=3',
    );
    expect(preview!.addRequestHeaders).toEqual({ 'x-dev': 'alice', 'x-a': '1', 'x-c': '2=3' });
  });

  it.each([
    [['--preview-url-banner=false'], false],
    [['-b=false'], false],
    [['-b', 'false'], false],
    [['-b'], true],
    [['--preview-url-banner'], true],
  ])('accepts %j for the banner', (flags, displayBanner) => {
    expect(options(...flags).preview!.displayBanner).toBe(displayBanner);
  });

  it.each([[['--no-preview-url']], [['--preview-url=false']]])('creates no preview for %j', (flags) => {
    expect(options(...flags).preview).toBeNull();
    const withoutIngress = readPodDaemonCommand(['pod-daemon', '--workload-name=a', ...flags], env);
    expect(withoutIngress.options.preview).toBeNull();
  });

  it('prefers the cluster secret as the credential for the traffic manager', async () => {
    const secret = 'a-secret-of-the-cluster';
    const read = readPodDaemonCommand(required, { ...env, CULVERT_CLUSTER_SECRET: secret }).options;
    expect(await read.credential()).toBe(secret);
    expect(await read.apiKey()).toBe('cvt_key');
  });

  it.each([
    ['--workload-name', ['pod-daemon', '--ingress-host=a'], env],
    ['--ingress-host', ['pod-daemon', '--workload-name=a'], env],
    ['AMBASSADOR_CLOUD_APIKEY', required, {}],
    ['port', [...required, '--port=0'], env],
    ['ingress-tls', [...required, '--ingress-tls=maybe'], env],
    ['http-header', [...required, '--http-header=nothing'], env],
    ['http-header', [...required, '--http-header=x=(a'], env],
    ['--unknown', [...required, '--unknown'], env],
    ['CULVERT_MANAGER_URL', required, { ...env, CULVERT_MANAGER_URL: 'tcp://a' }],
  ])('refuses a wrong %s', (named, argv, environment) => {
    const read = () => readPodDaemonCommand(argv, environment);
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(named);
  });
});
