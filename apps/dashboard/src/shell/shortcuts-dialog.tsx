import { Group, Kbd, Modal, Stack, Switch, Table } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import { SECTIONS } from '../routes.js';
import { areShortcutsOn, switchShortcuts } from './shortcuts-setting.js';
import { texts } from './texts.js';

const KEYS: readonly (readonly [label: string, ...keys: string[]])[] = [
  [texts.shortcutsDialog.goTo, texts.shortcutsDialog.ctrl, 'K'],
  [texts.shortcutsDialog.search, '/'],
  [texts.shortcutsDialog.show, '?'],
  ...SECTIONS.map(({ label, shortcut }) => [label, 'g', shortcut] as const),
];

/** The list of keyboard shortcuts. */
export function ShortcutsDialog({ onClose }: { onClose: () => void }): ReactElement {
  const [isOn, setIsOn] = useState(areShortcutsOn);
  return (
    <Modal
      opened
      onClose={onClose}
      title={texts.shortcutsDialog.title}
      closeButtonProps={{ 'aria-label': texts.shortcutsDialog.close }}
    >
      <Stack>
        <Table>
          <Table.Tbody>
            {KEYS.map(([label, ...keys]) => (
              <Table.Tr key={label}>
                <Table.Th fw={400}>{label}</Table.Th>
                <Table.Td>
                  <Group gap={4} justify="flex-end">
                    {keys.map((key) => (
                      <Kbd key={key}>{key}</Kbd>
                    ))}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        <Switch
          label={texts.shortcutsDialog.singleKeys}
          checked={isOn}
          onChange={(event) => {
            setIsOn(event.currentTarget.checked);
            switchShortcuts(event.currentTarget.checked);
          }}
        />
      </Stack>
    </Modal>
  );
}
