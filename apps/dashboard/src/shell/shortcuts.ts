import { useEffect, useRef } from 'react';
import { SECTIONS } from '../routes.js';
import { areShortcutsOn } from './shortcuts-setting.js';

/** Milliseconds within which the second key of `g p` must follow. */
const SEQUENCE_MS = 1200;

interface Actions {
  readonly navigate: (path: string) => void;
  readonly openPalette: () => void;
  readonly openHelp: () => void;
}

/**
 * Keyboard shortcuts of the whole dashboard: Ctrl or ⌘ and K, `/`, `?`, and `g` followed by the key of a section.
 * Single keys do nothing while a person types, while a dialog is open, or if they are turned off (WCAG 2.2, 2.1.4).
 */
export function useShortcuts(actions: Actions): void {
  const current = useRef(actions);
  useEffect(() => {
    current.current = actions;
  });
  useEffect(() => {
    let goUntil = 0;
    const onKey = (event: KeyboardEvent): void => {
      const key = event.key.toLowerCase();
      if ((event.ctrlKey || event.metaKey) && key === 'k') {
        event.preventDefault();
        current.current.openPalette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !areShortcutsOn())
        return;
      if (document.querySelector('[role=dialog]') !== null) return;
      if (event.timeStamp < goUntil) {
        goUntil = 0;
        const section = SECTIONS.find(({ shortcut }) => shortcut === key);
        if (section !== undefined) current.current.navigate(section.path);
      } else if (key === 'g') {
        goUntil = event.timeStamp + SEQUENCE_MS;
      } else if (key === '/') {
        focusSearch(event);
      } else if (key === '?') {
        current.current.openHelp();
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

/** Focuses the search field of the page, which is marked with `data-search`. */
function focusSearch(event: KeyboardEvent): void {
  const search = document.querySelector<HTMLInputElement>('[data-search]');
  if (search === null) return;
  event.preventDefault();
  search.focus();
  search.select();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select'))
  );
}
