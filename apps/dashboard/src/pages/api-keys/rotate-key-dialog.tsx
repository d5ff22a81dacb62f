import { Select, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import type { ApiKey } from '../../api/api-keys.js';
import { answerOf, api } from '../../api/client.js';
import { refresh } from '../../api/refresh.js';
import { FormDialog } from '../../components/form-dialog.js';
import { CreatedKeyDialog } from './create-key-dialog.js';

const OVERLAPS = [
  { value: '0', label: 'At once' },
  { value: '3600', label: 'In an hour' },
  { value: '86400', label: 'In a day' },
  { value: '604800', label: 'In a week' },
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
        title={`New key for ${apiKey.name}`}
        secret={rotation.data.key}
        isOpen={isOpen}
        onClose={close}
      />
    );
  }
  return (
    <FormDialog
      title={`Rotate ${apiKey.name}`}
      isOpen={isOpen}
      onClose={close}
      submit="Rotate"
      onSubmit={() => rotation.mutate()}
      isPending={rotation.isPending}
      error={rotation.error}
    >
      <Text size="sm">
        A new key with the same scopes replaces it, and belongs to you. Give it to everyone who uses the old
        key before that stops working. Keys that the old one created stop working with it.
      </Text>
      <Select
        label="The old key stops working"
        data={OVERLAPS}
        value={overlap}
        onChange={(value) => setOverlap(value ?? '86400')}
        allowDeselect={false}
      />
    </FormDialog>
  );
}
