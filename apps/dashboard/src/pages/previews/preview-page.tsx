import { Anchor, Button, Code, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState, type ReactElement } from 'react';
import { Link, useLocation } from 'wouter';
import { interceptById } from '../../api/intercepts.js';
import { useMay } from '../../api/me.js';
import { shareLinksOf } from '../../api/preview-credentials.js';
import { metricsOfPreview } from '../../api/preview-metrics.js';
import { nameOfPreview, previewById, type Preview } from '../../api/previews.js';
import { nameOfManager, trafficManagers } from '../../api/traffic-managers.js';
import { AccessBadge } from '../../components/access-badge.js';
import { Disposition } from '../../components/disposition.js';
import { BackLink } from '../../components/back-link.js';
import { CopyIcon } from '../../components/copy-button.js';
import { Facts } from '../../components/facts.js';
import { Page } from '../../components/page.js';
import { PreviewState, useConnectedManagers } from '../../components/preview-state.js';
import { QueryView } from '../../components/query-view.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { PageSection } from '../../components/page-section.js';
import { Together } from '../../components/together.js';
import { exactTime, TimeAgo } from '../../components/time-ago.js';
import {
  IconActivity,
  IconExternalLink,
  IconLock,
  IconPencil,
  IconQrcode,
  IconTrash,
  IconWorld,
} from '../../icons.js';
import { PreviewCredentials } from './preview-credentials.js';
import { PreviewHistory } from './preview-history.js';
import { PreviewTraffic } from './preview-traffic.js';
import { usePreviewActions } from './use-preview-actions.js';

const QrDialog = lazy(async () => ({ default: (await import('./qr-dialog.js')).QrDialog }));

const PROTOCOLS: Readonly<Record<Preview['ingress']['protocol'], string>> = {
  http1: 'HTTP/1.1',
  h2c: 'HTTP/2 without TLS',
  h2: 'HTTP/2 with TLS',
};

/** All details of one preview. */
export function PreviewPage({
  params,
}: {
  params: Readonly<Record<string, string | undefined>>;
}): ReactElement {
  const query = useQuery(previewById(params['previewId'] ?? ''));
  return (
    <Page
      title={query.data === undefined ? 'Preview' : nameOfPreview(query.data)}
      back={<BackLink href="/previews">Previews</BackLink>}
      actions={
        query.data && (
          <Group visibleFrom="sm" gap="xs">
            <Actions preview={query.data} />
          </Group>
        )
      }
    >
      <QueryView query={query}>{(preview) => <Details preview={preview} />}</QueryView>
    </Page>
  );
}

function Actions({ preview }: { preview: Preview }): ReactElement {
  const [, navigate] = useLocation();
  const { setAccess, remove } = usePreviewActions();
  return (
    <>
      <Button
        component={Link}
        href={`/previews/${preview.id}/requests`}
        leftSection={<IconActivity size={16} />}
      >
        Requests
      </Button>
      {preview.access === 'team' ? (
        <ScopedButton
          needs="previews:write"
          variant="default"
          leftSection={<IconWorld size={16} />}
          onClick={() => void setAccess(preview, 'public')}
        >
          Make publicly accessible
        </ScopedButton>
      ) : (
        <ScopedButton
          needs="previews:write"
          variant="default"
          leftSection={<IconLock size={16} />}
          onClick={() => void setAccess(preview, 'team')}
        >
          Require authentication
        </ScopedButton>
      )}
      <ScopedButton
        needs="previews:write"
        variant="default"
        leftSection={<IconPencil size={16} />}
        onClick={() => navigate(`/previews/${preview.id}/edit`)}
      >
        Edit
      </ScopedButton>
      <ScopedButton
        needs="previews:write"
        variant="light"
        color="red"
        leftSection={<IconTrash size={16} />}
        onClick={() => void remove([preview]).then((isGone) => isGone && navigate('/previews'))}
      >
        Remove
      </ScopedButton>
    </>
  );
}

function Details({ preview }: { preview: Preview }): ReactElement {
  const mayReadAudit = useMay('audit:read');
  const mayReadIntercepts = useMay('intercepts:read');
  const sections = [
    useQuery(metricsOfPreview(preview.id)),
    useQuery({ ...interceptById(preview.interceptId), enabled: mayReadIntercepts }),
    useQuery(trafficManagers()),
    useQuery(shareLinksOf(preview.id)),
  ];
  return (
    <Together queries={sections}>
      <Stack gap="md">
        <Address preview={preview} />
        {/* On a phone, the address comes first, because people come for it. */}
        <Group hiddenFrom="sm" gap="xs">
          <Actions preview={preview} />
        </Group>
        <PreviewTraffic previewId={preview.id} />
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Intercept preview={preview} />
          <Ingress preview={preview} />
          <Access preview={preview} />
          <Lifetime preview={preview} />
        </SimpleGrid>
        <PreviewCredentials preview={preview} />
        {mayReadAudit && <PreviewHistory previewId={preview.id} />}
      </Stack>
    </Together>
  );
}

function Address({ preview }: { preview: Preview }): ReactElement {
  const [isQrShown, setIsQrShown] = useState(false);
  const connected = useConnectedManagers();
  return (
    <PageSection title="Address">
      <Group gap="xs">
        <Anchor href={preview.url} target="_blank" rel="noreferrer" fw={500}>
          {preview.url}
        </Anchor>
        <CopyIcon value={preview.url} label="Copy the link" />
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconQrcode size={16} />}
          onClick={() => setIsQrShown(true)}
        >
          QR code
        </Button>
        <Button
          component="a"
          href={preview.url}
          target="_blank"
          rel="noreferrer"
          variant="subtle"
          size="compact-sm"
          leftSection={<IconExternalLink size={16} />}
        >
          Open
        </Button>
      </Group>
      <Group mt="sm" gap="md">
        <PreviewState isConnected={connected?.has(preview.trafficManagerId)} />
        <AccessBadge access={preview.access} />
        <Text size="sm" c="dimmed">
          last used <TimeAgo at={preview.lastUsedAt} />
        </Text>
      </Group>
      <Suspense fallback={null}>
        {isQrShown && <QrDialog preview={preview} onClose={() => setIsQrShown(false)} />}
      </Suspense>
    </PageSection>
  );
}

function Intercept({ preview }: { preview: Preview }): ReactElement {
  const mayRead = useMay('intercepts:read');
  const { data: intercept } = useQuery({ ...interceptById(preview.interceptId), enabled: mayRead });
  const { data: managers } = useQuery(trafficManagers());
  const manager = managers?.find(({ id }) => id === preview.trafficManagerId);
  const { workload, namespace, client } = preview.intercept;
  const pairs = Object.entries(intercept?.metadata ?? {});
  return (
    <PageSection title="Intercept">
      <Facts
        facts={[
          [
            'Workload',
            intercept === undefined ? workload : [intercept.workloadKind, workload].join(' ').trim(),
          ],
          ['Namespace', namespace],
          ['Traffic manager', manager && nameOfManager(manager)],
          ['Who', client],
          ['Mechanism', intercept && [intercept.mechanism, ...intercept.mechanismArgs].join(' ').trim()],
          [
            'Service',
            intercept && [intercept.serviceName, intercept.servicePortIdentifier].filter(Boolean).join(' : '),
          ],
          ['Ingress', intercept?.targetHost ? `${intercept.targetHost}:${intercept.targetPort}` : null],
          ['State', intercept && intercept.disposition !== 'UNSPECIFIED' && <Disposition {...intercept} />],
          ['Id', <Code key="id">{preview.interceptId}</Code>],
          ...pairs.map(([name, value]) => [name, value] as const),
        ]}
      />
    </PageSection>
  );
}

function Ingress({ preview }: { preview: Preview }): ReactElement {
  const { ingress, addRequestHeaders } = preview;
  const headers = Object.entries(addRequestHeaders);
  return (
    <PageSection title="Ingress and headers">
      <Facts
        facts={[
          ['Host', ingress.host],
          ['Port', ingress.port === 0 ? 'not known yet' : ingress.port],
          ['Host header', ingress.l5Host],
          ['Protocol', PROTOCOLS[ingress.protocol]],
          ['TLS', ingress.useTls ? (ingress.verifyTls ? 'yes' : 'yes, with any certificate') : 'no'],
          ['Other protocols', preview.allowUpgrades ? 'allowed' : 'refused'],
          ...headers.map(([name, value]) => [name, <Code key={name}>{value}</Code>] as const),
        ]}
      />
      {headers.length === 0 && (
        <Text size="sm" c="dimmed">
          No header is added to requests.
        </Text>
      )}
    </PageSection>
  );
}

function Access({ preview }: { preview: Preview }): ReactElement {
  return (
    <PageSection title="Access">
      <Text size="sm" mb="xs">
        {preview.access === 'public'
          ? 'Anyone who knows the address can open it.'
          : 'After signing in, members of the team can open it, and:'}
      </Text>
      {preview.access === 'team' && (
        <Facts
          facts={[
            [
              'People',
              preview.allowedEmails.length === 0 ? 'no other people' : preview.allowedEmails.join(', '),
            ],
            [
              'Domains',
              preview.allowedDomains.length === 0 ? 'no domain' : preview.allowedDomains.join(', '),
            ],
            ['By link or token', 'people and programs with a credential below'],
          ]}
        />
      )}
    </PageSection>
  );
}

function Lifetime({ preview }: { preview: Preview }): ReactElement {
  const { pullRequest, pullRequestUrl, expiresAt, idleExpirySeconds } = preview;
  return (
    <PageSection title="Pull request and expiry">
      <Facts
        facts={[
          ['Pull request', pullRequestUrl === null ? 'none' : <OutsideLink url={pullRequestUrl} />],
          ['Comment', pullRequest && <PullRequestComment pullRequest={pullRequest} />],
          ['Banner', preview.displayBanner ? 'pages show a banner' : 'none'],
          ['Ends', expiresAt === null ? 'no fixed time' : exactTime(expiresAt)],
          ['When unused', idleText(idleExpirySeconds)],
          ['Created', <TimeAgo key="created" at={preview.createdAt} />],
          ['Changed', <TimeAgo key="changed" at={preview.updatedAt} />],
        ]}
      />
    </PageSection>
  );
}

function PullRequestComment({
  pullRequest,
}: {
  pullRequest: NonNullable<Preview['pullRequest']>;
}): ReactElement {
  const { status, detail, commentUrl } = pullRequest;
  const text = {
    pending: 'the comment is being written',
    posted: 'the comment is posted',
    failed: 'the comment could not be written; Culvert tries again',
    unsupported: 'this server does not comment on pull requests of this host',
  }[status];
  return (
    <>
      {commentUrl === null ? text : <OutsideLink url={commentUrl} text={text} />}
      {detail !== null && (
        <Text size="xs" c="dimmed">
          {detail}
        </Text>
      )}
    </>
  );
}

/** A link if the URL is http or https, which the API requires; otherwise text. */
function OutsideLink({ url, text = url }: { url: string; text?: string }): ReactElement {
  if (!/^https?:\/\//i.test(url)) return <>{text}</>;
  return (
    <Anchor href={url} target="_blank" rel="noreferrer" size="sm">
      {text}
    </Anchor>
  );
}

function idleText(seconds: number | null): string {
  if (seconds === null) return 'default of the team';
  if (seconds === 0) return 'never removed';
  const [unit, size] =
    seconds % 86_400 === 0
      ? (['day', 86_400] as const)
      : seconds % 3600 === 0
        ? (['hour', 3600] as const)
        : (['minute', 60] as const);
  const count = Math.round(seconds / size);
  return `removed after ${count} ${unit}${count === 1 ? '' : 's'} without a request`;
}
