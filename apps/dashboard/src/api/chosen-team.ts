/**
 * The team that this tab acts for, remembered across visits. Null: the server chooses the team that was joined first.
 */
const KEY = 'culvert-team';

let chosen: string | null = read();
const listeners = new Set<() => void>();

export function chosenTeam(): string | null {
  return chosen;
}

export function chooseTeam(teamId: string | null): void {
  chosen = teamId;
  try {
    if (teamId === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, teamId);
  } catch {
    // Storage may be forbidden or full: the choice then lasts as long as the tab.
  }
  for (const listener of listeners) listener();
}

/** For `useSyncExternalStore`. */
export function onTeamChosen(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
