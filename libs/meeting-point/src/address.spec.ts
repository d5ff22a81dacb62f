import { describe, expect, it } from 'vitest';
import { defaultMeetingPoint, meetingPointUrl } from './address.js';

describe('the URL of a traffic manager', () => {
  it.each([
    ['http://traffic-manager.tools:8085', 'http://traffic-manager.tools:8085/'],
    ['https://m', 'https://m/'],
    ['ws://m:8085', 'http://m:8085/'],
    ['wss://m:443/below', 'https://m/below'],
  ])('is read from %s', (text, href) => {
    expect(meetingPointUrl(text)?.href).toBe(href);
  });

  it.each(['', 'm:8085', 'ftp://m', 'http://', 'http://user:word@m', 'http://m?a=b', 'https://m#a'])(
    'is not "%s"',
    (text) => {
      expect(meetingPointUrl(text)).toBeNull();
    },
  );

  it("defaults to the Helm chart's", () => {
    expect(defaultMeetingPoint({ namespace: '', isTls: false })).toBe(
      'http://traffic-manager.ambassador:8085',
    );
    expect(defaultMeetingPoint({ namespace: 'tools', isTls: true })).toBe(
      'https://traffic-manager.tools:8085',
    );
  });
});
