import { Button, Checkbox, Chip, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { createApiKey } from '../../api/api-keys.js';
import { KEY_PURPOSES, type KeyPurpose } from '../../api/key-purposes.js';
import { useMe, type Scope } from '../../api/me.js';
import { refresh } from '../../api/refresh.js';
import { FormDialog } from '../../components/form-dialog.js';
import { SecretOnce } from '../../components/secret-once.js';
import { EXPIRY_CHOICES, expiryOf } from './expiry.js';
import { SCOPE_TEXTS } from './scopes.js';
import { texts } from './texts.js';

const PURPOSES: readonly (readonly [name: string, purpose: KeyPurpose])[] = Object.entries(KEY_PURPOSES);

interface CreateKeyDialogProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** Creates a key and shows it once. */
export function CreateKeyDialog({ isOpen, onClose }: CreateKeyDialogProps): ReactElement {
  const { scopes: own } = useMe();
  const [name, setName] = useState('');
  const [days, setDays] = useState('90');
  const [scopes, setScopes] = useState<readonly string[]>(KEY_PURPOSES.manager.scopes);
  const creation = useMutation({
    mutationFn: () =>
      createApiKey({ name, scopes: scopes as Scope[], expiresAt: expiryOf(days, Date.now()) }),
    onSuccess: () => refresh('api-key', 'team'),
  });
  const close = (): void => {
    onClose();
    setName('');
    creation.reset();
  };
  if (creation.isSuccess) {
    return (
      <CreatedKeyDialog
        title={texts.createKeyDialog.createdTitle}
        secret={creation.data.key}
        isOpen={isOpen}
        onClose={close}
      />
    );
  }
  const purpose = PURPOSES.find(([, each]) => isSame(each.scopes, scopes))?.[0] ?? null;
  return (
    <FormDialog
      title={texts.createKeyDialog.title}
      isOpen={isOpen}
      onClose={close}
      submit={texts.createKeyDialog.submit}
      onSubmit={() => creation.mutate()}
      isPending={creation.isPending}
      error={creation.error}
    >
      <TextInput
        label={texts.createKeyDialog.name}
        placeholder={texts.createKeyDialog.namePlaceholder}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={128}
        required
        data-autofocus
      />
      <Stack gap={6}>
        <Text size="sm" fw={500} id="key-purpose">
          {texts.createKeyDialog.purpose}
        </Text>
        <Chip.Group
          value={purpose}
          onChange={(value) => setScopes(PURPOSES.find(([each]) => each === value)?.[1].scopes ?? scopes)}
        >
          <Group gap="xs" role="group" aria-labelledby="key-purpose">
            {PURPOSES.map(([value, { label }]) => (
              <Chip key={value} value={value} size="sm">
                {label}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </Stack>
      <Checkbox.Group
        label={texts.createKeyDialog.scopes}
        value={[...scopes]}
        onChange={setScopes}
        error={scopes.length === 0 ? texts.createKeyDialog.chooseAtLeastOne : undefined}
      >
        <Stack gap="xs" mt="xs">
          {own.map((scope) => (
            <Checkbox
              key={scope}
              value={scope}
              size="sm"
              label={SCOPE_TEXTS[scope].label}
              description={SCOPE_TEXTS[scope].about}
            />
          ))}
        </Stack>
      </Checkbox.Group>
      <Select
        label={texts.createKeyDialog.expires}
        data={[...EXPIRY_CHOICES]}
        value={days}
        onChange={(value) => setDays(value ?? '')}
        allowDeselect={false}
      />
    </FormDialog>
  );
}

interface CreatedKeyDialogProps {
  readonly title: string;
  readonly secret: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** Shows a new key once. A click outside does not close it, because the key would be lost. */
export function CreatedKeyDialog({ title, secret, isOpen, onClose }: CreatedKeyDialogProps): ReactElement {
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={title}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': texts.createKeyDialog.close }}
    >
      <Stack>
        <SecretOnce what="key" secret={secret} />
        <Group justify="flex-end">
          <Button onClick={onClose}>{texts.createKeyDialog.copied}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}
