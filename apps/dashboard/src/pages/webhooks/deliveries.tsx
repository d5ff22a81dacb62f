import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answerOf, api } from '../../api/client.js';
import { refresh } from '../../api/refresh.js';
import { CodeBlock } from '../../components/code-block.js';
import { QueryView } from '../../components/query-view.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { StateDot } from '../../components/state-dot.js';
import { TimeAgo } from '../../components/time-ago.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { VirtualTable, type Column } from '../../components/virtual-table.js';
import { formatMilliseconds, formatNumber } from '../../intl.js';
import { texts } from './texts.js';
import {
  DELIVERY_TONES,
  deliveryDetails,
  type Delivery,
  type DeliveryDetails,
  type WebhookEventType,
} from './webhooks.js';

/** What was sent to a webhook, newest first. */
export function Deliveries({ deliveries }: { deliveries: readonly Delivery[] }): ReactElement {
  return (
    <VirtualTable label={texts.page.deliveries} columns={COLUMNS} rows={deliveries} keyOf={({ id }) => id} />
  );
}

function labelOf(type: string): string {
  return texts.events[type as WebhookEventType] ?? (type === 'webhook.test' ? texts.page.test : type);
}

const COLUMNS: readonly Column<Delivery>[] = [
  {
    key: 'event',
    header: texts.page.event,
    width: 'minmax(10rem, 2fr)',
    onPhone: 'title',
    render: ({ type }) => <Text size="sm">{labelOf(type)}</Text>,
  },
  {
    key: 'state',
    header: texts.page.state,
    width: 'minmax(7rem, 1fr)',
    render: ({ state }) => (
      <Group gap={6} wrap="nowrap" component="span" display="inline-flex">
        <StateDot tone={DELIVERY_TONES[state]} />
        <Text size="sm" span>
          {texts.deliveryStates[state]}
        </Text>
      </Group>
    ),
  },
  {
    key: 'attempts',
    header: texts.page.attempts,
    width: 'minmax(5rem, 0.6fr)',
    onPhone: 'hidden',
    render: ({ attemptCount }) => formatNumber(attemptCount),
  },
  {
    key: 'when',
    header: texts.page.when,
    width: 'minmax(7rem, 1fr)',
    render: ({ createdAt }) => <TimeAgo at={createdAt} />,
  },
  {
    key: 'details',
    header: '',
    width: '6rem',
    onPhone: 'corner',
    render: (delivery) => <Details delivery={delivery} />,
  },
];

function Details({ delivery }: { delivery: Delivery }): ReactElement {
  const [isOpen, setIsOpen] = useState(false);
  const label = labelOf(delivery.type);
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        aria-label={texts.delivery.details(label)}
        onClick={() => setIsOpen(true)}
      >
        {texts.delivery.show}
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => setIsOpen(false)}
        title={texts.delivery.title(label)}
        size="lg"
        closeButtonProps={{ 'aria-label': texts.delivery.close }}
      >
        {isOpen && <Shown delivery={delivery} />}
      </Modal>
    </>
  );
}

function Shown({ delivery }: { delivery: Delivery }): ReactElement {
  const details = useQuery(deliveryDetails(delivery));
  const { webhookId, id: deliveryId } = delivery;
  const again = useMutation({
    mutationFn: () =>
      answerOf(
        api.POST('/api/v1/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver', {
          params: { path: { webhookId, deliveryId } },
        }),
      ),
    onSuccess: () => toastDone(texts.delivery.sentAgain),
    onError: (error) => toastProblem(error, texts.delivery.notSentAgain),
    onSettled: () => refresh('webhook'),
  });
  return (
    <QueryView query={details}>
      {({ event, attempts }) => (
        <Stack>
          <CodeBlock code={JSON.stringify(event, null, 2)} name={texts.delivery.event} wraps />
          {attempts.length === 0 && <Text size="sm">{texts.delivery.noAttempts}</Text>}
          {attempts.map((attempt) => (
            <Attempt key={attempt.id} attempt={attempt} />
          ))}
          <Group justify="flex-end">
            <ScopedButton needs="team:write" loading={again.isPending} onClick={() => again.mutate()}>
              {texts.delivery.sendAgain}
            </ScopedButton>
          </Group>
        </Stack>
      )}
    </QueryView>
  );
}

function Attempt({ attempt }: { attempt: DeliveryDetails['attempts'][number] }): ReactElement {
  const { at, status, error, durationMs, responseBody } = attempt;
  const outcome = error ?? texts.delivery.status(status ?? 0);
  return (
    <div>
      <Group gap={6} wrap="nowrap">
        <StateDot tone={error === null ? 'good' : 'bad'} />
        <Text size="sm">{texts.delivery.attempt(outcome, formatMilliseconds(durationMs))}</Text>
        <Text size="sm" c="dimmed">
          <TimeAgo at={at} />
        </Text>
      </Group>
      {responseBody !== '' && <CodeBlock code={responseBody} name={texts.delivery.response} wraps />}
    </div>
  );
}
