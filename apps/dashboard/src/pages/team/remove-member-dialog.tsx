import { Checkbox, List, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { refresh } from '../../api/refresh.js';
import { FormDialog } from '../../components/form-dialog.js';
import { QueryView } from '../../components/query-view.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { memberCredentials, nameOf, type Member } from './team.js';

type Credential = Schemas['MemberCredential'];

const KINDS: Readonly<Record<Credential['kind'], string>> = {
  'api-key': 'API key',
  'share-link': 'Share link',
  'preview-token': 'Preview token',
  invitation: 'Invitation',
};

/** Most credentials that the dialog names; the others are counted. */
const MAX_NAMED = 8;

/** Removes a member, and ends the working credentials that they created. */
export function RemoveMemberDialog(props: {
  readonly member: Member;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}): ReactElement {
  const { member, isOpen, onClose } = props;
  const { userId } = member;
  const name = nameOf(member);
  const [endsAll, setEndsAll] = useState(true);
  const made = useQuery({ ...memberCredentials(userId), enabled: isOpen });
  const left = made.data?.items.filter(({ kind }) => kind !== 'api-key') ?? [];
  const removal = useMutation({
    mutationFn: async () => {
      const params = { path: { userId } };
      await answerOf(api.DELETE('/api/v1/team/members/{userId}', { params }));
      // In this order: once removed, they cannot create more.
      if (endsAll && left.length > 0)
        await answerOf(api.DELETE('/api/v1/team/members/{userId}/credentials', { params })).catch(
          (error: unknown) =>
            toastProblem(error, `Removed ${name}, but some of their credentials still work`),
        );
    },
    onSuccess: () => {
      toastDone(`Removed ${name}`);
      onClose();
    },
    onSettled: () => refresh('member', 'me', 'api-key', 'share-link', 'preview-token', 'invitation', 'team'),
  });
  return (
    <FormDialog
      title={`Remove ${name} from the team?`}
      isOpen={isOpen}
      onClose={onClose}
      submit="Remove member"
      isDangerous
      onSubmit={() => removal.mutate()}
      isPending={removal.isPending || made.isPending}
      error={removal.error}
    >
      <Text size="sm">
        They lose access at once, also to open previews. Their API keys and programs stop working. Previews
        stay.
      </Text>
      <QueryView query={made}>
        {({ items, isComplete }) =>
          items.length === 0 ? null : (
            <>
              <Text size="sm" fw={500}>
                Credentials that they created and that still work
              </Text>
              <List size="sm">
                {items.slice(0, MAX_NAMED).map(({ kind, id, name: label, preview }) => (
                  <List.Item key={id} style={{ overflowWrap: 'anywhere' }}>
                    {KINDS[kind]} “{label}”{preview !== null && ` of ${preview.hostname}`}
                  </List.Item>
                ))}
                {items.length > MAX_NAMED && (
                  <List.Item>
                    {items.length - MAX_NAMED}
                    {isComplete ? ' others' : ' or more others'}
                  </List.Item>
                )}
              </List>
            </>
          )
        }
      </QueryView>
      {left.length > 0 && (
        <Checkbox
          label="Revoke share links, preview tokens and invitations too"
          description="Otherwise anyone who has them can keep using them."
          checked={endsAll}
          onChange={(event) => setEndsAll(event.currentTarget.checked)}
        />
      )}
    </FormDialog>
  );
}
