/**
 * Opens a URL in the person's browser and does not wait for it. Returns false if this machine has no browser to open: the person
 * then has to open the URL elsewhere.
 */
export function openBrowser(address: string, env: NodeJS.ProcessEnv): boolean {
  if (!hasBrowser(env)) return false;
  // The person sees the result, and the URL is printed anyway.
  void import('open')
    .then(({ default: open }) => open(address))
    .then(
      (child) => child.on('error', () => {}),
      () => {},
    );
  return true;
}

/**
 * Reports whether this machine has a browser to open. A remote shell, or one without a display, has none that could reach
 * this machine's ports.
 */
export function hasBrowser(env: NodeJS.ProcessEnv): boolean {
  if (env['SSH_CONNECTION'] || env['CI']) return false;
  if (process.platform !== 'linux') return true;
  return Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY'] || env['WSL_DISTRO_NAME']);
}
