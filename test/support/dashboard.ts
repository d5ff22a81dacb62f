/** The dashboard of a real server in a real browser, used like a person: by reading, clicking and typing. */
import type { BrowserContext, Page } from 'playwright-core';
import type { AxeResults, RunOptions } from 'axe-core';
import { AXE } from './axe.js';
import { launchBrowser } from './browser.js';
import { type Deployment, startDeployment } from './deployment.js';

export const OWNER = { email: 'owner@example.test', password: 'correct horse battery' };

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const LOOKS = ['light', 'dark', 'phone'] as const;
/** Rules of axe-core that a theme can break, since it changes only colors. */
const RULES_ON_COLORS: string[] = ['color-contrast', 'link-in-text-block'];

interface Box {
  readonly scrollWidth: number;
  readonly clientWidth: number;
  readonly textContent: string;
}

/** The parts of `page` that are used here. */
interface Window {
  readonly axe: { run(options: RunOptions): Promise<AxeResults> };
  readonly innerWidth: number;
  readonly document: {
    readonly documentElement: Box;
    querySelectorAll(selector: string): Iterable<Box>;
  };
  getComputedStyle(box: Box): { readonly overflowX: string; readonly textOverflow: string };
  requestAnimationFrame(callback: () => void): void;
}

export interface Dashboard {
  readonly deployment: Deployment;
  readonly url: string;
  /** Opens a new browser, with no one signed in, of a person who prefers reduced motion. */
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
  const [deployment, browser] = await Promise.all([
    startDeployment({
      CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
      CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
      ...env,
    }),
    launchBrowser(chromiumPath),
  ]);
  const url = `http://localhost:${deployment.port}`;
  const newBrowser = (): Promise<BrowserContext> =>
    browser.newContext({ viewport: DESKTOP, acceptDownloads: true, reducedMotion: 'reduce' });
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

/** Fills in the sign-in page, which must be open. */
export async function fillSignIn(
  page: Page,
  { email, password }: { readonly email: string; readonly password: string },
): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Collects violations of the page's Content-Security-Policy, and uncaught errors, from now on. */
export function watchForFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content[- ]Security[- ]Policy/i.test(message.text())) faults.push(message.text());
  });
  return faults;
}

/**
 * Returns serious findings of axe-core on the current page, how far it is wider than its window, and which buttons are too
 * narrow for their text: in light, in dark, and on a phone. Leaves it in light.
 */
export async function findBarriers(page: Page): Promise<string[]> {
  const found: string[] = [];
  if (!(await page.evaluate<boolean>("'axe' in globalThis"))) await page.evaluate(AXE);
  for (const look of LOOKS) {
    await lookAs(page, look);
    for (const barrier of await barriersNow(page, look === 'dark' ? RULES_ON_COLORS : []))
      found.push(`${look}: ${barrier}`);
  }
  await lookAs(page, 'light');
  return found;
}

/** @param rules all those of axe-core if empty */
async function barriersNow(page: Page, rules: string[]): Promise<string[]> {
  const { violations, overflow, cut } = await page.evaluate(async (only) => {
    const window = globalThis as unknown as Window;
    // Changes that a theme or a width makes by script are complete after two frames.
    for (let frame = 0; frame < 2; frame++)
      await new Promise<void>((resolve) => window.requestAnimationFrame(() => resolve()));
    const { violations: all } = await window.axe.run({
      resultTypes: ['violations'],
      ...(only.length === 0 ? {} : { runOnly: only }),
    });
    return {
      violations: all,
      overflow: window.document.documentElement.scrollWidth - window.innerWidth,
      cut: Array.from(window.document.querySelectorAll('button, button *'))
        .filter((box) => {
          const { overflowX, textOverflow } = window.getComputedStyle(box);
          // Elements of one pixel are for screen readers.
          const isCut = box.clientWidth > 1 && box.scrollWidth > box.clientWidth;
          return isCut && overflowX === 'hidden' && textOverflow !== 'ellipsis';
        })
        .map(({ textContent }) => textContent),
    };
  }, rules);
  return [
    ...violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
    ...cut.map((label) => `${label} is cut off`),
    ...(overflow > 0 ? [`${overflow} pixels too wide`] : []),
  ];
}

/** Waits until no part of the page is moving. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' });
}

/** Sets the person's preference: light, dark, or a phone. */
export async function lookAs(page: Page, look: (typeof LOOKS)[number]): Promise<void> {
  await page.emulateMedia({ colorScheme: look === 'dark' ? 'dark' : 'light' });
  await page.setViewportSize(look === 'phone' ? PHONE : DESKTOP);
}
