import { type DevServer, shows } from '../dev-server.js';

const PAGE = `<script>let { form } = $props();</script>
<h1>marker-1</h1><p>hello {form?.name ?? 'no one'}</p>
<form method="POST"><input name="name" aria-label="name" /><button>Greet</button></form>
`;

export const sveltekit: DevServer = {
  name: 'SvelteKit',
  packages: {
    npm: {
      '@sveltejs/kit': '^2.70.4',
      '@sveltejs/vite-plugin-svelte': '^6.0.0',
      svelte: '^5.57.3',
      vite: '^7.0.0',
    },
  },
  files: {
    'package.json': JSON.stringify({ private: true, type: 'module' }),
    'svelte.config.js': 'export default {};\n',
    'vite.config.js':
      "import { sveltekit } from '@sveltejs/kit/vite';\nexport default { plugins: [sveltekit()], server: { strictPort: true } };\n",
    'src/app.html':
      '<!doctype html><html lang="en"><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>',
    'src/routes/+page.svelte': PAGE,
    'src/routes/+page.server.js':
      "export const actions = { default: async ({ request }) => ({ name: (await request.formData()).get('name') }) };\n",
  },
  command: (port) => ['vite', 'dev', '--host', '127.0.0.1', '--port', String(port)],
  checks: {
    page: async ({ page, url }) => {
      await page.goto(url);
      await shows(page, 'marker');
    },
    edit: async ({ page, edit, token }) => {
      edit('src/routes/+page.svelte', (text) => text.replace(/marker-\w+/, `marker-${token}`));
      await shows(page, `marker-${token}`);
    },
    // Refused by SvelteKit if Origin is not its own.
    form: async ({ page, token }) => {
      await page.getByLabel('name').fill(token);
      await page.getByRole('button', { name: 'Greet' }).click();
      await shows(page, `hello ${token}`);
    },
  },
};
