/** A real development server of the suite: what it needs, its files, and what a visitor does with it. */
import type { Page } from 'playwright-core';

/** The ways in which the suite uses a server. Absent: the server has nothing of the kind. */
export const CHECKS = ['page', 'socket', 'edit', 'form', 'signIn'] as const;
export type CheckName = (typeof CHECKS)[number];

/** A visit through one preview URL. */
export interface Visit {
  readonly page: Page;
  /** The preview URL, without a slash at the end. */
  readonly url: string;
  /** Changes a file of the server, as an editor does. The check `edit` begins when a WebSocket of the page is in use. */
  readonly edit: (file: string, change: (text: string) => string) => void;
  /** A text that no other visit uses. */
  readonly token: string;
}

export type Check = (visit: Visit) => Promise<void>;

export interface DevServer {
  /** Name in the table. */
  readonly name: string;
  /** Its packages: of npm, with version ranges, or of PyPI, as pip reads them. */
  readonly packages: { readonly npm: Readonly<Record<string, string>> } | { readonly pip: readonly string[] };
  /** Files of a fresh folder, by their paths. */
  readonly files: Readonly<Record<string, string>>;
  /** Commands that prepare the folder. Programs are those of the packages. */
  readonly prepare?: readonly (readonly string[])[];
  /** The command that serves the folder at this port of 127.0.0.1. */
  readonly command: (port: number) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Path that answers with a status below 500 once the server is ready. */
  readonly readyPath?: string;
  /** Matches the URL of the WebSocket by which a page learns of edits. Absent: the page has one WebSocket. */
  readonly editSocket?: RegExp;
  readonly checks: Readonly<Partial<Record<CheckName, Check>>>;
  /** Checks that fail without a setting of the server, and what `culvert expose` prints about it. */
  readonly needs?: {
    readonly checks: readonly CheckName[];
    readonly setting: string;
    readonly advice?: RegExp;
  };
}

/** Resolves once the page shows the text. */
export async function shows(page: Page, text: string): Promise<void> {
  await page.getByText(text).first().waitFor({ timeout: WAIT_MS });
}

/** Time for one step of a check. The first request compiles a page. */
export const WAIT_MS = 60_000;
