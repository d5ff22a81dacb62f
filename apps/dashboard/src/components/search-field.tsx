import { TextInput } from '@mantine/core';
import type { ReactElement } from 'react';
import { IconSearch } from '../icons.js';

interface SearchFieldProps {
  /** Label: `Search keys`. */
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** The search field of a page; `/` focuses it. */
export function SearchField({ label, value, onChange }: SearchFieldProps): ReactElement {
  return (
    <TextInput
      type="search"
      data-search
      aria-label={label}
      placeholder={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      leftSection={<IconSearch size={16} aria-hidden />}
      w={{ base: '100%', xs: 280 }}
      maxLength={200}
    />
  );
}

/** Reports whether the texts together contain all words of the search. */
export function matches(search: string, ...texts: readonly string[]): boolean {
  const text = texts.join('\n').toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
