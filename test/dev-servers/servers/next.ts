import { type DevServer, shows } from '../dev-server.js';

const PAGE = `
import { cookies } from 'next/headers';
async function greet(form) {
  'use server';
  (await cookies()).set('name', String(form.get('name')));
}
export default async function Page() {
  const name = (await cookies()).get('name')?.value ?? 'no one';
  return <><h1>marker-1</h1><p>hello {name}</p><form action={greet}><input name="name" aria-label="name" /><button>Greet</button></form></>;
}
`;

export const next: DevServer = {
  name: 'Next.js',
  packages: { npm: { next: '^16.4.6', react: '^19.0.0', 'react-dom': '^19.0.0' } },
  files: {
    'package.json': JSON.stringify({ private: true, type: 'module' }),
    'next.config.js': 'export default {};\n',
    'app/layout.jsx':
      'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }\n',
    'app/page.jsx': PAGE,
  },
  env: { NEXT_TELEMETRY_DISABLED: '1' },
  command: (port) => ['next', 'dev', '--hostname', '127.0.0.1', '--port', String(port)],
  checks: {
    page: async ({ page, url }) => {
      await page.goto(url);
      await shows(page, 'marker');
    },
    edit: async ({ page, edit, token }) => {
      edit('app/page.jsx', (text) => text.replace(/marker-\w+/, `marker-${token}`));
      await shows(page, `marker-${token}`);
    },
    // A server action.
    form: async ({ page, url, token }) => {
      await page.goto(url);
      await page.getByLabel('name').fill(token);
      await page.getByRole('button', { name: 'Greet' }).click();
      await shows(page, `hello ${token}`);
    },
  },
};
