import type { Page } from 'playwright-core';
import { type DevServer, WAIT_MS } from '../dev-server.js';

const plain: Omit<DevServer, 'name' | 'needs'> = {
  packages: {
    npm: {
      storybook: '^10.6.7',
      '@storybook/react-vite': '^10.6.7',
      vite: '^7.0.0',
      react: '^19.0.0',
      'react-dom': '^19.0.0',
    },
  },
  files: {
    'package.json': JSON.stringify({ private: true, type: 'module', devDependencies: { storybook: '*' } }),
    '.storybook/main.js':
      "export default { framework: '@storybook/react-vite', stories: ['../*.stories.jsx'], core: { disableTelemetry: true } };\n",
    'button.stories.jsx':
      "import React from 'react';\nexport default { title: 'Button', component: () => <b>marker-1</b> };\nexport const Plain = { render: () => <b>marker-1</b> };\n",
  },
  command: (port) => ['storybook', 'dev', '--ci', '--host', '127.0.0.1', '--port', String(port)],
  editSocket: /\/\?token=/,
  checks: {
    page: async ({ page, url }) => {
      await page.goto(`${url}/?path=/story/button--plain`);
      await storyShows(page, 'marker');
    },
    edit: async ({ page, edit, token }) => {
      edit('button.stories.jsx', (text) => text.replaceAll(/marker-\w+/g, `marker-${token}`));
      await storyShows(page, `marker-${token}`);
    },
  },
};

/** Its script for edits dials the server's own port, like that of webpack-dev-server. */
export const storybook: DevServer = {
  ...plain,
  name: 'Storybook (Vite)',
  needs: { checks: ['edit'], setting: '`viteFinal`, [see below](#scripts-that-dial-their-own-port)' },
};

export const storybookWithPort: DevServer = {
  ...plain,
  name: 'Storybook (Vite) with `viteFinal`',
  files: {
    ...plain.files,
    '.storybook/main.js':
      "export default { framework: '@storybook/react-vite', stories: ['../*.stories.jsx'], core: { disableTelemetry: true }, " +
      'viteFinal: (config) => { delete config.server.hmr.port; return config; } };\n',
  },
};

async function storyShows(page: Page, text: string): Promise<void> {
  await page.frameLocator('#storybook-preview-iframe').getByText(text).first().waitFor({ timeout: WAIT_MS });
}
