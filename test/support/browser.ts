import { type Browser, chromium } from 'playwright-core';

/**
 * Debian's Chromium, as root and without a network: it must not look for updates or other hosts.
 * @param executablePath `inject('chromiumPath')`
 */
export function launchBrowser(executablePath: string, extraArgs: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...extraArgs,
    ],
  });
}
