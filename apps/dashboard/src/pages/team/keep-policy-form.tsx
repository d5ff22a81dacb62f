import {
  Alert,
  Button,
  Checkbox,
  Group,
  NumberInput,
  SimpleGrid,
  Stack,
  TagsInput,
  Text,
} from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement, type SubmitEvent } from 'react';
import { answerOf, api } from '../../api/client.js';
import { useReasonAgainst } from '../../api/me.js';
import { refresh } from '../../api/refresh.js';
import type { Team } from '../../api/team.js';
import { PageSection } from '../../components/page-section.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { texts } from './texts.js';

const words = texts.keepPolicy;

/** The policy of a team that begins to keep requests. */
const NEW_POLICY: NonNullable<Team['keepPolicy']> = {
  maxCount: 200,
  maxHours: 24,
  bodies: false,
  redactedNames: [],
};

/** How previews of the team can keep their last requests. */
export function KeepPolicyForm({ team }: { team: Team }): ReactElement {
  const reason = useReasonAgainst('team:write');
  const [policy, setPolicy] = useState(team.keepPolicy);
  const change = useMutation({
    mutationFn: () => answerOf(api.PATCH('/api/v1/team', { body: { keepPolicy: policy } })),
    onSuccess: () => toastDone(words.saved),
    onError: (error) => toastProblem(error, words.notSaved),
    onSettled: () => refresh('team', 'preview'),
  });
  const save = (event: SubmitEvent): void => {
    event.preventDefault();
    change.mutate();
  };
  const isDisabled = reason !== undefined || !team.canKeep;
  return (
    <PageSection title={words.title} isFramed>
      <form onSubmit={save}>
        <Stack maw={520}>
          {!team.canKeep && <Alert>{words.notAvailable}</Alert>}
          <Checkbox
            label={words.allow}
            description={words.allowDescription}
            checked={policy !== null}
            disabled={isDisabled}
            onChange={(event) => setPolicy(event.currentTarget.checked ? NEW_POLICY : null)}
          />
          {policy !== null && <PolicyFields {...{ policy, isDisabled }} onChange={setPolicy} />}
          {reason === undefined ? (
            <Group>
              <Button
                type="submit"
                disabled={isDisabled || JSON.stringify(policy) === JSON.stringify(team.keepPolicy)}
                loading={change.isPending}
              >
                {words.save}
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

interface PolicyFieldsProps {
  readonly policy: NonNullable<Team['keepPolicy']>;
  readonly isDisabled: boolean;
  readonly onChange: (policy: NonNullable<Team['keepPolicy']>) => void;
}

function PolicyFields({ policy, isDisabled, onChange }: PolicyFieldsProps): ReactElement {
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <NumberInput
          label={words.maxCount}
          value={policy.maxCount}
          onChange={(value) => onChange({ ...policy, maxCount: Number(value) })}
          min={1}
          max={1000}
          allowDecimal={false}
          disabled={isDisabled}
        />
        <NumberInput
          label={words.maxHours}
          value={policy.maxHours}
          onChange={(value) => onChange({ ...policy, maxHours: Number(value) })}
          min={1}
          max={168}
          allowDecimal={false}
          disabled={isDisabled}
        />
      </SimpleGrid>
      <Checkbox
        label={words.bodies}
        checked={policy.bodies}
        onChange={(event) => onChange({ ...policy, bodies: event.currentTarget.checked })}
        disabled={isDisabled}
      />
      <TagsInput
        label={words.redactedNames}
        description={words.redactedNamesDescription}
        value={policy.redactedNames}
        onChange={(redactedNames) => onChange({ ...policy, redactedNames })}
        maxTags={50}
        disabled={isDisabled}
      />
    </>
  );
}
