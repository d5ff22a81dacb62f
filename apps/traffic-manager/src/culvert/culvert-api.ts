/** The calls of Culvert's REST API that a cluster needs. Answers are checked; failures say what to do about them. */
import type { Fetch } from '@culvert/outbound';
import { z } from 'zod';

/** Culvert refused a call, or did not answer it. */
export class CulvertApiError extends Error {
  override readonly name = 'CulvertApiError';
  constructor(
    /** HTTP status; null when nothing answered. */
    readonly status: number | null,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether the same call may succeed later without anybody doing something. */
  get isPassing(): boolean {
    return this.status === null || this.status === 429 || this.status >= 500;
  }
}

const CALL_TIMEOUT_MS = 10_000;

/** Of an answer. Lists come in pages. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const PAGE_SIZE = 200;

const me = z.object({ team: z.object({ id: z.string() }).nullable(), scopes: z.array(z.string()) });
export type Me = z.output<typeof me>;

const session = z.object({ trafficManagerId: z.string() });

const intercept = z.object({
  id: z.string(),
  name: z.string(),
  workload: z.string(),
  namespace: z.string(),
  disposition: z.string(),
  message: z.string(),
  client: z.string(),
  targetHost: z.string(),
  targetPort: z.int(),
  servicePortIdentifier: z.string(),
  metadata: z.record(z.string(), z.string()),
  headers: z.record(z.string(), z.string()),
});
export type CulvertIntercept = z.output<typeof intercept>;
export type CulvertInterceptFields = Omit<CulvertIntercept, 'id'> & {
  readonly workloadKind: string;
  readonly mechanism: string;
};

const ingress = z.object({
  host: z.string(),
  port: z.int(),
  useTls: z.boolean(),
  l5Host: z.string(),
});
const preview = z.object({
  id: z.string(),
  url: z.string(),
  ingress,
  displayBanner: z.boolean(),
  pullRequestUrl: z.string().nullable(),
  addRequestHeaders: z.record(z.string(), z.string()),
  pullRequest: z
    .object({ status: z.string(), detail: z.string().nullable(), commentUrl: z.string().nullable() })
    .nullable(),
});
export type CulvertPreview = z.output<typeof preview>;
export interface PreviewFields {
  readonly ingress: z.output<typeof ingress>;
  readonly displayBanner: boolean;
  readonly pullRequestUrl: string | null;
  readonly addRequestHeaders: Readonly<Record<string, string>>;
}

const problem = z.object({ title: z.string().optional(), detail: z.string().optional() });

export class CulvertApi {
  /** @param apiKey read anew for every call */
  constructor(
    private readonly url: URL,
    private readonly apiKey: () => Promise<string>,
    private readonly fetch: Fetch,
  ) {}

  /** Who the key is. Rejects with CulvertApiError, as all of these do. */
  me(): Promise<Me> {
    return this.call('GET', '/me', me);
  }

  async trafficManagerOf(sessionId: string): Promise<string> {
    const { trafficManagerId } = await this.call(
      'GET',
      `/sessions/${encodeURIComponent(sessionId)}`,
      session,
    );
    return trafficManagerId;
  }

  listIntercepts(trafficManagerId: string): Promise<CulvertIntercept[]> {
    return this.list('/intercepts', { trafficManagerId }, intercept);
  }

  createIntercept(trafficManagerId: string, fields: CulvertInterceptFields): Promise<CulvertIntercept> {
    return this.call('POST', '/intercepts', intercept, { ...fields, trafficManagerId });
  }

  updateIntercept(id: string, changes: Partial<CulvertInterceptFields>): Promise<CulvertIntercept> {
    return this.call('PATCH', `/intercepts/${encodeURIComponent(id)}`, intercept, changes);
  }

  async deleteIntercept(id: string): Promise<void> {
    await this.delete(`/intercepts/${encodeURIComponent(id)}`);
  }

  listPreviews(interceptId: string): Promise<CulvertPreview[]> {
    return this.list('/previews', { interceptId }, preview);
  }

  createPreview(interceptId: string, fields: PreviewFields): Promise<CulvertPreview> {
    return this.call('POST', '/previews', preview, { ...fields, interceptId });
  }

  updatePreview(id: string, changes: Partial<PreviewFields>): Promise<CulvertPreview> {
    return this.call('PATCH', `/previews/${encodeURIComponent(id)}`, preview, changes);
  }

  async deletePreview(id: string): Promise<void> {
    await this.delete(`/previews/${encodeURIComponent(id)}`);
  }

  /** What is gone already is deleted. */
  private async delete(path: string): Promise<void> {
    try {
      await this.call('DELETE', path, z.unknown());
    } catch (error) {
      if (!(error instanceof CulvertApiError) || error.status !== 404) throw error;
    }
  }

  private async list<T>(
    path: string,
    filter: Readonly<Record<string, string>>,
    item: z.ZodType<T>,
  ): Promise<T[]> {
    const page = z.object({ items: z.array(item), nextCursor: z.string().nullable() });
    const items: T[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = new URLSearchParams({ ...filter, limit: String(PAGE_SIZE) });
      if (cursor !== '') query.set('cursor', cursor);
      const found: z.output<typeof page> = await this.call('GET', `${path}?${query.toString()}`, page);
      items.push(...found.items);
      cursor = found.nextCursor;
    }
    return items;
  }

  private async call<T>(method: string, path: string, answer: z.ZodType<T>, body?: object): Promise<T> {
    const url = new URL(this.url);
    const [pathname = '', search = ''] = path.split('?');
    url.pathname = `${url.pathname.replace(/\/*$/, '')}/api/v1${pathname}`;
    url.search = search;
    const authorization = `Bearer ${await this.apiKey()}`;
    let status: number;
    let text: string;
    try {
      const response = await this.fetch(url, {
        method,
        headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
      status = response.status;
      text = await readText(response);
    } catch (cause) {
      throw new CulvertApiError(null, `${url.origin} did not answer ${method} ${pathname}: ${why(cause)}`, {
        cause,
      });
    }
    if (status >= 300)
      throw new CulvertApiError(status, `${method} ${pathname}: ${status} ${detailOf(text)}`);
    const read = answer.safeParse(text === '' ? null : parse(text));
    if (read.success) return read.data;
    throw new CulvertApiError(status, `${method} ${pathname}: the answer of ${url.origin} is not Culvert's`);
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function detailOf(text: string): string {
  const read = problem.safeParse(parse(text));
  return read.success ? (read.data.detail ?? read.data.title ?? '') : '';
}

/** `fetch failed` says nothing; its cause does. */
function why(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const known = cause instanceof Error ? cause : (error as Error);
  return known.message === '' ? ((known as NodeJS.ErrnoException).code ?? known.name) : known.message;
}
