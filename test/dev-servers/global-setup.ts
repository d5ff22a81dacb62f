import type { TestProject } from 'vitest/node';
import { ensureChromium } from '../services/chromium.js';

/** Finds the browser. */
export async function setup(project: TestProject): Promise<void> {
  project.provide('chromiumPath', await ensureChromium());
}
