import { Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answerOf, api } from '../../api/client.js';
import { refresh } from '../../api/refresh.js';
import { CodeBlock } from '../../components/code-block.js';
import { FormDialog } from '../../components/form-dialog.js';
import { conditionsOf, PLATFORMS, type Platform, type UsualConditions } from './team.js';
import { texts } from './texts.js';

const words = texts.createWorkloadIdentity;

interface DialogProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

const NOTHING: UsualConditions = { owner: '', branch: '', environment: '', event: '' };

/** Creates a workload identity from what people usually restrict, and shows its ID. */
export function CreateWorkloadIdentityDialog({ isOpen, onClose }: DialogProps): ReactElement {
  const [name, setName] = useState('');
  const [platform, setPlatform] = useState<Platform>('github');
  const [issuer, setIssuer] = useState('');
  const [usual, setUsual] = useState(NOTHING);
  const creation = useMutation({
    mutationFn: () =>
      answerOf(
        api.POST('/api/v1/workload-identities', {
          body: {
            name,
            platform,
            ...(issuer !== '' && { issuer }),
            conditions: conditionsOf(platform, usual),
          },
        }),
      ),
    onSuccess: () => refresh('workload-identity'),
  });
  const close = (): void => {
    onClose();
    setName('');
    setUsual(NOTHING);
    creation.reset();
  };
  if (creation.isSuccess)
    return <CreatedDialog id={creation.data.id} platform={platform} isOpen={isOpen} onClose={close} />;
  return (
    <FormDialog
      title={words.title}
      isOpen={isOpen}
      onClose={close}
      submit={words.submit}
      onSubmit={() => creation.mutate()}
      isPending={creation.isPending}
      error={creation.error}
    >
      <TextInput
        label={words.name}
        placeholder={words.namePlaceholder}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={128}
        required
        data-autofocus
      />
      <Select
        label={words.platform}
        data={Object.entries(PLATFORMS).map(([value, label]) => ({ value, label }))}
        value={platform}
        onChange={(value) => setPlatform((value ?? 'github') as Platform)}
        allowDeselect={false}
      />
      <TextInput
        label={words.issuer}
        description={platform === 'other' ? words.otherIssuer : words.knownIssuer}
        placeholder={words.issuerPlaceholder}
        value={issuer}
        onChange={(event) => setIssuer(event.currentTarget.value)}
        maxLength={512}
        required={platform === 'other'}
      />
      {fieldsOf(platform).map(([field, { label, about }]) => (
        <TextInput
          key={field}
          label={label}
          description={about}
          value={usual[field]}
          onChange={({ currentTarget: { value } }) => setUsual((before) => ({ ...before, [field]: value }))}
          maxLength={512}
          required={field === 'owner'}
        />
      ))}
      <Text size="sm" c="dimmed">
        {words.more}
      </Text>
    </FormDialog>
  );
}

type Field = keyof UsualConditions;

function fieldsOf(platform: Platform): readonly (readonly [Field, { label: string; about: string }])[] {
  const { repository, project, subject, branch, environment, event, source } = words.fields;
  switch (platform) {
    case 'github':
      return [
        ['owner', repository],
        ['branch', branch],
        ['environment', environment],
        ['event', event],
      ];
    case 'gitlab':
      return [
        ['owner', project],
        ['branch', branch],
        ['environment', environment],
        ['event', source],
      ];
    case 'other':
      return [['owner', subject]];
  }
}

function CreatedDialog(
  props: DialogProps & { readonly id: string; readonly platform: Platform },
): ReactElement {
  const { id, platform, isOpen, onClose } = props;
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={words.createdTitle}
      closeButtonProps={{ 'aria-label': words.close }}
    >
      <Stack>
        <Text size="sm">{words.created(platform)}</Text>
        <CodeBlock name={words.variable} code={`CULVERT_WORKLOAD_IDENTITY=${id}`} />
        <Group justify="flex-end">
          <Button onClick={onClose}>{words.done}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
