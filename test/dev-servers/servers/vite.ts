import { type DevServer, shows, WAIT_MS } from '../dev-server.js';

const APP = `
import { useState } from 'react';
export function App() {
  const [name, setName] = useState('');
  return <><h1>marker-1</h1><input aria-label="name" value={name} onChange={(event) => setName(event.target.value)} /></>;
}
`;

/** Keeps what was typed: a reload would lose it. */
export const vite: DevServer = {
  name: 'Vite (React)',
  packages: {
    npm: { vite: '^8.3.8', '@vitejs/plugin-react': '^6.0.0', react: '^19.0.0', 'react-dom': '^19.0.0' },
  },
  files: {
    'package.json': JSON.stringify({ private: true, type: 'module' }),
    'index.html': '<!doctype html><div id="root"></div><script type="module" src="/main.jsx"></script>',
    'main.jsx':
      "import { createRoot } from 'react-dom/client';\nimport { App } from './app.jsx';\ncreateRoot(document.getElementById('root')).render(<App />);\n",
    'app.jsx': APP,
    'vite.config.js':
      "import react from '@vitejs/plugin-react';\nexport default { plugins: [react()], server: { strictPort: true } };\n",
  },
  command: (port) => ['vite', '--host', '127.0.0.1', '--port', String(port)],
  checks: {
    page: async ({ page, url }) => {
      await page.goto(url);
      await shows(page, 'marker');
    },
    edit: async ({ page, edit, token }) => {
      await page.getByLabel('name').fill('kept');
      edit('app.jsx', (text) => text.replace(/marker-\w+/, `marker-${token}`));
      await shows(page, `marker-${token}`);
      if ((await page.getByLabel('name').inputValue({ timeout: WAIT_MS })) !== 'kept')
        throw new Error('the page was reloaded');
    },
  },
};
