import { useDebouncedValue } from '@mantine/hooks';
import type { SpotlightActionData } from '@mantine/spotlight';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { apiKeys } from '../api/api-keys.js';
import { answerOf, api } from '../api/client.js';
import { isUsable } from '../api/is-usable.js';
import { keyOf } from '../api/keys.js';
import { useMay } from '../api/me.js';
import { members } from '../api/members.js';
import { nameOfPreview } from '../api/previews.js';
import { nameOfManager, trafficManagers } from '../api/traffic-managers.js';
import { IconKey, IconPlugConnected, IconUsers, IconWorldShare } from '../icons.js';
import { texts } from './texts.js';

/** Results shown for each kind. A longer query narrows them down. */
const SHOWN = 7;
const MIN_LENGTH = 2;
const DEBOUNCE_MS = 150;

/** Query for previews that contain this text, searched by the server: a team may have thousands. */
const foundPreviews = (search: string) =>
  queryOptions({
    queryKey: keyOf('preview', 'found', search),
    queryFn: ({ signal }) =>
      answerOf(api.GET('/api/v1/previews', { params: { query: { search, limit: SHOWN } }, signal })),
  });

/** Returns resources of the team that contain the typed text, as actions that open them. */
export function useThings(
  query: string,
  navigate: (path: string) => void,
): { readonly actions: readonly SpotlightActionData[]; readonly isSearching: boolean } {
  const [search] = useDebouncedValue(query.trim().toLowerCase(), DEBOUNCE_MS);
  const isLongEnough = search.length >= MIN_LENGTH;
  const needs = { previews: useMay('previews:read'), managers: useMay('sessions:read') };
  const mayReadKeys = useMay('keys:read');
  const mayReadTeam = useMay('team:read');
  const previews = useQuery({ ...foundPreviews(search), enabled: isLongEnough && needs.previews });
  const managers = useQuery({ ...trafficManagers(), enabled: isLongEnough && needs.managers });
  const keys = useQuery({ ...apiKeys(), enabled: isLongEnough && mayReadKeys });
  const people = useQuery({ ...members(), enabled: isLongEnough && mayReadTeam });
  if (!isLongEnough) return { actions: [], isSearching: query.trim() !== search };

  const has = (...values: readonly string[]): boolean =>
    values.some((text) => text.toLowerCase().includes(search));
  const action = (
    id: string,
    path: string,
    Icon: typeof IconKey,
    { label, description }: { readonly label: string; readonly description: string },
  ): SpotlightActionData => ({
    id,
    label,
    description,
    // The server, or `has`, has matched this text. The palette must not filter by the visible label, except for text
    // that was typed since.
    keywords: [search],
    leftSection: <Icon size={18} aria-hidden />,
    onClick: () => navigate(path),
  });
  return {
    actions: [
      ...(previews.data?.items ?? []).map((preview) =>
        action(`preview-${preview.id}`, `/previews/${preview.id}`, IconWorldShare, {
          label: nameOfPreview(preview),
          description: texts.findThings.preview(preview.hostname),
        }),
      ),
      ...(managers.data ?? [])
        .filter(({ name, managerId }) => has(name, managerId))
        .slice(0, SHOWN)
        .map((manager) =>
          action(`manager-${manager.id}`, `/connections/${manager.id}`, IconPlugConnected, {
            label: nameOfManager(manager),
            description: texts.findThings.trafficManager,
          }),
        ),
      ...(keys.data ?? [])
        .filter((key) => isUsable(key) && has(key.name, key.hint))
        .slice(0, SHOWN)
        .map(({ id, name, hint }) =>
          action(`key-${id}`, '/api-keys', IconKey, {
            label: name,
            description: texts.findThings.apiKey(hint),
          }),
        ),
      ...(people.data ?? [])
        .filter(({ name, email }) => has(name, email))
        .slice(0, SHOWN)
        .map(({ userId, name, email }) =>
          action(`person-${userId}`, '/team', IconUsers, {
            label: name === '' ? email : name,
            description: name === '' ? texts.findThings.member : texts.findThings.memberWithEmail(email),
          }),
        ),
    ],
    isSearching: previews.isFetching || query.trim().toLowerCase() !== search,
  };
}
