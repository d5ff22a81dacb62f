/**
 * The same responses through nginx as a reverse proxy, to Node's client directly, and through the relay over both
 * versions of HTTP. If both judges deliver a response, the relay delivers it with the same meaning, or `EXCEPTIONS`
 * says why not.
 */
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { SeededRandom } from '@culvert/testkit';
import { startNginx } from '../bench/nginx.js';
import { TemporaryFolder } from '../services/server.js';
import { type Exception, EXCEPTIONS } from './exceptions.js';
import { type Reading, type Readings, readHttp1, readHttp2, REFUSED_BY_NGINX } from './readings.js';
import { type RelayEdge, startRelayEdge } from './relay-edge.js';
import { makeResponseCase, type ResponseCase } from './response-cases.js';

/** Milliseconds for which a service keeps its connection open after a response. */
const HELD_OPEN_MS = 100;

/** Cases under way at once. */
const CONCURRENCY = 16;

export interface Difference {
  /** Number of the case in its run, from 0. */
  readonly index: number;
  readonly what: string;
  readonly input: ResponseCase;
  readonly readings: Readings;
}

export interface DifferentialResult {
  readonly cases: number;
  /** Number of cases for each outcome. */
  readonly counts: ReadonlyMap<string, number>;
  readonly differences: readonly Difference[];
}

export class Differential {
  private readonly cases = new Map<string, ResponseCase>();

  private constructor(
    private readonly service: net.Server,
    private readonly nginx: { readonly port: number; stop(): Promise<void> },
    private readonly edge: RelayEdge,
  ) {}

  static async start(): Promise<Differential> {
    const service = net.createServer({ allowHalfOpen: true, noDelay: true });
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port } = service.address() as net.AddressInfo;
    const nginx = await startNginx(new TemporaryFolder('differential'), (own) => [
      'server {',
      `  listen 127.0.0.1:${own};`,
      '  proxy_http_version 1.1;',
      '  proxy_set_header Connection "";',
      '  proxy_buffering off;',
      '  proxy_next_upstream off;',
      '  error_page 502 504 = @refused;',
      `  location / { proxy_pass http://127.0.0.1:${port}; }`,
      `  location @refused { add_header ${REFUSED_BY_NGINX} "refused" always; return 502; }`,
      '}',
    ]);
    const differential = new Differential(service, nginx, await startRelayEdge(port));
    service.on('connection', (socket) => differential.serve(socket));
    return differential;
  }

  async stop(): Promise<void> {
    await this.edge.stop();
    await this.nginx.stop();
    this.service.close();
  }

  /** Compares cases made from `seed` as long as `goesOn` returns true, which is called before each with its number. */
  async run(seed: number, goesOn: (index: number) => boolean): Promise<DifferentialResult> {
    const random = new SeededRandom(seed);
    const counts = new Map<string, number>();
    const differences: Difference[] = [];
    let cases = 0;
    const session = http2.connect(`http://127.0.0.1:${this.edge.http2Port}`);
    session.on('error', () => {});
    const work = async (): Promise<void> => {
      while (goesOn(cases)) {
        const index = cases++;
        const input = makeResponseCase(random);
        const readings = await this.read(`${seed}-${index}`, input, session);
        for (const what of compare(input, readings)) differences.push({ index, what, input, readings });
        const outcome = outcomeOf(readings);
        counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    session.destroy();
    for (const fault of this.edge.faults) throw fault;
    return { cases, counts, differences };
  }

  private async read(id: string, input: ResponseCase, session: http2.ClientHttp2Session): Promise<Readings> {
    const path = `/${id}`;
    this.cases.set(path, input);
    const { method } = input;
    const [nginx, node, relay, relay2] = await Promise.all([
      readHttp1(this.nginx.port, 'service', method, path),
      readHttp1((this.service.address() as net.AddressInfo).port, 'service', method, path),
      readHttp1(this.edge.port, `${id}.v1.preview.test`, method, path),
      readHttp2(session, `${id}.v2.preview.test`, method, path),
    ]);
    this.cases.delete(path);
    return { nginx, node, relay, relay2 };
  }

  /** Serves a connection of the service. */
  private serve(socket: net.Socket): void {
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const input = this.cases.get(received.split(' ', 2)[1] ?? '');
      received = received.slice(end + 4);
      if (input === undefined) socket.destroy();
      else void send(socket, input);
    });
  }
}

async function send(socket: net.Socket, { bytes, cuts, closes }: ResponseCase): Promise<void> {
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut > at) socket.write(bytes.slice(at, cut), 'latin1');
    at = Math.max(at, cut);
    await new Promise(setImmediate);
  }
  if (closes) socket.end();
  else setTimeout(() => socket.end(), HELD_OPEN_MS).unref();
}

/** Returns what is wrong with how the relay delivered it. */
function compare(input: ResponseCase, readings: Readings): string[] {
  const { nginx, node, relay, relay2 } = readings;
  const wrong: string[] = [];
  const isExpected = (kind: Exception['kind']): boolean =>
    EXCEPTIONS.some((exception) => exception.kind === kind && exception.applies(input, readings));
  if (hasSameMeaning(nginx, node) && !meansTheSame(node, relay) && !isExpected('both'))
    wrong.push('both judges deliver it, and the relay differs');
  const isAlone =
    relay.kind === 'answer' && relay.isComplete && !isLike(nginx, relay) && !isLike(node, relay);
  if (isAlone && !isExpected('alone')) wrong.push('only the relay delivers it so');
  if (isLike(node, relay) && !hasSameExtras(node, relay) && !isExpected('extras'))
    wrong.push('interim responses or trailers differ');
  if (!isSameOverHttp2(relay, relay2) && !isExpected('versions')) wrong.push('the versions of HTTP differ');
  const isSeenWhole = [nginx, node].some((each) => isWhole(each) && !hasGoneOn(each));
  if (isSeenWhole && [relay, relay2].some(hasGoneOn)) wrong.push('bytes after the response got through');
  return wrong;
}

function isWhole(reading: Reading): boolean {
  return reading.kind === 'answer' && reading.isComplete;
}

/** Reports whether it contains what some cases send after their responses. */
function hasGoneOn(reading: Reading): boolean {
  return JSON.stringify(reading).includes('evil');
}

/** Reports whether both judges deliver a response with the same meaning. */
function hasSameMeaning(a: Reading, b: Reading): boolean {
  return a.kind === 'answer' && b.kind === 'answer' && isLike(a, b);
}

/**
 * Reports whether the relay agrees with the judges. The relay may refuse a response that neither judge has completely,
 * because nothing was sent by then.
 */
function meansTheSame(judge: Reading, relay: Reading): boolean {
  if (judge.kind === 'answer' && !judge.isComplete)
    return relay.kind === 'refused' || (!relay.isComplete && relay.status === judge.status);
  return isLike(judge, relay);
}

function isLike(a: Reading, b: Reading): boolean {
  if (a.kind !== 'answer' || b.kind !== 'answer') return false;
  if (a.status !== b.status || a.isComplete !== b.isComplete) return false;
  if (sorted(a.fields) !== sorted(b.fields)) return false;
  // How much of a broken response arrives depends on when it breaks off.
  return a.isComplete ? a.body === b.body : a.body.startsWith(b.body) || b.body.startsWith(a.body);
}

function hasSameExtras(a: Reading, b: Reading): boolean {
  if (a.kind !== 'answer' || b.kind !== 'answer') return true;
  return (
    sorted(a.interims) === sorted(b.interims) && (!a.isComplete || sorted(a.trailers) === sorted(b.trailers))
  );
}

function isSameOverHttp2(a: Reading, b: Reading): boolean {
  // How much of an incomplete response was sent before the fault was known may differ.
  if (!isWhole(a) && !isWhole(b)) return true;
  return isLike(a, b) && hasSameExtras(a, b);
}

function sorted(values: readonly string[]): string {
  return values.toSorted().join('\n');
}

function outcomeOf({ nginx, node, relay }: Readings): string {
  return `nginx ${verbOf(nginx)}, Node ${verbOf(node)}, the relay ${verbOf(relay)}`;
}

function verbOf(reading: Reading): string {
  if (reading.kind === 'refused') return 'refuses';
  return reading.isComplete ? 'delivers' : 'breaks off';
}
