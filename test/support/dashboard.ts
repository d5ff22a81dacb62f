/** The dashboard of a real server in a real browser, as people use it: by what they read, click and type. */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { AxeResults } from 'axe-core';
import { launchBrowser } from './browser.js';
import { type Deployment, startDeployment } from './deployment.js';

export const OWNER = { email: 'owner@example.test', password: 'correct horse battery' };

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { width: 390, height: 844 };

export interface Dashboard {
  readonly deployment: Deployment;
  readonly url: string;
  /** A browser of its own, without anybody signed in. */
  newBrowser(): Promise<BrowserContext>;
  /** A page on which this person is signed in. */
  signIn(person?: { readonly email: string; readonly password: string }): Promise<Page>;
  stop(): Promise<void>;
}

/** @param chromiumPath `inject('chromiumPath')` */
export async function startDashboard(
  chromiumPath: string,
  env: Record<string, string> = {},
): Promise<Dashboard> {
  const deployment = await startDeployment({
    CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
    CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
    ...env,
  });
  const browser: Browser = await launchBrowser(chromiumPath);
  const url = `http://localhost:${deployment.port}`;
  const newBrowser = (): Promise<BrowserContext> =>
    browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  return {
    deployment,
    url,
    newBrowser,
    signIn: async (person = OWNER) => {
      const page = await (await newBrowser()).newPage();
      await page.goto(`${url}/sign-in`);
      await fillSignIn(page, person);
      await page.waitForURL(`${url}/`);
      return page;
    },
    stop: async () => {
      await browser.close();
      await deployment.stop();
    },
  };
}

/** On the page to sign in on. */
export async function fillSignIn(
  page: Page,
  { email, password }: { readonly email: string; readonly password: string },
): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** What the page breaks of the rules of its Content-Security-Policy, and errors nobody caught, from now on. */
export function watchForFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content[- ]Security[- ]Policy/i.test(message.text())) faults.push(message.text());
  });
  return faults;
}

/** Serious findings of axe-core on the page as it is, and whether it is wider than its window. */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const results = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** How far the page is wider than its window, in pixels. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - innerWidth');
}

/** Waits until nothing of the page is on its way any more. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' });
}

/** As this person would have it: light, dark, or on a phone. */
export async function lookAs(page: Page, look: 'light' | 'dark' | 'phone'): Promise<void> {
  await page.emulateMedia({ colorScheme: look === 'dark' ? 'dark' : 'light' });
  await page.setViewportSize(look === 'phone' ? PHONE : { width: 1280, height: 900 });
}
