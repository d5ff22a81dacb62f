import { type DevServer, shows } from '../dev-server.js';

const config = (devServer: string): string => `
import HtmlPlugin from 'html-webpack-plugin';
export default { mode: 'development', entry: './main.js', plugins: [new HtmlPlugin()], devServer: ${devServer} };
`;

const plain: Omit<DevServer, 'name' | 'needs'> = {
  packages: {
    npm: {
      webpack: '^5.113.0',
      'webpack-cli': '^7.0.0',
      'webpack-dev-server': '^5.2.7',
      'html-webpack-plugin': '^5.6.8',
    },
  },
  files: {
    'package.json': JSON.stringify({ private: true, type: 'module' }),
    'webpack.config.js': config('{}'),
    'main.js': "document.body.append('marker-1');\n",
  },
  command: (port) => ['webpack', 'serve', '--host', '127.0.0.1', '--port', String(port)],
  checks: {
    page: async ({ page, url }) => {
      await page.goto(url);
      await shows(page, 'marker');
    },
    edit: async ({ page, edit, token }) => {
      edit('main.js', (text) => text.replace(/marker-\w+/, `marker-${token}`));
      await shows(page, `marker-${token}`);
    },
  },
};

export const webpack: DevServer = {
  ...plain,
  name: 'webpack-dev-server',
  needs: {
    checks: ['edit'],
    setting: '`webSocketURL`, [see below](#scripts-that-dial-their-own-port)',
    advice: /webSocketURL: 'auto:\/\/0\.0\.0\.0:0\/ws'/,
  },
};

export const webpackWithPort: DevServer = {
  ...plain,
  name: 'webpack-dev-server with `webSocketURL`',
  files: {
    ...plain.files,
    'webpack.config.js': config("{ client: { webSocketURL: 'auto://0.0.0.0:0/ws' } }"),
  },
};
