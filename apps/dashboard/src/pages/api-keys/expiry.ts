const DAY_MS = 24 * 60 * 60 * 1000;

/** Days after which a key expires; empty: never. */
export const EXPIRY_CHOICES = [
  { value: '', label: 'Never' },
  { value: '7', label: 'After a week' },
  { value: '30', label: 'After 30 days' },
  { value: '90', label: 'After 90 days' },
  { value: '365', label: 'After a year' },
] as const;

/** Returns the moment of a choice. */
export function expiryOf(days: string, now: number): string | null {
  return days === '' ? null : new Date(now + Number(days) * DAY_MS).toISOString();
}
