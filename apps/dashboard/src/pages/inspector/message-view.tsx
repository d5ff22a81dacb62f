import { Stack, Text } from '@mantine/core';
import type { ReactElement } from 'react';
import type { ExchangeMessage } from '../../api/exchanges.js';
import { CodeBlock } from '../../components/code-block.js';
import { formatBytes, formatTime } from '../../intl.js';
import { hexDump } from './hex-dump.js';
import { texts } from './texts.js';

/** The content of one message, as text and, if it is not text alone, as bytes. */
export function MessageView({ message }: { message: ExchangeMessage }): ReactElement {
  const { at, kind, bytes, isCompressed, isTruncated, code, text, base64 } = message;
  const facts = [
    kind,
    code === null ? '' : String(code),
    formatTime(at),
    formatBytes(bytes),
    isCompressed ? texts.messageList.compressed : '',
  ];
  const isUnreadable = text === null && base64 === null;
  return (
    <Stack gap={4}>
      <Text size="xs" c="dimmed">
        {facts.filter(Boolean).join(' · ')}
      </Text>
      {isUnreadable && <Text size="sm">{texts.messageList.unreadable}</Text>}
      {text !== null && text !== '' && <CodeBlock code={text} name={texts.messageList.content} />}
      {base64 !== null && base64 !== '' && <CodeBlock code={hexDump(base64)} name={texts.messageList.hex} />}
      {isTruncated && !isUnreadable && (
        <Text size="xs" c="dimmed">
          {texts.messageList.truncated}
        </Text>
      )}
    </Stack>
  );
}
