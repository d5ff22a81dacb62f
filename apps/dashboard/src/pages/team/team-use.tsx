import { Progress, SimpleGrid, Stack, Text } from '@mantine/core';
import type { ReactElement } from 'react';
import { PageSection } from '../../components/page-section.js';
import type { Team } from '../../api/team.js';
import { formatNumber } from '../../intl.js';
import { texts } from './texts.js';

/** Share of a limit from which its bar warns. */
const NEARLY_FULL = 0.8;

/** Use of the team's limits. */
export function TeamUse({ team: { use, limits } }: { team: Team }): ReactElement {
  const amounts: readonly (readonly [what: string, has: number, may: number | null])[] = [
    [texts.teamUse.previews, use.previews, limits.previews],
    [texts.teamUse.sessionsTrafficManagers, use.sessions, limits.sessions],
    [texts.teamUse.apiKeys, use.apiKeys, limits.apiKeys],
    [texts.teamUse.members, use.members, limits.members],
    [texts.teamUse.invitations, use.invitations, limits.invitations],
    [texts.teamUse.requests, use.previewRequestsPerMinute, limits.previewRequestsPerMinute],
  ];
  return (
    <PageSection
      title={texts.teamUse.title}
      description={
        limits.apiRequestsPerMinute === null
          ? undefined
          : texts.teamUse.apiRequests(limits.apiRequestsPerMinute)
      }
      isFramed
    >
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="lg">
        {amounts.map(([what, has, may]) => (
          <Stack key={what} gap={4}>
            <Text size="xs" c="dimmed">
              {what}
            </Text>
            <Text size="sm">{may === null ? formatNumber(has) : texts.teamUse.hasOf(has, may)}</Text>
            {may !== null && (
              <Progress
                value={Math.min(100, (has / Math.max(may, 1)) * 100)}
                color={has >= may * NEARLY_FULL ? 'orange' : undefined}
                aria-label={what}
              />
            )}
          </Stack>
        ))}
      </SimpleGrid>
    </PageSection>
  );
}
