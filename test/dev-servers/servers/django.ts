import { type DevServer, shows, WAIT_MS } from '../dev-server.js';

export const django: DevServer = {
  name: 'Django with its admin',
  packages: { pip: ['django~=5.2'] },
  files: {},
  prepare: [
    ['django-admin', 'startproject', 'site1', '.'],
    ['python', 'manage.py', 'migrate', '--verbosity', '0'],
    [
      'python',
      'manage.py',
      'createsuperuser',
      '--noinput',
      '--username',
      'ann',
      '--email',
      'ann@example.test',
    ],
  ],
  env: { DJANGO_SUPERUSER_PASSWORD: 'correct horse battery', PYTHONUNBUFFERED: '1' },
  command: (port) => ['python', 'manage.py', 'runserver', '--noreload', `127.0.0.1:${port}`],
  checks: {
    page: async ({ page, url }) => {
      await page.goto(`${url}/admin/`);
      await shows(page, 'Django administration');
    },
    signIn: async ({ page, url }) => {
      await page.getByLabel('Username').fill('ann');
      await page.getByLabel('Password').fill('correct horse battery');
      await page.getByRole('button', { name: 'Log in' }).click();
      await shows(page, 'Site administration');
      if (page.url() !== `${url}/admin/`) throw new Error(`the redirect led to ${page.url()}`);
    },
    form: async ({ page, url, token }) => {
      await page.goto(`${url}/admin/auth/group/add/`);
      await page.locator('#id_name').fill(token, { timeout: WAIT_MS });
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await shows(page, 'was added successfully');
    },
  },
};
