import { type RequestBudget, RequestBudgets } from './request-budget.js';
import type { Route } from './route.js';
import { RouteTraffic } from './route-traffic.js';

/** The previews in use and their traffic, collected until the edge takes them. */
export class RouteUse {
  /** The budgets of teams. */
  readonly budgets: RequestBudgets;
  /** Routes of previews used since the last drain; bounded by the number of routes. */
  private readonly used = new Set<Route>();
  /** Traffic of routes that are no longer in `used`. */
  private leftTraffic: RouteTraffic[] = [];

  /** @param requestsPerMinute requests a minute of all previews of one team together; 0: no limit */
  constructor(requestsPerMinute: number) {
    this.budgets = new RequestBudgets(requestsPerMinute);
  }

  /** Notes that a route is used, and returns the budget of its team; null for a route that is not a preview's. */
  note(route: Route, now: number): RequestBudget | null {
    if (route.kind !== 'preview') return null;
    this.used.add(route);
    return (route.budget = this.budgets.hold(route.teamId, now));
  }

  /** Returns the ids of the previews that had an exchange since the last call, or have one still. */
  drainPreviews(): string[] {
    const ids: string[] = [];
    for (const route of this.used) {
      ids.push(route.id);
      if (route.active > 0) continue;
      route.budget!.holders--;
      route.budget = null;
      this.used.delete(route);
      if (!route.traffic.isEmpty) this.leftTraffic.push(drainTraffic(route));
    }
    return ids;
  }

  /** Returns the traffic of previews since the last call; a preview may have several entries. */
  drainTraffic(): RouteTraffic[] {
    const taken = this.leftTraffic;
    this.leftTraffic = [];
    for (const route of this.used) if (!route.traffic.isEmpty) taken.push(drainTraffic(route));
    return taken;
  }

  /** Returns how many requests the previews of each team had forwarded since the last call. */
  drainRequestCounts(now: number): Map<string, number> {
    return this.budgets.drainCounts(now);
  }
}

function drainTraffic(route: Route): RouteTraffic {
  const { traffic } = route;
  route.traffic = new RouteTraffic(route.teamId, route.id);
  return traffic;
}
