import { type DevServer, shows, WAIT_MS } from '../dev-server.js';

const APP = `
import streamlit as st
st.title('marker-1')
name = st.text_input('name')
st.write('hello ' + (name or 'no one'))
file = st.file_uploader('file')
if file is not None:
    st.write('received ' + file.read().decode())
`;

export const streamlit: DevServer = {
  name: 'Streamlit',
  packages: { pip: ['streamlit~=1.50'] },
  files: { 'app.py': APP, '.streamlit/credentials.toml': '[general]\nemail = ""\n' },
  command: (port) => [
    'streamlit',
    'run',
    'app.py',
    '--server.address=127.0.0.1',
    `--server.port=${port}`,
    '--server.headless=true',
    '--server.runOnSave=true',
    '--browser.gatherUsageStats=false',
  ],
  checks: {
    page: async ({ page, url }) => {
      await page.goto(url);
      await shows(page, 'marker');
    },
    socket: async ({ page, token }) => {
      await page.getByLabel('name').fill(token, { timeout: WAIT_MS });
      await page.getByLabel('name').press('Enter');
      await shows(page, `hello ${token}`);
    },
    edit: async ({ page, edit, token }) => {
      edit('app.py', (text) => text.replace(/marker-\w+/, `marker-${token}`));
      await shows(page, `marker-${token}`);
    },
    // An upload, which has a token against cross-site requests.
    form: async ({ page, token }) => {
      const buffer = Buffer.from(token);
      await page
        .locator('input[type=file]')
        .setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer }, { timeout: WAIT_MS });
      await shows(page, `received ${token}`);
    },
  },
};
