import { CloseButton, Group, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useState, type ReactElement } from 'react';
import type { PreviewFilter } from '../../api/previews.js';
import { IconSearch } from '../../icons.js';
import classes from './previews-page.module.css';

const TYPING_MS = 200;

interface PreviewFiltersProps {
  readonly filter: PreviewFilter;
  readonly onChange: (change: Partial<PreviewFilter>) => void;
  /** Workloads to choose from: those of the loaded previews, and the chosen one. */
  readonly workloads: readonly string[];
  readonly clients: readonly string[];
}

/** Filters of the list of previews. */
export function PreviewFilters({ filter, onChange, workloads, clients }: PreviewFiltersProps): ReactElement {
  const [search, setSearch] = useState(filter.search);
  const applySearch = useDebouncedCallback((text: string) => onChange({ search: text.trim() }), TYPING_MS);
  const type = (text: string): void => {
    setSearch(text);
    applySearch(text);
  };
  return (
    <Group gap="xs" mb="md" role="search" aria-label="Previews">
      <TextInput
        className={classes['search']}
        aria-label="Search previews"
        placeholder="Hostname, workload, person…"
        leftSection={<IconSearch size={16} aria-hidden />}
        rightSection={
          search === '' ? null : (
            <CloseButton size="sm" aria-label="Clear the search" onClick={() => type('')} />
          )
        }
        value={search}
        maxLength={200}
        onChange={(event) => type(event.currentTarget.value)}
        data-search
      />
      <NativeSelect
        aria-label="State"
        value={filter.state}
        onChange={(event) => onChange({ state: event.currentTarget.value })}
        data={[
          { value: '', label: 'Any state' },
          { value: 'connected', label: 'Connected' },
          { value: 'waiting', label: 'Waiting' },
        ]}
      />
      <NativeSelect
        aria-label="Access"
        value={filter.access}
        onChange={(event) => onChange({ access: event.currentTarget.value })}
        data={[
          { value: '', label: 'Any access' },
          { value: 'team', label: 'Team' },
          { value: 'public', label: 'Public' },
        ]}
      />
      <NativeSelect
        aria-label="Workload"
        value={filter.workload}
        onChange={(event) => onChange({ workload: event.currentTarget.value })}
        data={[{ value: '', label: 'Any workload' }, ...workloads]}
      />
      <NativeSelect
        aria-label="Person"
        value={filter.client}
        onChange={(event) => onChange({ client: event.currentTarget.value })}
        data={[{ value: '', label: 'Anybody' }, ...clients]}
      />
    </Group>
  );
}
