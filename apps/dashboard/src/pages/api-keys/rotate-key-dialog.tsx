import { Select, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import type { ApiKey } from '../../api/api-keys.js';
import { answerOf, api } from '../../api/client.js';
import { refresh } from '../../api/refresh.js';
import { FormDialog } from '../../components/form-dialog.js';
import { CreatedKeyDialog } from './create-key-dialog.js';
import { texts } from './texts.js';

const OVERLAPS = [
  { value: '0', label: texts.rotateKeyDialog.atOnce },
  { value: '3600', label: texts.rotateKeyDialog.inHour },
  { value: '86400', label: texts.rotateKeyDialog.inDay },
  { value: '604800', label: texts.rotateKeyDialog.inWeek },
];

interface RotateKeyDialogProps {
  readonly apiKey: ApiKey;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** Creates a key that replaces another one, which still works for a while. */
export function RotateKeyDialog({ apiKey, isOpen, onClose }: RotateKeyDialogProps): ReactElement {
  const [overlap, setOverlap] = useState('86400');
  const rotation = useMutation({
    mutationFn: () =>
      answerOf(
        api.POST('/api/v1/api-keys/{apiKeyId}/rotate', {
          params: { path: { apiKeyId: apiKey.id } },
          body: { overlapSeconds: Number(overlap) },
        }),
      ),
    onSuccess: () => refresh('api-key'),
  });
  const close = (): void => {
    onClose();
    rotation.reset();
  };
  if (rotation.isSuccess) {
    return (
      <CreatedKeyDialog
        title={texts.rotateKeyDialog.newKeyFor(apiKey.name)}
        secret={rotation.data.key}
        isOpen={isOpen}
        onClose={close}
      />
    );
  }
  return (
    <FormDialog
      title={texts.rotateKeyDialog.title(apiKey.name)}
      isOpen={isOpen}
      onClose={close}
      submit={texts.rotateKeyDialog.submit}
      onSubmit={() => rotation.mutate()}
      isPending={rotation.isPending}
      error={rotation.error}
    >
      <Text size="sm">{texts.rotateKeyDialog.about}</Text>
      <Select
        label={texts.rotateKeyDialog.oldKeyStops}
        data={OVERLAPS}
        value={overlap}
        onChange={(value) => setOverlap(value ?? '86400')}
        allowDeselect={false}
      />
    </FormDialog>
  );
}
