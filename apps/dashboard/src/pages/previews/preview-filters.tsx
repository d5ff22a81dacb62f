import { CloseButton, Group, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useState, type ReactElement } from 'react';
import type { PreviewFilter } from '../../api/previews.js';
import { IconSearch } from '../../icons.js';
import { texts } from './texts.js';
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
    <Group gap="xs" mb="md" role="search" aria-label={texts.previewFilters.previews}>
      <TextInput
        className={classes['search']}
        aria-label={texts.previewFilters.searchPreviews}
        placeholder={texts.previewFilters.searchPlaceholder}
        leftSection={<IconSearch size={16} aria-hidden />}
        rightSection={
          search === '' ? null : (
            <CloseButton size="sm" aria-label={texts.previewFilters.clearSearch} onClick={() => type('')} />
          )
        }
        value={search}
        maxLength={200}
        onChange={(event) => type(event.currentTarget.value)}
        data-search
      />
      <NativeSelect
        aria-label={texts.previewFilters.state}
        value={filter.state}
        onChange={(event) => onChange({ state: event.currentTarget.value })}
        data={[
          { value: '', label: texts.previewFilters.anyState },
          { value: 'connected', label: texts.previewFilters.connected },
          { value: 'waiting', label: texts.previewFilters.waiting },
        ]}
      />
      <NativeSelect
        aria-label={texts.previewFilters.access}
        value={filter.access}
        onChange={(event) => onChange({ access: event.currentTarget.value })}
        data={[
          { value: '', label: texts.previewFilters.anyAccess },
          { value: 'team', label: texts.previewFilters.team },
          { value: 'public', label: texts.previewFilters.public },
        ]}
      />
      <NativeSelect
        aria-label={texts.previewFilters.workload}
        value={filter.workload}
        onChange={(event) => onChange({ workload: event.currentTarget.value })}
        data={[{ value: '', label: texts.previewFilters.anyWorkload }, ...workloads]}
      />
      <NativeSelect
        aria-label={texts.previewFilters.person}
        value={filter.client}
        onChange={(event) => onChange({ client: event.currentTarget.value })}
        data={[{ value: '', label: texts.previewFilters.anybody }, ...clients]}
      />
    </Group>
  );
}
