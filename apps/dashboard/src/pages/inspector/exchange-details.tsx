import { Alert, Anchor, Button, Drawer, Group, Stack, Tabs, Text } from '@mantine/core';
import { useClipboard, useMediaQuery } from '@mantine/hooks';
import type { ReactElement, ReactNode } from 'react';
import type {
  CapturedBody,
  Exchange,
  ExchangeBodies,
  ExchangeMessage,
  ExchangeSource,
  HeaderField,
  Replay,
} from '../../api/exchanges.js';
import { Facts } from '../../components/facts.js';
import { toastDone } from '../../components/toast.js';
import { formatBytes, formatTime } from '../../intl.js';
import { IconTerminal2 } from '../../icons.js';
import { BodyView } from './body-view.js';
import { toCurl } from './curl.js';
import { MessageList } from './message-list.js';
import { ReplayActions } from './replay-actions.js';
import { texts } from './texts.js';
import { Waterfall } from './waterfall.js';
import classes from './inspector.module.css';

const VISITORS: Readonly<Record<Exchange['visitor']['kind'], string>> = {
  anyone: texts.exchangeDetails.byAnyone,
  member: texts.exchangeDetails.byMember,
  'share-link': texts.exchangeDetails.byShareLink,
  'preview-token': texts.exchangeDetails.byToken,
  'api-key': texts.exchangeDetails.byApiKey,
  replay: texts.exchangeDetails.byReplay,
};

interface ExchangeDetailsProps {
  readonly source: ExchangeSource;
  readonly url: string;
  readonly reasonAgainst: string | undefined;
  readonly exchange: Exchange;
  readonly bodies: ExchangeBodies | undefined;
  readonly messages: readonly ExchangeMessage[];
  readonly omittedMessages: number;
  readonly isCapturing: boolean;
  /** Why a body is not there, if it is not that bodies were not captured. */
  readonly missingBody?: string;
  /** Further buttons. */
  readonly actions?: ReactNode;
  readonly onClose: () => void;
  readonly onReplayed: (replay: Replay, sent: CapturedBody | null) => void;
  /** Opens the original exchange; undefined if it is not held. */
  readonly onShowOriginal: (() => void) | undefined;
}

/** All details of one exchange. */
export function ExchangeDetails(props: ExchangeDetailsProps): ReactElement {
  const { source, url, reasonAgainst, exchange, bodies, messages, omittedMessages } = props;
  const { isCapturing, actions, onClose, onReplayed, onShowOriginal } = props;
  const isPhone = useMediaQuery('(max-width: 48em)');
  const clipboard = useClipboard();
  // An edge of an older version reports none.
  const changes = (exchange as Partial<Exchange>).changes ?? [];
  const requestChanges = changes.filter(({ message }) => message === 'request');
  const [bodyNotCaptured, messagesNotCaptured] = source.isLocal
    ? [texts.exchangeDetails.bodyNotCapturedHere, texts.messageList.notCapturedHere]
    : [texts.exchangeDetails.bodyNotCaptured, texts.messageList.notCaptured];
  const { missingBody = bodyNotCaptured } = props;
  const responseChanges = changes.filter(({ message }) => message === 'response');
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={isPhone ? '100%' : 640}
      title={`${exchange.method} ${exchange.target}`}
      closeButtonProps={{ 'aria-label': texts.exchangeDetails.close }}
      overlayProps={{ backgroundOpacity: 0.15 }}
    >
      <Stack>
        <Group gap="xs">
          {exchange.upgrade === null && (
            <ReplayActions {...{ source, reasonAgainst, exchange, bodies, onReplayed }} />
          )}
          <Button
            variant="default"
            leftSection={<IconTerminal2 size={16} />}
            onClick={() => {
              clipboard.copy(toCurl(exchange, url, bodies?.request ?? null));
              toastDone(texts.exchangeDetails.copiedAsCurl);
            }}
          >
            {texts.exchangeDetails.copyAsCurl}
          </Button>
          {actions}
        </Group>
        {exchange.error !== null && (
          <Alert color="red" title={texts.exchangeDetails.failed(exchange.error)}>
            {texts.exchangeDetails.failedText}
          </Alert>
        )}
        {exchange.notes.length > 0 && (
          <Alert color="yellow" title={texts.exchangeDetails.notHttp}>
            {exchange.notes.map(({ code, text }) => (
              <Text key={code} size="sm">
                {text}
              </Text>
            ))}
            <Text size="sm">{texts.exchangeDetails.notHttpText}</Text>
          </Alert>
        )}
        <Facts
          facts={[
            [
              texts.exchangeDetails.status,
              exchange.status ?? (exchange.state === 'open' ? texts.exchangeDetails.underWay : 'none'),
            ],
            [texts.exchangeDetails.when, formatTime(exchange.startedAt)],
            [texts.exchangeDetails.visitor, visitorOf(exchange, source)],
            [
              texts.exchangeDetails.protocol,
              `HTTP/${exchange.httpVersion}${exchange.upgrade === null ? '' : `, ${exchange.upgrade}`}`,
            ],
            [
              texts.exchangeDetails.repeats,
              exchange.replayOf !== null &&
                (onShowOriginal === undefined ? (
                  texts.exchangeDetails.originalGone
                ) : (
                  <Anchor component="button" type="button" size="sm" onClick={onShowOriginal}>
                    {texts.exchangeDetails.original}
                  </Anchor>
                )),
            ],
            [texts.exchangeDetails.sent, formatBytes(exchange.bytesIn)],
            [texts.exchangeDetails.received, formatBytes(exchange.bytesOut)],
          ]}
        />
        <Waterfall timings={exchange.timings} />
        <Tabs defaultValue={exchange.messages === undefined ? 'request' : 'messages'} keepMounted={false}>
          <Tabs.List mb="sm">
            {exchange.messages !== undefined && (
              <Tabs.Tab value="messages">{texts.exchangeDetails.messages}</Tabs.Tab>
            )}
            <Tabs.Tab value="request">{texts.exchangeDetails.request}</Tabs.Tab>
            <Tabs.Tab value="response">{texts.exchangeDetails.response}</Tabs.Tab>
          </Tabs.List>
          {exchange.messages !== undefined && (
            <Tabs.Panel value="messages">
              <MessageList
                summary={exchange.messages}
                {...{ messages, isCapturing }}
                notCaptured={messagesNotCaptured}
                omitted={omittedMessages}
              />
            </Tabs.Panel>
          )}
          <Tabs.Panel value="request">
            <Fields fields={exchange.request.fields} isTruncated={exchange.request.isTruncated} />
            <Changes title={texts.exchangeDetails.toService} changes={requestChanges} />
            <Body
              {...{ exchange, isCapturing, missingBody }}
              name={texts.exchangeDetails.requestBody}
              body={bodies && { body: bodies.request }}
            />
          </Tabs.Panel>
          <Tabs.Panel value="response">
            {exchange.response === null ? (
              <Text size="sm" c="dimmed">
                {exchange.state === 'open'
                  ? texts.exchangeDetails.noResponseYet
                  : texts.exchangeDetails.noResponse}
              </Text>
            ) : (
              <Fields fields={exchange.response.fields} isTruncated={exchange.response.isTruncated} />
            )}
            <Changes title={texts.exchangeDetails.toVisitor} changes={responseChanges} />
            <Body
              {...{ exchange, isCapturing, missingBody }}
              name={texts.exchangeDetails.responseBody}
              body={bodies && { body: bodies.response }}
            />
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </Drawer>
  );
}

/** Returns the address of a visitor and, if the source knows it, how the visitor was let in. */
function visitorOf({ visitor }: Exchange, { isLocal }: ExchangeSource): string {
  const isKnown = !isLocal || visitor.kind === 'replay';
  return isKnown ? `${visitor.address}, ${VISITORS[visitor.kind]}` : visitor.address;
}

interface BodyProps {
  readonly exchange: Exchange;
  readonly name: string;
  readonly isCapturing: boolean;
  readonly missingBody: string;
  /** Absent: it was not captured. */
  readonly body: { readonly body: ExchangeBodies['request'] } | undefined;
}

function Body({ exchange, name, isCapturing, missingBody, body }: BodyProps): ReactElement {
  return (
    <Stack gap={4} mt="md">
      <Text size="sm" fw={600}>
        {texts.exchangeDetails.body}
      </Text>
      {body === undefined ? (
        <Text size="sm" c="dimmed">
          {isCapturing && exchange.state === 'open' ? texts.exchangeDetails.bodyComes : missingBody}
        </Text>
      ) : (
        <BodyView exchangeId={exchange.id} name={name} body={body.body} />
      )}
    </Stack>
  );
}

/** Fields that were passed on with another value, or left out. */
function Changes({ title, changes }: { title: string; changes: Exchange['changes'] }): ReactElement | null {
  if (changes.length === 0) return null;
  return (
    <Stack gap={4} mt="md">
      <Text size="sm" fw={600}>
        {title}
      </Text>
      <table className={classes['fields']}>
        <tbody>
          {changes.map(({ name, value }, index) => (
            <tr key={`${index} ${name}`}>
              <th scope="row">{name}</th>
              <td>
                {value ?? (
                  <Text c="dimmed" span inherit>
                    {texts.exchangeDetails.leftOut}
                  </Text>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Stack>
  );
}

function Fields({
  fields,
  isTruncated,
}: {
  fields: readonly HeaderField[];
  isTruncated: boolean;
}): ReactElement {
  return (
    <>
      <table className={classes['fields']}>
        <tbody>
          {fields.map(({ name, value }, index) => (
            // A name can be repeated, and the order does not change.
            <tr key={`${index} ${name}`}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {isTruncated && (
        <Text size="xs" c="dimmed">
          {texts.exchangeDetails.headersLeftOut}
        </Text>
      )}
    </>
  );
}
