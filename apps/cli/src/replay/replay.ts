import { MAX_REPLAY_BODY_BYTES, type createReplayRequest } from '@culvert/contract';
import { readFileSync } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import type { z } from 'zod';
import type { Replay } from '../api.js';
import { decodedBytes } from '@culvert/exchanges';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { findPreview } from '../preview/find-preview.js';
import { showDuration } from '../requests/request-log.js';
import { findExchange } from './find-exchange.js';

type Request = z.input<typeof createReplayRequest>;

export interface ReplayFlags {
  readonly preview?: string;
  readonly method?: string;
  readonly target?: string;
  readonly header?: readonly string[];
  readonly data?: string;
  readonly include?: boolean;
  readonly fail?: boolean;
}

/** Sends a request to a preview and prints the response. */
export async function replay(context: CommandContext, what: string, flags: ReplayFlags): Promise<ExitCode> {
  const { api, output } = context;
  const { reference, request } = requestOf(what, flags);
  const data = flags.data === undefined ? null : await readData(context, flags.data);
  const { id: previewId } = await findPreview(api, reference);
  const { exchangeId: named } = request;
  const exchangeId = named === undefined ? undefined : await findExchange(context, previewId, named);
  const body = { ...request, ...(exchangeId && { exchangeId }), ...(data && { body: data }) };
  const result = await api.call('createReplay', { previewId, body });
  output.result(result, () => {
    if (flags.include === true) showHead(context, result);
    if (result.body !== null) output.bytes(decodedBytes(result.body).bytes);
  });
  if (!output.isForPrograms) noteEnd(context, result);
  return flags.fail === true && result.status >= 400 ? EXIT.failure : EXIT.ok;
}

/**
 * Returns the preview and the request, without a body, for the arguments. The id of an exchange may be a prefix.
 * @throws CliError if they contradict each other
 */
export function requestOf(
  what: string,
  { preview, method, target, header, data }: ReplayFlags,
): { readonly reference: string; readonly request: Request } {
  const headers = header === undefined ? {} : { headers: header.map(fieldOf) };
  if (/^https?:\/\//i.test(what)) {
    if (!URL.canParse(what)) throw new CliError(EXIT.usage, `"${what}" is not a URL`);
    const url = new URL(what);
    return {
      reference: preview ?? url.hostname,
      request: {
        method: method ?? (data === undefined || data === '' ? 'GET' : 'POST'),
        target: target ?? url.pathname + url.search,
        ...headers,
      },
    };
  }
  if (preview === undefined) {
    throw new CliError(EXIT.usage, `--preview is needed for the exchange ${what}`, {
      hint: 'Name the preview that you inspect, or give a URL instead of an id.',
    });
  }
  return {
    reference: preview,
    request: {
      exchangeId: what,
      ...(method !== undefined && { method }),
      ...(target !== undefined && { target }),
      ...headers,
    },
  };
}

function fieldOf(text: string): { readonly name: string; readonly value: string } {
  const at = text.indexOf(':');
  if (at < 1) {
    throw new CliError(EXIT.usage, `--header "${text}" is not a header`, {
      hint: 'Write it as "name: value".',
    });
  }
  return { name: text.slice(0, at).trim(), value: text.slice(at + 1).trim() };
}

async function readData({ stdin, signal }: CommandContext, data: string): Promise<Request['body']> {
  if (!data.startsWith('@')) return { text: data };
  const bytes = data === '@-' ? await readAll(addAbortSignal(signal, stdin)) : readFile(data.slice(1));
  if (bytes.length > MAX_REPLAY_BODY_BYTES) {
    throw new CliError(EXIT.usage, `--data: the body has more than ${MAX_REPLAY_BODY_BYTES} bytes`, {
      hint: 'Send a shorter one.',
    });
  }
  return { base64: bytes.toString('base64') };
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CliError(EXIT.usage, `--data: ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Reads at most one byte more than a body may have. */
async function readAll(stream: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > MAX_REPLAY_BODY_BYTES) break;
  }
  return Buffer.concat(chunks);
}

function showHead({ output }: CommandContext, { status, response, durationMs, exchangeId }: Replay): void {
  output.note(`${status}  ${showDuration(durationMs)}  ${exchangeId}`);
  for (const { name, value } of response.fields) output.note(`${name}: ${value}`);
  output.note('');
}

function noteEnd({ output }: CommandContext, { body, end }: Replay): void {
  if (end === 'broken') output.note('The response broke off.');
  else if (end === 'cut') output.note('Reading stopped after 30 seconds or 16 MiB.');
  else if (body?.isTruncated === true) output.note('The body is longer than what is shown.');
}
