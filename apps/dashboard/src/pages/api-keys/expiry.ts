import { texts } from './texts.js';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Days after which a key expires; empty: never. */
export const EXPIRY_CHOICES = [
  { value: '', label: texts.expiry.never },
  { value: '7', label: texts.expiry.afterWeek },
  { value: '30', label: texts.expiry.after30Days },
  { value: '90', label: texts.expiry.after90Days },
  { value: '365', label: texts.expiry.afterYear },
] as const;

/** Returns the moment of a choice. */
export function expiryOf(days: string, now: number): string | null {
  return days === '' ? null : new Date(now + Number(days) * DAY_MS).toISOString();
}
