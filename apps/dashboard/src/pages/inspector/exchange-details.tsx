import { Alert, Anchor, Button, Drawer, Group, Stack, Tabs, Text } from '@mantine/core';
import { useClipboard, useMediaQuery } from '@mantine/hooks';
import type { ReactElement } from 'react';
import type { CapturedBody, Exchange, ExchangeBodies, HeaderField, Replay } from '../../api/exchanges.js';
import type { Preview } from '../../api/previews.js';
import { Facts } from '../../components/facts.js';
import { exactTime } from '../../components/time-ago.js';
import { toastDone } from '../../components/toast.js';
import { formatBytes } from '../../format.js';
import { IconTerminal2 } from '../../icons.js';
import { BodyView } from './body-view.js';
import { toCurl } from './curl.js';
import { ReplayActions } from './replay-actions.js';
import { Waterfall } from './waterfall.js';
import classes from './inspector.module.css';

const VISITORS: Readonly<Record<Exchange['visitor']['kind'], string>> = {
  anyone: 'anyone: the preview is public',
  member: 'a signed-in person',
  'share-link': 'by a share link',
  'preview-token': 'by a token',
  'api-key': 'by an API key',
  replay: 'replayed from here',
};

interface ExchangeDetailsProps {
  readonly preview: Preview;
  readonly exchange: Exchange;
  readonly bodies: ExchangeBodies | undefined;
  readonly isCapturing: boolean;
  readonly onClose: () => void;
  readonly onReplayed: (replay: Replay, sent: CapturedBody | null) => void;
  /** Opens the original exchange; undefined if it is not held. */
  readonly onShowOriginal: (() => void) | undefined;
}

/** All details of one exchange. */
export function ExchangeDetails(props: ExchangeDetailsProps): ReactElement {
  const { preview, exchange, bodies, isCapturing, onClose, onReplayed, onShowOriginal } = props;
  const isPhone = useMediaQuery('(max-width: 48em)');
  const clipboard = useClipboard();
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={isPhone ? '100%' : 640}
      title={`${exchange.method} ${exchange.target}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
      overlayProps={{ backgroundOpacity: 0.15 }}
    >
      <Stack>
        <Group gap="xs">
          {exchange.upgrade === null && <ReplayActions {...{ preview, exchange, bodies, onReplayed }} />}
          <Button
            variant="default"
            leftSection={<IconTerminal2 size={16} />}
            onClick={() => {
              clipboard.copy(toCurl(exchange, preview.url, bodies?.request ?? null));
              toastDone('Copied as curl');
            }}
          >
            Copy as curl
          </Button>
        </Group>
        {exchange.error !== null && (
          <Alert color="red" title={`Failed: ${exchange.error}`}>
            The service did not respond to this request, or its response broke off.
          </Alert>
        )}
        {exchange.notes.length > 0 && (
          <Alert color="yellow" title="The service's response breaks the rules of HTTP">
            {exchange.notes.map(({ code, text }) => (
              <Text key={code} size="sm">
                {text}
              </Text>
            ))}
            <Text size="sm">
              The visitor received it nevertheless. Other clients and proxies may refuse it.
            </Text>
          </Alert>
        )}
        <Facts
          facts={[
            ['Status', exchange.status ?? (exchange.state === 'open' ? 'under way' : 'none')],
            ['When', exactTime(exchange.startedAt)],
            ['Visitor', `${exchange.visitor.address}, ${VISITORS[exchange.visitor.kind]}`],
            [
              'Protocol',
              `HTTP/${exchange.httpVersion}${exchange.upgrade === null ? '' : `, ${exchange.upgrade}`}`,
            ],
            [
              'Repeats',
              exchange.replayOf !== null &&
                (onShowOriginal === undefined ? (
                  'a request that is no longer here'
                ) : (
                  <Anchor component="button" type="button" size="sm" onClick={onShowOriginal}>
                    an earlier request
                  </Anchor>
                )),
            ],
            ['Sent', formatBytes(exchange.bytesIn)],
            ['Received', formatBytes(exchange.bytesOut)],
          ]}
        />
        <Waterfall timings={exchange.timings} />
        <Tabs defaultValue="request" keepMounted={false}>
          <Tabs.List mb="sm">
            <Tabs.Tab value="request">Request</Tabs.Tab>
            <Tabs.Tab value="response">Response</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="request">
            <Fields fields={exchange.request.fields} isTruncated={exchange.request.isTruncated} />
            <Body
              {...{ exchange, isCapturing }}
              name="the request body"
              body={bodies && { body: bodies.request }}
            />
          </Tabs.Panel>
          <Tabs.Panel value="response">
            {exchange.response === null ? (
              <Text size="sm" c="dimmed">
                {exchange.state === 'open' ? 'Not yet.' : 'The service sent none.'}
              </Text>
            ) : (
              <Fields fields={exchange.response.fields} isTruncated={exchange.response.isTruncated} />
            )}
            <Body
              {...{ exchange, isCapturing }}
              name="the response body"
              body={bodies && { body: bodies.response }}
            />
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </Drawer>
  );
}

interface BodyProps {
  readonly exchange: Exchange;
  readonly name: string;
  readonly isCapturing: boolean;
  /** Absent: it was not captured. */
  readonly body: { readonly body: ExchangeBodies['request'] } | undefined;
}

function Body({ exchange, name, isCapturing, body }: BodyProps): ReactElement {
  return (
    <Stack gap={4} mt="md">
      <Text size="sm" fw={600}>
        Body
      </Text>
      {body === undefined ? (
        <Text size="sm" c="dimmed">
          {isCapturing && exchange.state === 'open'
            ? 'It is captured when the exchange ends.'
            : 'It was not captured. Turn on “Capture bodies” to see the bodies of new requests.'}
        </Text>
      ) : (
        <BodyView exchangeId={exchange.id} name={name} body={body.body} />
      )}
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
          Some were left out because of their size.
        </Text>
      )}
    </>
  );
}
