import { Modal, Stack, Text } from '@mantine/core';
import type { ReactElement } from 'react';
import { encode } from 'uqr';
import type { Preview } from '../../api/previews.js';
import { CopyButton } from '../../components/copy-button.js';
import { texts } from './texts.js';

/** QR code for opening a preview on a phone. Drawn as squares, without markup from elsewhere. */
export function QrDialog({ preview, onClose }: { preview: Preview; onClose: () => void }): ReactElement {
  const { data, size } = encode(preview.url, { border: 3 });
  const squares = data
    .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : '')))
    .join('');
  return (
    <Modal
      opened
      onClose={onClose}
      title={texts.qrDialog.title}
      closeButtonProps={{ 'aria-label': texts.qrDialog.close }}
    >
      <Stack align="center">
        <svg
          viewBox={`0 0 ${size} ${size}`}
          width={260}
          height={260}
          role="img"
          aria-label={texts.qrDialog.imageText(preview.url)}
          shapeRendering="crispEdges"
        >
          <rect width={size} height={size} fill="#fff" />
          <path d={squares} fill="#000" />
        </svg>
        <Text size="sm" ta="center">
          {preview.url}
        </Text>
        <CopyButton value={preview.url} label={texts.qrDialog.copyLink} />
      </Stack>
    </Modal>
  );
}
