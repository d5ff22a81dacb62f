import type { AxeResults } from 'axe-core';
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { AXE } from './axe.js';

/** The smallest phone that WCAG 2.2 requires (§1.4.10), and a desktop. */
const VIEWS = [
  { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { colorScheme: 'dark', viewport: { width: 320, height: 640 } },
] as const;

/** WCAG 2.2, levels A and AA. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface Axe {
  run(
    context: { readonly exclude: readonly string[] },
    options: object,
  ): Promise<Pick<AxeResults, 'violations'>>;
}

interface Window {
  readonly axe: Axe;
  readonly innerWidth: number;
  readonly document: {
    readonly documentElement: { readonly scrollWidth: number };
  };
}

/**
 * Fails with a list of axe's findings on the current page, light and wide, then dark and narrow; also fails if the page
 * scrolls sideways. What axe cannot decide is ignored.
 * @param exclude selectors of third-party content
 */
export async function expectAccessible(page: Page, exclude: readonly string[] = []): Promise<void> {
  const found: string[] = [];
  await page.evaluate(AXE);
  for (const { colorScheme, viewport } of VIEWS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    const at = `${colorScheme}, ${viewport.width} px`;
    const { violations, overflow } = await page.evaluate(
      async ([hidden, rules]) => {
        const window = globalThis as unknown as Window;
        const { violations: all } = await window.axe.run(
          { exclude: hidden },
          { runOnly: rules, resultTypes: ['violations'] },
        );
        return {
          violations: all,
          overflow: window.document.documentElement.scrollWidth - window.innerWidth,
        };
      },
      [exclude, RULES] as const,
    );
    for (const { id, impact, help, nodes } of violations) {
      for (const { target, failureSummary = '' } of nodes)
        found.push(`${at}: ${impact} ${id}: ${help} (${target.flat().join(' ')}) ${failureSummary}`);
    }
    if (overflow > 0) found.push(`${at}: ${overflow} px wider than the window`);
  }
  expect(found).toEqual([]);
}

/** Presses Tab until `target` has the focus, which must be visible; fails if it never gets it. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab');
    if (!(await isFocused(target))) continue;
    const outline = await target.evaluate(
      (node) =>
        (
          globalThis as unknown as { getComputedStyle(of: unknown): { outlineStyle: string } }
        ).getComputedStyle(node).outlineStyle,
    );
    expect(outline).not.toBe('none');
    return;
  }
  throw new Error(`the keyboard does not reach ${String(target)}`);
}

const isFocused = (target: Locator): Promise<boolean> =>
  target.evaluate((node) => (node as unknown as { matches(selector: string): boolean }).matches(':focus'));
