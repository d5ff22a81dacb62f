import { TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { FormDialog } from './form-dialog.js';
import { texts } from './texts.js';

interface RenameDialogProps {
  readonly title: string;
  readonly description?: string;
  readonly name: string;
  /** Whether the name must not be empty. */
  readonly isRequired?: boolean;
  /** Sends the new name, and fetches what shows it. */
  readonly onRename: (name: string) => Promise<void>;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/**
 * Asks for a new name. Pass the present name as its `key`, so that it starts with a name that was changed elsewhere.
 */
export function RenameDialog(props: RenameDialogProps): ReactElement {
  const { title, description, isRequired = false, onRename, isOpen, onClose } = props;
  const [name, setName] = useState(props.name);
  const rename = useMutation({ mutationFn: () => onRename(name), onSuccess: onClose });
  return (
    <FormDialog
      title={title}
      isOpen={isOpen}
      onClose={onClose}
      submit={texts.renameDialog.rename}
      onSubmit={() => rename.mutate()}
      isPending={rename.isPending}
      error={rename.error}
    >
      <TextInput
        label={texts.renameDialog.name}
        description={description}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={128}
        required={isRequired}
        data-autofocus
      />
    </FormDialog>
  );
}
