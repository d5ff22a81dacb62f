import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { teamOfCaller } from '../../api/team.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { Together } from '../../components/together.js';
import { Invitations } from './invitations.js';
import { KeepPolicyForm } from './keep-policy-form.js';
import { Leaving } from './leaving.js';
import { Members } from './members.js';
import { TeamSettings } from './team-settings.js';
import { TeamUse } from './team-use.js';
import { invitations, members, workloadIdentities } from './team.js';
import { texts } from './texts.js';
import { useMe } from '../../api/me.js';
import { WebhooksSection } from '../webhooks/webhooks-section.js';
import { WorkloadIdentities } from './workload-identities.js';

/** Members, use and settings of the team. */
export function TeamPage(): ReactElement {
  const { scopes } = useMe();
  const own = useQuery(teamOfCaller());
  const sections = [own, useQuery(members()), useQuery(invitations()), useQuery(workloadIdentities())];
  return (
    <Page title={texts.teamPage.title} description={own.data?.name}>
      <Together queries={sections}>
        <Stack gap="xl">
          <Members />
          <Invitations />
          <WorkloadIdentities />
          {scopes.includes('team:write') && <WebhooksSection />}
          <QueryView query={own}>
            {(shown) => (
              <Stack gap="xl">
                <TeamSettings team={shown} key={`${shown.name}-${shown.previewIdleExpirySeconds}`} />
                <KeepPolicyForm team={shown} key={JSON.stringify(shown.keepPolicy)} />
                <TeamUse team={shown} />
                <Leaving team={shown} />
              </Stack>
            )}
          </QueryView>
        </Stack>
      </Together>
    </Page>
  );
}
