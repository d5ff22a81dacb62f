/** Against bytes made by hand from the field numbers, not by another run of the same library. */
import { describe, expect, it } from 'vitest';
import { type Codec, Codecs, MessageError } from './codec.js';
import { Methods } from './methods.js';

/** A field of wire type 2. */
function bytesField(number: number, content: string | Buffer): Buffer {
  const body = Buffer.from(content as string);
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

/** A field of wire type 0. */
function intField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

function message(...fields: Buffer[]): Buffer {
  return Buffer.concat(fields);
}

function entry(key: string, value: string): Buffer {
  return message(bytesField(1, key), bytesField(2, value));
}

const INGRESS = { host: 'web.shop', port: 8443, useTls: true, l5host: 'shop.test' };
const INGRESS_BYTES = message(
  bytesField(1, 'web.shop'),
  intField(2, 8443),
  intField(3, 1),
  bytesField(4, 'shop.test'),
);

const SPEC = {
  name: 'web',
  client: 'ada@desk',
  agent: 'web-workload',
  mechanism: 'http',
  targetHost: '127.0.0.1',
  targetPort: 8080,
  namespace: 'shop',
  mechanismArgs: ['--header=auto', '--x'],
  servicePortIdentifier: 'http',
  serviceUid: 'uid-1',
  workloadKind: 'Deployment',
  serviceName: 'web-service',
  extraPorts: [9000, 300],
  localPorts: ['8081', '8082'],
  servicePortName: 'http-web',
  servicePort: 80,
  protocol: 'TCP',
};
const SPEC_BYTES = message(
  bytesField(1, 'web'),
  bytesField(2, 'ada@desk'),
  bytesField(3, 'web-workload'),
  bytesField(4, 'http'),
  bytesField(6, '127.0.0.1'),
  intField(7, 8080),
  bytesField(8, 'shop'),
  bytesField(9, '--header=auto'),
  bytesField(9, '--x'),
  bytesField(10, 'http'),
  bytesField(12, 'uid-1'),
  bytesField(13, 'Deployment'),
  bytesField(14, 'web-service'),
  bytesField(15, message(varint(9000), varint(300))),
  bytesField(18, '8081'),
  bytesField(18, '8082'),
  bytesField(19, 'http-web'),
  intField(20, 80),
  bytesField(21, 'TCP'),
);

const DAEMON = {
  daemonId: 'd',
  workstationName: 'w',
  kubeContextName: 'k',
  sessionId: 's',
  cliVersion: 'c',
  daemonVersion: 'v',
};
const DAEMON_BYTES = message(
  ...['d', 'w', 'k', 's', 'c', 'v'].map((text, index) => bytesField(index + 1, text)),
);
const NAMESPACES = [{ uid: 'u', name: 'n', isDefault: true }];
const NAMESPACE_BYTES = message(bytesField(1, 'u'), bytesField(2, 'n'), intField(3, 1));
const PARAMETERS = [{ name: 'n', value: 'v' }];

const CASES: [codec: Codec<never>, value: object, bytes: Buffer][] = [
  of(Codecs.Empty, {}, Buffer.alloc(0)),
  of(
    Codecs.VersionInfo,
    { apiVersion: 3, version: 'v2.8.5', executable: 'e', name: 'n' },
    message(intField(1, 3), bytesField(2, 'v2.8.5'), bytesField(3, 'e'), bytesField(4, 'n')),
  ),
  of(Codecs.VersionInfo2, { version: 'v2.8.5' }, message(bytesField(2, 'v2.8.5'))),
  of(Codecs.IngressInfo, INGRESS, INGRESS_BYTES),
  of(
    Codecs.CreateDomainRequest,
    {
      interceptId: 'id:web',
      displayBanner: true,
      interceptSpec: SPEC,
      host: 'shop.test',
      pullRequestUrl: 'https://git.test/1',
      addRequestHeaders: { a: '1', b: '2' },
    },
    message(
      bytesField(1, 'id:web'),
      intField(2, 1),
      bytesField(3, SPEC_BYTES),
      bytesField(4, 'shop.test'),
      bytesField(5, 'https://git.test/1'),
      bytesField(6, entry('a', '1')),
      bytesField(6, entry('b', '2')),
    ),
  ),
  of(Codecs.CreateDomainResponse, { domain: 'x.test' }, bytesField(1, 'x.test')),
  of(Codecs.RemoveDomainRequest, { domain: 'x.test' }, bytesField(1, 'x.test')),
  of(Codecs.InterceptRemoval, { interceptId: 'id:web' }, bytesField(1, 'id:web')),
  of(Codecs.PreferredAgentResponse, { imageName: 'r/a:1' }, bytesField(1, 'r/a:1')),
  of(Codecs.CommandMessageResponse, { intercept: 'hello' }, bytesField(1, 'hello')),
  of(Codecs.ReviewInterceptResponse, { status: 1, msg: 'm' }, message(intField(1, 1), bytesField(2, 'm'))),
  of(
    Codecs.InterceptInfo,
    {
      id: 'id:web',
      spec: SPEC,
      disposition: 1,
      message: 'fine',
      previewDomain: 'x.test',
      previewSpec: {
        ingress: INGRESS,
        displayBanner: true,
        pullRequestUrl: 'p',
        addRequestHeaders: { a: '1' },
      },
      mechanismArgsDesc: 'all',
      headers: { h: '1' },
      metadata: { m: '2' },
    },
    message(
      bytesField(1, SPEC_BYTES),
      intField(3, 1),
      bytesField(4, 'fine'),
      bytesField(5, 'id:web'),
      bytesField(7, 'x.test'),
      bytesField(
        9,
        message(
          bytesField(1, INGRESS_BYTES),
          intField(2, 1),
          bytesField(3, 'p'),
          bytesField(4, entry('a', '1')),
        ),
      ),
      bytesField(12, 'all'),
      bytesField(14, entry('h', '1')),
      bytesField(15, entry('m', '2')),
    ),
  ),
  of(
    Codecs.UpdateInterceptRequest,
    { session: { sessionId: '' }, name: 'id:web', removePreviewDomain: true },
    message(bytesField(1, bytesField(1, '')), bytesField(2, 'id:web'), intField(4, 1)),
  ),
  of(
    Codecs.IngressInfoRequest,
    { serviceUid: 'u', serviceName: 's', servicePortIdentifier: 'p', servicePort: 80, namespace: 'n' },
    message(bytesField(1, 'u'), bytesField(2, 's'), bytesField(3, 'p'), intField(4, 80), bytesField(5, 'n')),
  ),
  of(
    Codecs.AvailableNamespacesRequest,
    { daemonInfo: DAEMON, availableNamespaces: NAMESPACES },
    message(bytesField(1, DAEMON_BYTES), bytesField(2, NAMESPACE_BYTES)),
  ),
  of(
    Codecs.AvailableServicesRequest,
    {
      daemonInfo: DAEMON,
      availableServices: [
        {
          uid: 'u',
          name: 's',
          namespace: 'n',
          ports: [{ name: 'http', port: 80 }],
          workloads: [{ uid: 'w', kind: 'Deployment', name: 'web' }],
        },
      ],
    },
    message(
      bytesField(1, DAEMON_BYTES),
      bytesField(
        2,
        message(
          bytesField(1, 'u'),
          bytesField(2, 's'),
          bytesField(3, 'n'),
          bytesField(4, message(bytesField(1, 'http'), intField(2, 80))),
          bytesField(5, message(bytesField(1, 'w'), bytesField(2, 'Deployment'), bytesField(3, 'web'))),
        ),
      ),
    ),
  ),
  of(
    Codecs.NamespacesToWatchRequest,
    { daemonInfo: DAEMON, namespaces: NAMESPACES },
    message(bytesField(1, DAEMON_BYTES), bytesField(2, NAMESPACE_BYTES)),
  ),
  of(Codecs.NamespacesToWatchResponse, { namespaces: NAMESPACES }, bytesField(1, NAMESPACE_BYTES)),
  of(
    Codecs.InterceptCreationResult,
    {
      daemonId: 'd',
      startedAt: { seconds: 1_700_000_000, nanos: 5 },
      endedAt: { seconds: 1_700_000_001, nanos: 0 },
      interceptBaseName: 'b',
      interceptParameters: PARAMETERS,
      interceptExecCommand: 'x',
      interceptError: 10,
      interceptErrorText: 't',
      clusterId: 'c',
      clusterNamespace: 'n',
    },
    message(
      bytesField(1, 'd'),
      bytesField(2, message(intField(1, 1_700_000_000), intField(2, 5))),
      bytesField(3, message(intField(1, 1_700_000_001), intField(2, 0))),
      bytesField(4, 'b'),
      bytesField(5, entry('n', 'v')),
      bytesField(6, 'x'),
      intField(7, 10),
      bytesField(8, 't'),
      bytesField(9, 'c'),
      bytesField(10, 'n'),
    ),
  ),
  of(Codecs.GetSavedInterceptRequest, { name: 'n' }, bytesField(1, 'n')),
  of(
    Codecs.SavedIntercept,
    {
      telepresenceCliVersion: 'c',
      telepresenceUserDaemonVersion: 'd',
      interceptBaseName: 'b',
      interceptParameters: PARAMETERS,
      interceptExecCommand: 'x',
    },
    message(
      bytesField(1, 'c'),
      bytesField(2, 'd'),
      bytesField(3, 'b'),
      bytesField(4, entry('n', 'v')),
      bytesField(5, 'x'),
    ),
  ),
  of(Codecs.AutocompleteSavedInterceptRequest, { toComplete: 'n' }, bytesField(1, 'n')),
  of(
    Codecs.AutocompleteSavedInterceptsResponse,
    { completions: ['a', 'b'] },
    message(bytesField(1, 'a'), bytesField(1, 'b')),
  ),
];

function of<M extends object>(codec: Codec<M>, value: M, bytes: Buffer): [Codec<never>, object, Buffer] {
  return [codec as unknown as Codec<never>, value, bytes];
}

describe.each(CASES.map(([codec, value, bytes]) => ({ name: codec.name, codec, value, bytes })))(
  'the message $name',
  ({ codec, value, bytes }) => {
    it('is decoded field by field', () => {
      expect(codec.decode(bytes)).toEqual(value);
    });

    it('is encoded to the same bytes', () => {
      expect(codec.encode(value as never).toString('hex')).toBe(bytes.toString('hex'));
    });

    it('may have unknown fields of every wire type', () => {
      const unknown = message(
        intField(1000, 300),
        bytesField(1001, 'later'),
        Buffer.concat([varint(1002 * 8 + 1), Buffer.alloc(8)]),
        Buffer.concat([varint(1003 * 8 + 5), Buffer.alloc(4)]),
      );
      expect(codec.decode(message(unknown, bytes, unknown))).toEqual(value);
    });

    it('is refused when it ends within a field', () => {
      for (let length = 1; length < bytes.length; length++) {
        let decoded: unknown;
        try {
          decoded = codec.decode(bytes.subarray(0, length));
        } catch (error) {
          expect(error).toBeInstanceOf(MessageError);
          continue;
        }
        // Cut between two fields: a shorter message, and never all of it.
        expect(decoded).not.toEqual(value);
      }
    });
  },
);

describe('messages of Telepresence', () => {
  it('are decoded without the keys, environment and session of an intercept', () => {
    const secret = 'secret-value';
    const info = Codecs.InterceptInfo.decode(
      message(
        bytesField(5, 'id:web'),
        bytesField(6, bytesField(1, secret)),
        bytesField(13, secret),
        bytesField(17, entry('TOKEN', secret)),
      ),
    );
    expect(info.id).toBe('id:web');
    expect(JSON.stringify(info)).not.toContain(secret);
  });

  it('have intercepts of every version read, whatever the type of field 2', () => {
    for (const second of [intField(2, 8022), bytesField(2, '/tmp/mount')]) {
      const { id, disposition } = Codecs.InterceptInfo.decode(
        message(bytesField(5, 'id:web'), second, intField(3, 2)),
      );
      expect({ id, disposition }).toEqual({ id: 'id:web', disposition: 2 });
    }
  });

  it('are decoded with the zero value for absent fields, and without absent messages', () => {
    expect(Codecs.CreateDomainRequest.decode(bytesField(1, 'id'))).toEqual({
      interceptId: 'id',
      displayBanner: false,
      host: '',
      pullRequestUrl: '',
      addRequestHeaders: {},
    });
  });

  it('cannot change a shared prototype', () => {
    const { addRequestHeaders } = Codecs.CreateDomainRequest.decode(bytesField(6, entry('__proto__', 'x')));
    expect(Object.getPrototypeOf(addRequestHeaders)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('are refused with garbage, other wire types, deep nesting and more bytes than the limit', () => {
    const nested = (depth: number): Buffer => {
      let bytes: Buffer = Buffer.alloc(0);
      for (let i = 0; i < depth; i++)
        bytes = Buffer.concat([varint(500 * 8 + 3), bytes, varint(500 * 8 + 4)]);
      return bytes;
    };
    for (const bytes of [
      Buffer.from('GET / HTTP/1.1\r\n'),
      Buffer.alloc(20, 0xff),
      Buffer.from([7]),
      nested(10_000),
    ]) {
      expect(() => Codecs.CreateDomainRequest.decode(bytes)).toThrow(MessageError);
    }
    expect(() => Codecs.RemoveDomainRequest.decode(bytesField(1, 'x'.repeat(300_000)))).toThrow(MessageError);
  });

  it('have methods with the paths that callers use', () => {
    const paths = Object.values(Methods).map(({ path }) => path);
    expect(paths).toContain('/telepresence.systema.SystemACRUD/CreateDomain');
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths.every((path) => /^\/telepresence\.(systema|userdaemon)\.\w+\/\w+$/.test(path))).toBe(true);
  });
});
