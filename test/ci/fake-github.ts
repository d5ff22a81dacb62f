/** GitHub's API for deployments. It checks each request against GitHub's own OpenAPI description. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { Ajv } from 'ajv';

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required?: boolean;
  readonly schema: object;
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: object } } };
}

type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const { paths } = JSON.parse(readFileSync(new URL('github-api.json', import.meta.url), 'utf8')) as {
  paths: Paths;
};
// OpenAPI 3.0 has keywords, such as nullable, that JSON Schema has not.
const ajv = new Ajv({ strict: false, coerceTypes: true });

export interface Deployment {
  readonly id: number;
  readonly ref: string;
  readonly environment: string;
  readonly task: string;
  readonly states: { readonly state: string; readonly environment_url?: string }[];
}

export class FakeGithub {
  readonly deployments: Deployment[] = [];
  /** Requests that GitHub would not accept, and why. A test expects none. */
  readonly violations: string[] = [];
  /** Answers every request with this status, unless it is null. */
  failure: number | null = null;

  private constructor(
    readonly url: string,
    readonly token: string,
    readonly close: () => Promise<void>,
  ) {}

  static async start(token: string): Promise<FakeGithub> {
    const server = createServer((request, response) => {
      void github.handle(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const github = new FakeGithub(url, token, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return github;
  }

  private async handle(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    const method = (request.method ?? '').toLowerCase();
    const body = method === 'get' ? undefined : ((await json(request)) as Record<string, unknown>);
    this.check(request, method, { pathname, query: Object.fromEntries(searchParams), body });
    if (this.failure !== null)
      return { status: this.failure, body: { message: 'Resource not accessible by integration' } };
    const id = Number(/\/deployments\/(\d+)\/statuses$/.exec(pathname)?.[1]);
    if (method === 'get') return { status: 200, body: this.list(id, searchParams) };
    if (Number.isNaN(id)) {
      const { ref, environment, task } = body as unknown as Deployment;
      const created = { id: this.deployments.length + 1, ref, environment, task, states: [] };
      this.deployments.push(created);
      return { status: 201, body: created };
    }
    this.deployments
      .find((each) => each.id === id)
      ?.states.push(body as unknown as Deployment['states'][number]);
    return { status: 201, body: { id: 1, ...body } };
  }

  /** Returns the statuses of a deployment, or the deployments if it is not a number, newest first. */
  private list(id: number, query: URLSearchParams): readonly object[] {
    const found = Number.isNaN(id)
      ? this.deployments.filter(
          ({ environment, task }) =>
            environment === query.get('environment') && task === (query.get('task') ?? task),
        )
      : (this.deployments.find((each) => each.id === id)?.states ?? []);
    return found.toReversed().slice(0, Number(query.get('per_page') ?? '30'));
  }

  private check(
    { headers }: IncomingMessage,
    method: string,
    given: { pathname: string; query: Record<string, string>; body: object | undefined },
  ): void {
    const { authorization, accept, 'user-agent': agent } = headers;
    if (authorization !== `Bearer ${this.token}`) this.violations.push('the token is not that of the job');
    if (accept !== 'application/vnd.github+json' || !agent) this.violations.push('a header is missing');
    const template = Object.keys(paths).find((path) => patternOf(path).test(given.pathname));
    const operation = template === undefined ? undefined : paths[template]?.[method];
    if (operation === undefined) {
      this.violations.push(`GitHub has no operation ${method} ${given.pathname}`);
      return;
    }
    const report = (what: string, schema: object, value: unknown): void => {
      if (!ajv.validate(schema, value))
        this.violations.push(`${operation.operationId}: ${what} ${ajv.errorsText()}`);
    };
    const known = new Map(
      operation.parameters.filter((each) => each.in === 'query').map((each) => [each.name, each]),
    );
    for (const [name, value] of Object.entries(given.query)) {
      const parameter = known.get(name);
      if (parameter === undefined) this.violations.push(`${operation.operationId}: no parameter ${name}`);
      else report(name, { type: 'object', properties: { [name]: parameter.schema } }, { [name]: value });
    }
    const schema = operation.requestBody?.content['application/json'].schema;
    if (schema === undefined) return;
    const names = Object.keys((schema as { properties: object }).properties);
    report('body', schema, given.body);
    for (const name of Object.keys(given.body ?? {}))
      if (!names.includes(name)) this.violations.push(`${operation.operationId}: no field ${name}`);
  }
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
}
