import type { DevServer } from '../dev-server.js';
import { django } from './django.js';
import { express } from './express.js';
import { flask } from './flask.js';
import { jupyter } from './jupyter.js';
import { next } from './next.js';
import { socketIo } from './socket-io.js';
import { storybook, storybookWithPort } from './storybook.js';
import { streamlit } from './streamlit.js';
import { sveltekit } from './sveltekit.js';
import { vite } from './vite.js';
import { webpack, webpackWithPort } from './webpack.js';

/** The servers of the suite, in the order of the table. */
export const DEV_SERVERS: readonly DevServer[] = [
  vite,
  sveltekit,
  next,
  storybook,
  storybookWithPort,
  webpack,
  webpackWithPort,
  socketIo,
  express,
  django,
  flask,
  streamlit,
  jupyter,
];
