import { Checkbox, List, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { refresh } from '../../api/refresh.js';
import { FormDialog } from '../../components/form-dialog.js';
import { QueryView } from '../../components/query-view.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { memberCredentials, nameOf, type Member } from './team.js';
import { texts } from './texts.js';

type Credential = Schemas['MemberCredential'];

const KINDS: Readonly<Record<Credential['kind'], string>> = {
  'api-key': texts.removeMemberDialog.apiKey,
  'share-link': texts.removeMemberDialog.shareLink,
  'preview-token': texts.removeMemberDialog.previewToken,
  invitation: texts.removeMemberDialog.invitation,
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
          (error: unknown) => toastProblem(error, texts.removeMemberDialog.removedPartly(name)),
        );
    },
    onSuccess: () => {
      toastDone(texts.removeMemberDialog.removed(name));
      onClose();
    },
    onSettled: () => refresh('member', 'me', 'api-key', 'share-link', 'preview-token', 'invitation', 'team'),
  });
  return (
    <FormDialog
      title={texts.removeMemberDialog.title(name)}
      isOpen={isOpen}
      onClose={onClose}
      submit={texts.removeMemberDialog.submit}
      isDangerous
      onSubmit={() => removal.mutate()}
      isPending={removal.isPending || made.isPending}
      error={removal.error}
    >
      <Text size="sm">{texts.removeMemberDialog.about}</Text>
      <QueryView query={made}>
        {({ items, isComplete }) =>
          items.length === 0 ? null : (
            <>
              <Text size="sm" fw={500}>
                {texts.removeMemberDialog.credentials}
              </Text>
              <List size="sm">
                {items.slice(0, MAX_NAMED).map(({ kind, id, name: label, preview }) => (
                  <List.Item key={id} style={{ overflowWrap: 'anywhere' }}>
                    {texts.removeMemberDialog.credential(KINDS[kind], label, preview?.hostname)}
                  </List.Item>
                ))}
                {items.length > MAX_NAMED && (
                  <List.Item>
                    {texts.removeMemberDialog.others(items.length - MAX_NAMED, isComplete)}
                  </List.Item>
                )}
              </List>
            </>
          )
        }
      </QueryView>
      {left.length > 0 && (
        <Checkbox
          label={texts.removeMemberDialog.revokeAll}
          description={texts.removeMemberDialog.revokeAllAbout}
          checked={endsAll}
          onChange={(event) => setEndsAll(event.currentTarget.checked)}
        />
      )}
    </FormDialog>
  );
}
