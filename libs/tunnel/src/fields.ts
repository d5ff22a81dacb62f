/** Strict reading of the JSON members of HELLO, WELCOME and OPEN (docs/protocol.md §3 and §4). */
import { ProtocolError } from './errors.js';
import { isPlainText } from './text.js';

export type Fields = Readonly<Record<string, unknown>>;

/** Parses a payload that must be a JSON object. Its size was checked by the decoder. */
export function parseFields(payload: Buffer, frame: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    throw new ProtocolError(`${frame} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError(`${frame} is not a JSON object`);
  }
  return value as Fields;
}

/** A string of `min` to `max` UTF-16 code units. */
export function textField(fields: Fields, name: string, min: number, max: number): string {
  const value = own(fields, name);
  if (!isPlainText(value, min, max)) throw new ProtocolError(`${name} must be a string of ${min} to ${max}`);
  return value;
}

/** An integer from `min` to `max`. */
export function integerField(fields: Fields, name: string, min: number, max: number): number {
  const value = own(fields, name);
  if (!isInteger(value, min, max))
    throw new ProtocolError(`${name} must be an integer from ${min} to ${max}`);
  return value;
}

export function booleanField(fields: Fields, name: string): boolean {
  const value = own(fields, name);
  if (typeof value !== 'boolean') throw new ProtocolError(`${name} must be true or false`);
  return value;
}

/** One to `maxItems` integers from 0 to 65535. */
export function integersField(fields: Fields, name: string, maxItems: number): number[] {
  const value = own(fields, name);
  const fits = Array.isArray(value) && value.length >= 1 && value.length <= maxItems;
  if (!fits || !value.every((item) => isInteger(item, 0, 65_535))) {
    throw new ProtocolError(`${name} must be an array of 1 to ${maxItems} integers`);
  }
  return value;
}

/** Up to `maxItems` strings of 1 to `maxLength` UTF-16 code units. */
export function textsField(fields: Fields, name: string, maxItems: number, maxLength: number): string[] {
  const value = own(fields, name);
  const fits = Array.isArray(value) && value.length <= maxItems;
  if (!fits || !value.every((item) => isPlainText(item, 1, maxLength))) {
    throw new ProtocolError(`${name} must be an array of up to ${maxItems} strings of 1 to ${maxLength}`);
  }
  return value;
}

/** One of `choices`. */
export function choiceField<T extends string>(fields: Fields, name: string, choices: readonly T[]): T {
  const value = own(fields, name);
  const choice = choices.find((known) => known === value);
  if (choice === undefined) throw new ProtocolError(`${name} must be one of ${choices.join(', ')}`);
  return choice;
}

export function hasField(fields: Fields, name: string): boolean {
  return Object.hasOwn(fields, name);
}

function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}
