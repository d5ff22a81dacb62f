import { type DevServer, shows, WAIT_MS } from '../dev-server.js';

const NOTEBOOK = JSON.stringify({
  cells: [
    {
      cell_type: 'code',
      id: 'a',
      metadata: {},
      execution_count: null,
      outputs: [],
      source: ["print('kernel says', 6 * 7)"],
    },
  ],
  metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
  nbformat: 4,
  nbformat_minor: 5,
});

export const jupyter: DevServer = {
  name: 'JupyterLab with a kernel',
  packages: { pip: ['jupyterlab~=4.5', 'ipykernel~=7.0'] },
  files: { 'a.ipynb': NOTEBOOK },
  env: { JUPYTER_TOKEN: 'sesame' },
  command: (port) => ['jupyter-lab', '--no-browser', '--allow-root', '--ip=127.0.0.1', `--port=${port}`],
  checks: {
    page: async ({ page, url }) => {
      await page.goto(`${url}/lab`);
      await page.locator('#password_input').waitFor({ timeout: WAIT_MS });
    },
    signIn: async ({ page }) => {
      await page.locator('#password_input').fill('sesame');
      await page.locator('#login_submit').click();
      await page.locator('#jp-main-dock-panel').waitFor({ timeout: WAIT_MS });
    },
    socket: async ({ page, url }) => {
      await page.goto(`${url}/lab/tree/a.ipynb`);
      await page.locator('.jp-CodeCell .cm-content').first().click({ timeout: WAIT_MS });
      await page.keyboard.press('Shift+Enter');
      await shows(page, 'kernel says 42');
    },
  },
};
