import { ActionIcon, Menu } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { useState, type ReactElement } from 'react';
import { Link } from 'wouter';
import { useReasonAgainst } from '../../api/me.js';
import type { Preview } from '../../api/previews.js';
import { toastDone } from '../../components/toast.js';
import {
  IconActivity,
  IconCopy,
  IconDots,
  IconExternalLink,
  IconLock,
  IconPencil,
  IconQrcode,
  IconTrash,
  IconWorld,
} from '../../icons.js';
import { texts } from './texts.js';
import { usePreviewActions } from './use-preview-actions.js';

interface PreviewMenuProps {
  readonly preview: Preview;
  readonly onShowQrCode: (preview: Preview) => void;
}

/** Menu of actions for one preview of a list. Its items load when it opens. */
export function PreviewMenu(props: PreviewMenuProps): ReactElement {
  const [isAsked, setIsAsked] = useState(false);
  if (isAsked) return <OpenedMenu {...props} />;
  return (
    <ActionIcon
      aria-label={texts.previewMenu.actionsFor(props.preview.hostname)}
      aria-haspopup="menu"
      aria-expanded={false}
      onClick={() => setIsAsked(true)}
    >
      <IconDots size={18} />
    </ActionIcon>
  );
}

function OpenedMenu({ preview, onShowQrCode }: PreviewMenuProps): ReactElement {
  const { setAccess, remove } = usePreviewActions();
  const reason = useReasonAgainst('previews:write');
  const clipboard = useClipboard();
  const isForbidden = reason !== undefined;
  return (
    <Menu position="bottom-end" width={240} defaultOpened>
      <Menu.Target>
        <ActionIcon aria-label={texts.previewMenu.actionsFor(preview.hostname)}>
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          component="a"
          href={preview.url}
          target="_blank"
          rel="noreferrer"
          leftSection={<IconExternalLink size={16} />}
        >
          {texts.previewMenu.open}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconCopy size={16} />}
          onClick={() => {
            clipboard.copy(preview.url);
            toastDone(texts.previewMenu.copiedLink);
          }}
        >
          {texts.previewMenu.copyLink}
        </Menu.Item>
        <Menu.Item
          component={Link}
          href={`/previews/${preview.id}/requests`}
          leftSection={<IconActivity size={16} />}
        >
          {texts.previewMenu.requests}
        </Menu.Item>
        <Menu.Item leftSection={<IconQrcode size={16} />} onClick={() => onShowQrCode(preview)}>
          {texts.previewMenu.qrCode}
        </Menu.Item>
        <Menu.Divider />
        {isForbidden && <Menu.Label>{reason}</Menu.Label>}
        <Menu.Item
          component={Link}
          href={`/previews/${preview.id}/edit`}
          leftSection={<IconPencil size={16} />}
          disabled={isForbidden}
        >
          {texts.previewMenu.edit}
        </Menu.Item>
        {preview.access === 'team' ? (
          <Menu.Item
            leftSection={<IconWorld size={16} />}
            disabled={isForbidden}
            onClick={() => void setAccess(preview, 'public')}
          >
            {texts.previewMenu.makePubliclyAccessible}
          </Menu.Item>
        ) : (
          <Menu.Item
            leftSection={<IconLock size={16} />}
            disabled={isForbidden}
            onClick={() => void setAccess(preview, 'team')}
          >
            {texts.previewMenu.requireAuthentication}
          </Menu.Item>
        )}
        <Menu.Item
          leftSection={<IconTrash size={16} />}
          color="red"
          disabled={isForbidden}
          onClick={() => void remove([preview])}
        >
          {texts.previewMenu.remove}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
