import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement, type SubmitEvent } from 'react';
import { answerOf, api } from '../../api/client.js';
import { useReasonAgainst } from '../../api/me.js';
import { refresh } from '../../api/refresh.js';
import { PageSection } from '../../components/page-section.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import type { Team } from '../../api/team.js';

const HOUR = 3600;
const EXPIRIES = [
  { value: '0', label: 'Never' },
  { value: String(HOUR), label: 'After an hour' },
  { value: String(8 * HOUR), label: 'After 8 hours' },
  { value: String(24 * HOUR), label: 'After a day' },
  { value: String(7 * 24 * HOUR), label: 'After a week' },
  { value: String(30 * 24 * HOUR), label: 'After 30 days' },
];

/** Name of the team, and how long its unused previews live. */
export function TeamSettings({ team }: { team: Team }): ReactElement {
  const reason = useReasonAgainst('team:write');
  const [name, setName] = useState(team.name);
  const current = String(team.previewIdleExpirySeconds ?? 0);
  const [expiry, setExpiry] = useState(current);
  const choices = EXPIRIES.some(({ value }) => value === current)
    ? EXPIRIES
    : [...EXPIRIES, { value: current, label: `After ${current} seconds` }];
  const change = useMutation({
    mutationFn: () =>
      answerOf(
        api.PATCH('/api/v1/team', {
          body: { name, previewIdleExpirySeconds: expiry === '0' ? null : Number(expiry) },
        }),
      ),
    onSuccess: () => toastDone('Settings saved'),
    onError: (error) => toastProblem(error, 'The settings could not be saved'),
    onSettled: () => refresh('team', 'me', 'preview'),
  });
  const save = (event: SubmitEvent): void => {
    event.preventDefault();
    change.mutate();
  };
  const isChanged = name !== team.name || expiry !== current;
  return (
    <PageSection title="Settings" isFramed>
      <form onSubmit={save}>
        <Stack maw={420}>
          <TextInput
            label="Name of the team"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={128}
            required
            disabled={reason !== undefined}
          />
          <Select
            label="Unused previews end"
            description="For previews without a setting of their own."
            data={choices}
            value={expiry}
            onChange={(value) => setExpiry(value ?? '0')}
            allowDeselect={false}
            disabled={reason !== undefined}
          />
          {reason === undefined ? (
            <Group>
              <Button type="submit" disabled={!isChanged} loading={change.isPending}>
                Save
              </Button>
            </Group>
          ) : (
            <Text size="sm" c="dimmed">
              {reason}.
            </Text>
          )}
        </Stack>
      </form>
    </PageSection>
  );
}
