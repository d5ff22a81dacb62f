import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement, type SubmitEvent } from 'react';
import { answerOf, api } from '../../api/client.js';
import { useReasonAgainst } from '../../api/me.js';
import { refresh } from '../../api/refresh.js';
import { PageSection } from '../../components/page-section.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import type { Team } from '../../api/team.js';
import { formatSeconds } from '../../intl.js';
import { texts } from './texts.js';

const HOUR = 3600;
const EXPIRIES = [
  { value: '0', label: texts.teamSettings.never },
  { value: String(HOUR), label: texts.teamSettings.afterHour },
  { value: String(8 * HOUR), label: texts.teamSettings.after8Hours },
  { value: String(24 * HOUR), label: texts.teamSettings.afterDay },
  { value: String(7 * 24 * HOUR), label: texts.teamSettings.afterWeek },
  { value: String(30 * 24 * HOUR), label: texts.teamSettings.after30Days },
];

/** Name of the team, and how long its unused previews live. */
export function TeamSettings({ team }: { team: Team }): ReactElement {
  const reason = useReasonAgainst('team:write');
  const [name, setName] = useState(team.name);
  const current = String(team.previewIdleExpirySeconds ?? 0);
  const [expiry, setExpiry] = useState(current);
  const choices = EXPIRIES.some(({ value }) => value === current)
    ? EXPIRIES
    : [...EXPIRIES, { value: current, label: texts.teamSettings.after(formatSeconds(Number(current))) }];
  const change = useMutation({
    mutationFn: () =>
      answerOf(
        api.PATCH('/api/v1/team', {
          body: { name, previewIdleExpirySeconds: expiry === '0' ? null : Number(expiry) },
        }),
      ),
    onSuccess: () => toastDone(texts.teamSettings.saved),
    onError: (error) => toastProblem(error, texts.teamSettings.notSaved),
    onSettled: () => refresh('team', 'me', 'preview'),
  });
  const save = (event: SubmitEvent): void => {
    event.preventDefault();
    change.mutate();
  };
  const isChanged = name !== team.name || expiry !== current;
  return (
    <PageSection title={texts.teamSettings.settings} isFramed>
      <form onSubmit={save}>
        <Stack maw={420}>
          <TextInput
            label={texts.teamSettings.name}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={128}
            required
            disabled={reason !== undefined}
          />
          <Select
            label={texts.teamSettings.idleExpiry}
            description={texts.teamSettings.idleExpiryDescription}
            data={choices}
            value={expiry}
            onChange={(value) => setExpiry(value ?? '0')}
            allowDeselect={false}
            disabled={reason !== undefined}
          />
          {reason === undefined ? (
            <Group>
              <Button type="submit" disabled={!isChanged} loading={change.isPending}>
                {texts.teamSettings.save}
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
