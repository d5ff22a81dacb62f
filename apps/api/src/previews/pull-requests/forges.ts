import type { ForgeSettings, Settings } from '@culvert/runtime';
import { bitbucket } from './bitbucket.js';
import type { Forge } from './forge.js';
import { gitea } from './gitea.js';
import { gitHub } from './github.js';
import { gitLab } from './gitlab.js';

const MAKERS: Readonly<Record<keyof Settings['pullRequests'], (apiUrl: string, token: string) => Forge>> = {
  github: gitHub,
  gitlab: gitLab,
  bitbucket,
  gitea,
};

/** Returns the forges for which this deployment has a token. */
export function forgesOf({ pullRequests }: Settings): Forge[] {
  return Object.entries(MAKERS).flatMap(([name, make]) => {
    const settings: ForgeSettings | null = pullRequests[name as keyof typeof MAKERS];
    return settings === null ? [] : [make(settings.apiUrl, settings.token)];
  });
}
