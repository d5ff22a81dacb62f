import { MAX_SHARE_LINK_VISITS_PER_NETWORK, VISIT_LIMITS } from '@culvert/domain';
import { beforeEach, describe, expect, it } from 'vitest';
import { ShareLinkRate } from './share-link-rate.js';

describe(ShareLinkRate.name, () => {
  let now: number;
  let rate: ShareLinkRate;
  const fill = (link: string, address: string) => {
    for (let i = 0; i < MAX_SHARE_LINK_VISITS_PER_NETWORK; i++) rate.consume(link, address);
  };

  beforeEach(() => {
    now = 5000;
    rate = new ShareLinkRate(() => now);
  });

  it('refuses visits of one network beyond the limit until the hour is over', () => {
    fill('link', '192.0.2.1');
    expect(rate.consume('link', '192.0.2.1')).toBe(3600);
    now += 3_599_001;
    expect(rate.consume('link', '192.0.2.1')).toBe(1);
    now += 999;
    expect(rate.consume('link', '192.0.2.1')).toBe(0);
  });

  it('counts each link and each network separately', () => {
    fill('link', '2001:db8::1');
    expect(rate.consume('link', '2001:db8::2')).toBeGreaterThan(0);
    expect(rate.consume('link', '2001:db8:0:1::1')).toBe(0);
    expect(rate.consume('other', '2001:db8::1')).toBe(0);
  });

  it('does not let one network use up a link in a day, the lifetime of visits', () => {
    expect(24 * MAX_SHARE_LINK_VISITS_PER_NETWORK).toBeLessThan(VISIT_LIMITS.perShareLink);
    expect(VISIT_LIMITS.perShareLink).toBeLessThan(VISIT_LIMITS.byShareLinks);
  });
});
