import { describe, expect, it } from 'vitest';
import { generatePreviewLabel } from './hostname.js';

describe('generatePreviewLabel', () => {
  const labels = Array.from({ length: 5000 }, generatePreviewLabel);

  it('is two words and 14 characters of lower-case base 32 without i, l, o and u', () => {
    for (const label of labels) expect(label).toMatch(/^[a-z]+-[a-z]+-[0-9a-hjkmnp-tv-z]{14}$/);
  });

  it('is a DNS label', () => {
    for (const label of labels) {
      // RFC 1035 §2.3.4: at most 63 octets. RFC 5891 §4.2.3.1: "--" in third place is for encoded names.
      expect(label.length).toBeLessThanOrEqual(63);
      expect(label).not.toMatch(/^-|-$|^..--/);
    }
  });

  it('differs each time', () => {
    expect(new Set(labels).size).toBe(labels.length);
  });

  it('contains at least 80 random bits', () => {
    const [adjectives, nouns] = [0, 1].map((part) => new Set(labels.map((label) => label.split('-')[part])));
    // All of them occur in 5,000 labels: the chance that one of 64 does not is below 1e-30.
    const wordBits = Math.log2(adjectives.size) + Math.log2(nouns.size);
    const suffixBits = labels[0].split('-')[2].length * 5;
    expect(wordBits + suffixBits).toBeGreaterThanOrEqual(80);
  });

  it('prefers no character of the suffix', () => {
    const counts = new Map<string, number>();
    for (const label of labels) {
      for (const character of label.split('-')[2]) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    // 70,000 characters of 32, 2,187.5 of each expected, standard deviation 46.
    expect(counts.size).toBe(32);
    for (const count of counts.values()) expect(Math.abs(count - 2187.5)).toBeLessThan(6 * 46);
  });
});
