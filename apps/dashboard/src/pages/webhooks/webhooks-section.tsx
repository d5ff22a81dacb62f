import { Anchor, Code, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { Link } from 'wouter';
import { PageSection } from '../../components/page-section.js';
import { QueryView } from '../../components/query-view.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { StateDot } from '../../components/state-dot.js';
import { VirtualTable, type Column } from '../../components/virtual-table.js';
import { IconPlus } from '../../icons.js';
import { texts } from './texts.js';
import { WebhookDialog } from './webhook-dialog.js';
import { stateOfWebhook, webhooks, type Webhook } from './webhooks.js';

/** Webhooks of the team, for people who may manage them. */
export function WebhooksSection(): ReactElement {
  const all = useQuery(webhooks());
  const [isCreating, setIsCreating] = useState(false);
  return (
    <PageSection
      title={texts.section.title}
      description={texts.section.about}
      actions={
        <ScopedButton
          needs="team:write"
          size="xs"
          leftSection={<IconPlus size={16} />}
          onClick={() => setIsCreating(true)}
        >
          {texts.section.create}
        </ScopedButton>
      }
    >
      <QueryView query={all}>
        {(list) =>
          list.length === 0 ? (
            <Text c="dimmed" size="sm">
              {texts.section.none}
            </Text>
          ) : (
            <VirtualTable label={texts.section.title} columns={COLUMNS} rows={list} keyOf={({ id }) => id} />
          )
        }
      </QueryView>
      <WebhookDialog isOpen={isCreating} onClose={() => setIsCreating(false)} />
    </PageSection>
  );
}

const COLUMNS: readonly Column<Webhook>[] = [
  {
    key: 'name',
    header: texts.section.name,
    width: 'minmax(10rem, 2fr)',
    onPhone: 'title',
    render: ({ id, name, url }) => (
      <>
        <Anchor component={Link} href={`/team/webhooks/${id}`} size="sm" fw={500}>
          {name}
        </Anchor>
        <div>
          <Code>{new URL(url).host}</Code>
        </div>
      </>
    ),
  },
  {
    key: 'state',
    header: texts.section.state,
    width: 'minmax(8rem, 1fr)',
    render: (webhook) => <WebhookState webhook={webhook} />,
  },
  {
    key: 'events',
    header: texts.section.events,
    width: 'minmax(9rem, 2fr)',
    onPhone: 'hidden',
    render: ({ events }) => (
      <Text size="sm" lineClamp={2}>
        {events.length === Object.keys(texts.events).length
          ? texts.section.allEvents
          : events.map((event) => texts.events[event]).join(', ')}
      </Text>
    ),
  },
];

export function WebhookState({ webhook }: { webhook: Webhook }): ReactElement {
  const { label, tone } = stateOfWebhook(webhook);
  return (
    <Group gap={6} wrap="nowrap" component="span" display="inline-flex">
      <StateDot tone={tone} />
      <Text size="sm" span>
        {label}
      </Text>
    </Group>
  );
}
