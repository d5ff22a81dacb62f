import { describe, expect, it } from 'vitest';
import { isLoopback, readServerUrl } from './server-url.js';

describe('the URL of Culvert', () => {
  it.each([
    ['https://Culvert.Example.com/', 'https://culvert.example.com'],
    ['culvert.example.com', 'https://culvert.example.com'],
    ['culvert.example.com:8443', 'https://culvert.example.com:8443'],
    ['localhost:8080', 'http://localhost:8080'],
    ['app.localhost', 'http://app.localhost'],
    ['127.0.0.1:80', 'http://127.0.0.1'],
    ['https://localhost', 'https://localhost'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
    ['https://example.com/culvert/', 'https://example.com/culvert'],
  ])('normalizes %s to %s', (text, url) => {
    expect(readServerUrl(text, '--url')).toBe(url);
  });

  it.each(['', 'ftp://a.example', 'https://', 'https://ann:secret@a.example', 'https://a.example?x', 'a b'])(
    'refuses "%s"',
    (text) => {
      expect(() => readServerUrl(text, 'CULVERT_URL')).toThrow('CULVERT_URL must be the URL of Culvert');
    },
  );

  it('counts as local only under names that cannot be elsewhere', () => {
    const isOn = (url: string) => isLoopback(new URL(url));
    for (const url of ['http://localhost', 'http://a.localhost', 'http://127.9.9.9', 'http://[::1]'])
      expect([url, isOn(url)]).toEqual([url, true]);
    for (const url of ['http://localhost.example', 'http://127.0.0.1.example', 'http://10.0.0.1'])
      expect([url, isOn(url)]).toEqual([url, false]);
  });
});
