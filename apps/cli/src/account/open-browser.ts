/**
 * Has the person's browser open an address, and does not wait for it. False when there is none to be expected: then the
 * person has to open it somewhere.
 */
export function openBrowser(address: string, env: NodeJS.ProcessEnv): boolean {
  if (!hasBrowser(env)) return false;
  // What comes of it is seen by the person; the address is printed anyway.
  void import('open')
    .then(({ default: open }) => open(address))
    .then(
      (child) => child.on('error', () => {}),
      () => {},
    );
  return true;
}

/** A shell on another machine, or one without a display, has no browser that could reach this machine's ports. */
function hasBrowser(env: NodeJS.ProcessEnv): boolean {
  if (env['SSH_CONNECTION'] || env['CI']) return false;
  if (process.platform !== 'linux') return true;
  return Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY'] || env['WSL_DISTRO_NAME']);
}
