import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import type { CapturedBody } from '../../api/exchanges.js';
import { formatBytes } from '../../intl.js';
import { CodeBlock } from '../../components/code-block.js';
import { texts } from './texts.js';

/** Content codings that browsers can decode. */
const ENCODINGS: Readonly<Record<string, CompressionFormat>> = { gzip: 'gzip', deflate: 'deflate' };
/** Maximum number of bytes to show: a small body can unfold into a large one. */
const MAX_SHOWN_BYTES = 1024 * 1024;

interface BodyViewProps {
  readonly exchangeId: string;
  readonly name: string;
  readonly body: CapturedBody | null;
}

/** A captured body, as text if it is text, but never as markup. */
export function BodyView({ exchangeId, name, body }: BodyViewProps): ReactElement {
  const { data } = useQuery({
    queryKey: ['body', exchangeId, name, body?.bytes],
    queryFn: () => (body === null ? null : textOf(body)),
    staleTime: Infinity,
    gcTime: 0,
    refetchInterval: false,
  });
  if (body === null || body.bytes === 0) {
    return (
      <Text size="sm" c="dimmed">
        {texts.bodyView.none}
      </Text>
    );
  }
  return (
    <>
      <Text size="xs" c="dimmed" mb={4}>
        {[
          body.contentType ?? texts.bodyView.noType,
          formatBytes(body.bytes),
          body.contentEncoding,
          body.isTruncated ? texts.bodyView.truncated : null,
        ]
          .filter(Boolean)
          .join(' · ')}
      </Text>
      {data === null || data === undefined ? (
        <Text size="sm">{texts.bodyView.notText}</Text>
      ) : (
        <CodeBlock code={data} name={name} />
      )}
    </>
  );
}

async function textOf({ base64, contentEncoding }: CapturedBody): Promise<string | null> {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.codePointAt(0) ?? 0);
    const encoding = contentEncoding?.trim().toLowerCase() ?? '';
    if (encoding !== '' && encoding !== 'identity' && ENCODINGS[encoding] === undefined) return null;
    const format = ENCODINGS[encoding];
    const plain = format === undefined ? bytes : await unfold(bytes, format);
    return indented(new TextDecoder('utf-8', { fatal: true }).decode(plain, { stream: true }));
  } catch {
    return null;
  }
}

/** Decodes as much as possible: a truncated body ends in an error. */
async function unfold(
  bytes: Uint8Array<ArrayBuffer>,
  format: CompressionFormat,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format)).getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    while (size < MAX_SHOWN_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      size += value.length;
    }
  } catch (error) {
    if (size === 0) throw error;
  }
  void reader.cancel().catch(() => {});
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Formats JSON on several lines. */
function indented(text: string): string {
  try {
    return /^\s*[[{]/.test(text) ? JSON.stringify(JSON.parse(text), null, 2) : text;
  } catch {
    return text;
  }
}
