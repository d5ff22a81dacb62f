import { Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, type ReactElement } from 'react';
import { useParams } from 'wouter';
import { exchangesOf } from '../../api/exchanges.js';
import { useMe, useReasonAgainst } from '../../api/me.js';
import { nameOfPreview, previewById, type Preview } from '../../api/previews.js';
import { BackLink } from '../../components/back-link.js';
import { Page } from '../../components/page.js';
import { QueryView } from '../../components/query-view.js';
import { Inspector } from './inspector.js';
import { KeptExchanges } from './kept-exchanges.js';
import { texts } from './texts.js';

/** Requests of a preview: as they happen, and those that it keeps. */
export function InspectorPage(): ReactElement {
  const { previewId = '' } = useParams();
  const query = useQuery(previewById(previewId));
  return (
    <Page
      title={texts.inspectorPage.requests}
      description={query.data?.hostname}
      back={
        <BackLink href={`/previews/${previewId}`}>
          {query.data === undefined ? texts.inspectorPage.thePreview : nameOfPreview(query.data)}
        </BackLink>
      }
    >
      <QueryView query={query}>{(preview) => <InspectorOf preview={preview} key={preview.id} />}</QueryView>
    </Page>
  );
}

function InspectorOf({ preview }: { preview: Preview }): ReactElement {
  const teamId = useMe().team?.id ?? '';
  const reasonAgainst = useReasonAgainst('previews:write');
  const source = useMemo(() => exchangesOf({ previewId: preview.id, teamId }), [preview.id, teamId]);
  return (
    <Tabs defaultValue="live" keepMounted={false}>
      <Tabs.List mb="sm">
        <Tabs.Tab value="live">{texts.inspectorPage.liveTab}</Tabs.Tab>
        <Tabs.Tab value="kept">{texts.inspectorPage.keptTab}</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="live">
        <Inspector {...{ source, reasonAgainst }} urlOf={() => preview.url} />
      </Tabs.Panel>
      <Tabs.Panel value="kept">
        <KeptExchanges {...{ preview, source, reasonAgainst }} />
      </Tabs.Panel>
    </Tabs>
  );
}
