import { useSearchParams } from 'wouter';
import type { PreviewFilter } from '../../api/previews.js';

const FIELDS = ['search', 'state', 'access', 'workload', 'client'] as const;
/** Limit of the API: longer texts find nothing. */
const MAX_LENGTH = 200;

interface FilterState {
  readonly filter: PreviewFilter;
  readonly isFiltered: boolean;
  readonly setFilter: (change: Partial<PreviewFilter>) => void;
  readonly clear: () => void;
}

/** The filter of the list is part of its URL: it survives a reload, and can be shared. */
export function usePreviewFilter(): FilterState {
  const [params, setParams] = useSearchParams();
  const filter = Object.fromEntries(
    FIELDS.map((field) => [field, (params.get(field) ?? '').slice(0, MAX_LENGTH)]),
  ) as unknown as PreviewFilter;
  const setFilter = (change: Partial<PreviewFilter>): void => {
    const wanted = Object.entries({ ...filter, ...change }).filter(([, value]) => value !== '');
    setParams(new URLSearchParams(wanted), { replace: true });
  };
  return {
    filter,
    isFiltered: Object.values(filter).some((value) => value !== ''),
    setFilter,
    clear: () => setParams(new URLSearchParams(), { replace: true }),
  };
}
