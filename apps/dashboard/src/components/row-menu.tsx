import { ActionIcon, Menu } from '@mantine/core';
import { useRef, type ReactElement } from 'react';
import { useMe, type Scope } from '../api/me.js';
import { IconDots } from '../icons.js';

export interface RowAction {
  readonly label: string;
  readonly onClick: () => void;
  /** Scope that the action needs; it is offered only to roles that have it. */
  readonly needs?: Scope;
  readonly isDangerous?: boolean;
}

interface RowMenuProps {
  /** Label of the menu: `Actions for staging`. */
  readonly label: string;
  readonly actions: readonly RowAction[];
}

/** Actions of one row. Shows nothing if the person can do none of them. */
export function RowMenu({ label, actions }: RowMenuProps): ReactElement | null {
  const { scopes } = useMe();
  const button = useRef<HTMLButtonElement>(null);
  const offered = actions.filter(({ needs }) => needs === undefined || scopes.includes(needs));
  if (offered.length === 0) return null;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon ref={button} aria-label={label}>
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {offered.map(({ label: text, onClick, isDangerous }) => (
          <Menu.Item
            key={text}
            color={isDangerous ? 'red' : undefined}
            onClick={() => {
              // A dialog returns the focus to where it was, but the menu item no longer exists then.
              button.current?.focus();
              onClick();
            }}
          >
            {text}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
