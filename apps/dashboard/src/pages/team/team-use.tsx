import { Progress, SimpleGrid, Stack, Text } from '@mantine/core';
import type { ReactElement } from 'react';
import { PageSection } from '../../components/page-section.js';
import type { Team } from '../../api/team.js';

/** Share of a limit from which its bar warns. */
const NEARLY_FULL = 0.8;

/** Use of the team's limits. */
export function TeamUse({ team: { use, limits } }: { team: Team }): ReactElement {
  const amounts: readonly (readonly [what: string, has: number, may: number | null])[] = [
    ['Previews', use.previews, limits.previews],
    ['Sessions of traffic managers', use.sessions, limits.sessions],
    ['API keys', use.apiKeys, limits.apiKeys],
    ['Members', use.members, limits.members],
    ['Invitations', use.invitations, limits.invitations],
    ['Requests to previews, last minute', use.previewRequestsPerMinute, limits.previewRequestsPerMinute],
  ];
  return (
    <PageSection
      title="Use and limits"
      description={
        limits.apiRequestsPerMinute === null
          ? undefined
          : `The team can send ${limits.apiRequestsPerMinute.toLocaleString('en')} API requests a minute.`
      }
      isFramed
    >
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="lg">
        {amounts.map(([what, has, may]) => (
          <Stack key={what} gap={4}>
            <Text size="xs" c="dimmed">
              {what}
            </Text>
            <Text size="sm">
              {has.toLocaleString('en')}
              {may === null ? '' : ` of ${may.toLocaleString('en')}`}
            </Text>
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
