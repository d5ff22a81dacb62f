/**
 * Every page: its path, its name in the navigation, and the file that loads when a person opens it. The server knows
 * the first segments of the paths (`apps/api/src/http/dashboard/dashboard.controller.ts`).
 */
import { lazy, type ComponentType, type LazyExoticComponent } from 'react';
import type { Scope } from './api/me.js';
import {
  IconArrowsSplit2,
  IconHistory,
  IconHome,
  IconKey,
  IconPlugConnected,
  IconUser,
  IconUsers,
  IconWorldShare,
  type Icon,
} from './icons.js';
import { texts } from './shell/texts.js';

export interface Section {
  /** Path of its first page. */
  readonly path: string;
  readonly label: string;
  readonly icon: Icon;
  /** Key that is typed after `g`. */
  readonly shortcut: string;
  /** Scope that the section needs; without it the section is hidden. */
  readonly scope?: Scope;
}

export const SECTIONS: readonly Section[] = [
  { path: '/', label: texts.sections.start, icon: IconHome, shortcut: 's' },
  {
    path: '/previews',
    label: texts.sections.previews,
    icon: IconWorldShare,
    shortcut: 'p',
    scope: 'previews:read',
  },
  {
    path: '/connections',
    label: texts.sections.connections,
    icon: IconPlugConnected,
    shortcut: 'c',
    scope: 'sessions:read',
  },
  {
    path: '/intercepts',
    label: texts.sections.intercepts,
    icon: IconArrowsSplit2,
    shortcut: 'i',
    scope: 'intercepts:read',
  },
  { path: '/api-keys', label: texts.sections.apiKeys, icon: IconKey, shortcut: 'k', scope: 'keys:read' },
  { path: '/team', label: texts.sections.team, icon: IconUsers, shortcut: 't', scope: 'team:read' },
  {
    path: '/audit-log',
    label: texts.sections.auditLog,
    icon: IconHistory,
    shortcut: 'a',
    scope: 'audit:read',
  },
  { path: '/profile', label: texts.sections.profile, icon: IconUser, shortcut: 'u' },
];

type Page = ComponentType<{ params: Readonly<Record<string, string | undefined>> }>;

export interface PageRoute {
  /** Path with parameters that begin with a colon; the page gets them as `params`. */
  readonly path: string;
  readonly page: LazyExoticComponent<Page>;
  /** Fetches the file of the page and keeps it. */
  load(): Promise<Page>;
}

/** Routes. The first match is shown. */
export const ROUTES: readonly PageRoute[] = [
  route('/', async () => (await import('./pages/start/start-page.js')).StartPage),
  route('/previews', async () => (await import('./pages/previews/previews-page.js')).PreviewsPage),
  route(
    '/connections',
    async () => (await import('./pages/connections/connections-page.js')).ConnectionsPage,
  ),
  route(
    '/connections/:id',
    async () => (await import('./pages/connections/connection-page.js')).ConnectionPage,
  ),
  route('/intercepts', async () => (await import('./pages/intercepts/intercepts-page.js')).InterceptsPage),
  route('/api-keys', async () => (await import('./pages/api-keys/api-keys-page.js')).ApiKeysPage),
  route('/team', async () => (await import('./pages/team/team-page.js')).TeamPage),
  route(
    '/team/webhooks/:webhookId',
    async () => (await import('./pages/webhooks/webhook-page.js')).WebhookPage,
  ),
  route('/audit-log', async () => (await import('./pages/audit-log/audit-log-page.js')).AuditLogPage),
  route('/profile', async () => (await import('./pages/profile/profile-page.js')).ProfilePage),
  route(
    '/previews/new',
    async () => (await import('./pages/previews/create-preview-page.js')).CreatePreviewPage,
  ),
  route('/previews/:previewId', async () => (await import('./pages/previews/preview-page.js')).PreviewPage),
  route(
    '/previews/:previewId/requests',
    async () => (await import('./pages/inspector/inspector-page.js')).InspectorPage,
  ),
  route(
    '/previews/:previewId/edit',
    async () => (await import('./pages/previews/edit-preview-page.js')).EditPreviewPage,
  ),
];

function route(path: string, load: PageRoute['load']): PageRoute {
  return { path, load, page: lazy(async () => ({ default: await load() })) };
}
