/** The table of what works: printed by the suite, and part of docs/dev-servers.md. */
import type { CheckName, DevServer } from './dev-server.js';

const COLUMNS: readonly (readonly [CheckName, string])[] = [
  ['page', 'page'],
  ['signIn', 'sign-in'],
  ['socket', 'socket'],
  ['edit', 'edit and see'],
  ['form', 'form'],
];

/** What the suite found for each server: the checks that worked through every URL. */
export class Results {
  private readonly worked = new Map<DevServer, Set<CheckName>>();

  /** Adds the checks that worked through one URL. */
  add(server: DevServer, checks: ReadonlySet<CheckName>): void {
    const before = this.worked.get(server);
    this.worked.set(
      server,
      new Set([...checks].filter((check) => before === undefined || before.has(check))),
    );
  }

  has(server: DevServer): boolean {
    return this.worked.has(server);
  }

  /** Returns the table in Markdown. */
  table(servers: readonly DevServer[]): string {
    const head = ['server', ...COLUMNS.map(([, title]) => title), 'what to set'];
    const rows = servers.filter((server) => this.has(server)).map((server) => this.row(server));
    return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  }

  private row(server: DevServer): string[] {
    const cells = COLUMNS.map(([check]) => {
      if (server.checks[check] === undefined) return '–';
      if (this.worked.get(server)?.has(check) === true) return 'works';
      return server.needs?.checks.includes(check) === true ? 'after the setting' : 'fails';
    });
    return [server.name, ...cells, server.needs?.setting ?? 'nothing'];
  }
}
