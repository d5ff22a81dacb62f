/**
 * Every page: where it is, what the navigation calls it, and the file that is loaded when somebody goes there. The server
 * knows the first segments of the paths (`apps/api/src/dashboard/dashboard.controller.ts`).
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

export interface Section {
  /** Of its first page. */
  readonly path: string;
  readonly label: string;
  readonly icon: Icon;
  /** Typed after `g`. */
  readonly shortcut: string;
  /** Without it the section is not offered. */
  readonly scope?: Scope;
}

export const SECTIONS: readonly Section[] = [
  { path: '/', label: 'Start', icon: IconHome, shortcut: 's' },
  { path: '/previews', label: 'Previews', icon: IconWorldShare, shortcut: 'p', scope: 'previews:read' },
  {
    path: '/connections',
    label: 'Connections',
    icon: IconPlugConnected,
    shortcut: 'c',
    scope: 'sessions:read',
  },
  {
    path: '/intercepts',
    label: 'Intercepts',
    icon: IconArrowsSplit2,
    shortcut: 'i',
    scope: 'intercepts:read',
  },
  { path: '/api-keys', label: 'API keys', icon: IconKey, shortcut: 'k', scope: 'keys:read' },
  { path: '/team', label: 'Team', icon: IconUsers, shortcut: 't', scope: 'team:read' },
  { path: '/audit-log', label: 'Audit log', icon: IconHistory, shortcut: 'a', scope: 'audit:read' },
  { path: '/profile', label: 'Profile', icon: IconUser, shortcut: 'u' },
];

export interface PageRoute {
  /** Parameters begin with a colon; the page is given them as `params`. */
  readonly path: string;
  readonly page: LazyExoticComponent<ComponentType<{ params: Readonly<Record<string, string | undefined>> }>>;
}

/** The first that matches is shown. */
export const ROUTES: readonly PageRoute[] = [
  {
    path: '/',
    page: lazy(async () => ({ default: (await import('./pages/start/start-page.js')).StartPage })),
  },
  {
    path: '/previews',
    page: lazy(async () => ({ default: (await import('./pages/previews/previews-page.js')).PreviewsPage })),
  },
  {
    path: '/connections',
    page: lazy(async () => ({
      default: (await import('./pages/connections/connections-page.js')).ConnectionsPage,
    })),
  },
  {
    path: '/connections/:id',
    page: lazy(async () => ({
      default: (await import('./pages/connections/connection-page.js')).ConnectionPage,
    })),
  },
  {
    path: '/intercepts',
    page: lazy(async () => ({
      default: (await import('./pages/intercepts/intercepts-page.js')).InterceptsPage,
    })),
  },
  {
    path: '/api-keys',
    page: lazy(async () => ({ default: (await import('./pages/api-keys/api-keys-page.js')).ApiKeysPage })),
  },
  {
    path: '/team',
    page: lazy(async () => ({ default: (await import('./pages/team/team-page.js')).TeamPage })),
  },
  {
    path: '/audit-log',
    page: lazy(async () => ({ default: (await import('./pages/audit-log/audit-log-page.js')).AuditLogPage })),
  },
  {
    path: '/profile',
    page: lazy(async () => ({ default: (await import('./pages/profile/profile-page.js')).ProfilePage })),
  },
  {
    path: '/previews/new',
    page: lazy(async () => ({
      default: (await import('./pages/previews/create-preview-page.js')).CreatePreviewPage,
    })),
  },
  {
    path: '/previews/:previewId',
    page: lazy(async () => ({ default: (await import('./pages/previews/preview-page.js')).PreviewPage })),
  },
  {
    path: '/previews/:previewId/requests',
    page: lazy(async () => ({
      default: (await import('./pages/inspector/inspector-page.js')).InspectorPage,
    })),
  },
  {
    path: '/previews/:previewId/edit',
    page: lazy(async () => ({
      default: (await import('./pages/previews/edit-preview-page.js')).EditPreviewPage,
    })),
  },
];
