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
import { TimeAgo } from '../../components/time-ago.js';
import { formatSeconds, formatTime } from '../../intl.js';
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
import { texts } from './texts.js';
import { usePreviewActions } from './use-preview-actions.js';

const QrDialog = lazy(async () => ({ default: (await import('./qr-dialog.js')).QrDialog }));

const PROTOCOLS: Readonly<Record<Preview['ingress']['protocol'], string>> = {
  http1: 'HTTP/1.1',
  h2c: texts.previewPage.h2c,
  h2: texts.previewPage.h2,
};

const ADDRESSED_AS: Readonly<Record<Preview['ingress']['addressedAs'], string>> = {
  l5host: texts.previewPage.addressedAsL5host,
  target: texts.previewPage.addressedAsTarget,
  preview: texts.previewPage.addressedAsPreview,
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
      title={query.data === undefined ? texts.previewPage.preview : nameOfPreview(query.data)}
      back={<BackLink href="/previews">{texts.previewPage.previews}</BackLink>}
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
        {texts.previewPage.requests}
      </Button>
      {preview.access === 'team' ? (
        <ScopedButton
          needs="previews:write"
          variant="default"
          leftSection={<IconWorld size={16} />}
          onClick={() => void setAccess(preview, 'public')}
        >
          {texts.previewPage.makePubliclyAccessible}
        </ScopedButton>
      ) : (
        <ScopedButton
          needs="previews:write"
          variant="default"
          leftSection={<IconLock size={16} />}
          onClick={() => void setAccess(preview, 'team')}
        >
          {texts.previewPage.requireAuthentication}
        </ScopedButton>
      )}
      <ScopedButton
        needs="previews:write"
        variant="default"
        leftSection={<IconPencil size={16} />}
        onClick={() => navigate(`/previews/${preview.id}/edit`)}
      >
        {texts.previewPage.edit}
      </ScopedButton>
      <ScopedButton
        needs="previews:write"
        variant="light"
        color="red"
        leftSection={<IconTrash size={16} />}
        onClick={() => void remove([preview]).then((isGone) => isGone && navigate('/previews'))}
      >
        {texts.previewPage.remove}
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
    <PageSection title={texts.previewPage.address}>
      <Group gap="xs">
        <Anchor href={preview.url} target="_blank" rel="noreferrer" fw={500}>
          {preview.url}
        </Anchor>
        <CopyIcon value={preview.url} label={texts.previewPage.copyLink} />
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconQrcode size={16} />}
          onClick={() => setIsQrShown(true)}
        >
          {texts.previewPage.qrCode}
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
          {texts.previewPage.open}
        </Button>
      </Group>
      <Group mt="sm" gap="md">
        <PreviewState isConnected={connected?.has(preview.trafficManagerId)} />
        <AccessBadge access={preview.access} />
        <Text size="sm" c="dimmed">
          {texts.previewPage.lastUsed(<TimeAgo at={preview.lastUsedAt} />)}
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
    <PageSection title={texts.previewPage.intercept}>
      <Facts
        facts={[
          [
            texts.previewPage.workload,
            intercept === undefined ? workload : [intercept.workloadKind, workload].join(' ').trim(),
          ],
          [texts.previewPage.namespace, namespace],
          [texts.previewPage.trafficManager, manager && nameOfManager(manager)],
          [texts.previewPage.who, client],
          [
            texts.previewPage.mechanism,
            intercept && [intercept.mechanism, ...intercept.mechanismArgs].join(' ').trim(),
          ],
          [
            texts.previewPage.service,
            intercept && [intercept.serviceName, intercept.servicePortIdentifier].filter(Boolean).join(' : '),
          ],
          [
            texts.previewPage.ingress,
            intercept?.targetHost ? `${intercept.targetHost}:${intercept.targetPort}` : null,
          ],
          [
            texts.previewPage.state,
            intercept && intercept.disposition !== 'UNSPECIFIED' && <Disposition {...intercept} />,
          ],
          [texts.previewPage.id, <Code key="id">{preview.interceptId}</Code>],
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
    <PageSection title={texts.previewPage.ingressAndHeaders}>
      <Facts
        facts={[
          [texts.previewPage.host, ingress.host],
          [texts.previewPage.port, ingress.port === 0 ? texts.previewPage.notKnownYet : ingress.port],
          [texts.previewPage.hostHeader, ingress.addressedAs !== 'preview' && ingress.l5Host],
          [texts.previewPage.addressedAs, ADDRESSED_AS[ingress.addressedAs]],
          [texts.previewPage.protocol, PROTOCOLS[ingress.protocol]],
          [
            'TLS',
            ingress.useTls
              ? ingress.verifyTls
                ? texts.previewPage.yes
                : texts.previewPage.yesWithAnyCertificate
              : texts.previewPage.no,
          ],
          [
            texts.previewPage.otherProtocols,
            preview.allowUpgrades ? texts.previewPage.allowed : texts.previewPage.refused,
          ],
          ...headers.map(([name, value]) => [name, <Code key={name}>{value}</Code>] as const),
        ]}
      />
      {headers.length === 0 && (
        <Text size="sm" c="dimmed">
          {texts.previewPage.noHeaders}
        </Text>
      )}
    </PageSection>
  );
}

function Access({ preview }: { preview: Preview }): ReactElement {
  return (
    <PageSection title={texts.previewPage.access}>
      <Text size="sm" mb="xs">
        {preview.access === 'public' ? texts.previewPage.publicAbout : texts.previewPage.teamAbout}
      </Text>
      {preview.access === 'team' && (
        <Facts
          facts={[
            [
              texts.previewPage.people,
              preview.allowedEmails.length === 0
                ? texts.previewPage.noOtherPeople
                : preview.allowedEmails.join(', '),
            ],
            [
              texts.previewPage.domains,
              preview.allowedDomains.length === 0
                ? texts.previewPage.noDomain
                : preview.allowedDomains.join(', '),
            ],
            [texts.previewPage.byLinkOrToken, texts.previewPage.byCredential],
          ]}
        />
      )}
    </PageSection>
  );
}

function Lifetime({ preview }: { preview: Preview }): ReactElement {
  const { pullRequest, pullRequestUrl, expiresAt, idleExpirySeconds } = preview;
  return (
    <PageSection title={texts.previewPage.pullRequestAndExpiry}>
      <Facts
        facts={[
          [
            texts.previewPage.pullRequest,
            pullRequestUrl === null ? texts.previewPage.none : <OutsideLink url={pullRequestUrl} />,
          ],
          [texts.previewPage.comment, pullRequest && <PullRequestComment pullRequest={pullRequest} />],
          [
            texts.previewPage.kept,
            preview.keep && texts.previewPage.keptText(preview.keep.count, preview.keep.hours),
          ],
          [
            texts.previewPage.banner,
            preview.displayBanner || preview.keep !== null
              ? texts.previewPage.pagesShowBanner
              : texts.previewPage.none,
          ],
          [
            texts.previewPage.ends,
            expiresAt === null ? texts.previewPage.noFixedTime : formatTime(expiresAt),
          ],
          [texts.previewPage.whenUnused, idleText(idleExpirySeconds)],
          [texts.previewPage.created, <TimeAgo key="created" at={preview.createdAt} />],
          [texts.previewPage.changed, <TimeAgo key="changed" at={preview.updatedAt} />],
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
    pending: texts.previewPage.commentPending,
    posted: texts.previewPage.commentPosted,
    failed: texts.previewPage.commentFailed,
    unsupported: texts.previewPage.commentUnsupported,
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
  if (seconds === null) return texts.previewPage.teamDefault;
  if (seconds === 0) return texts.previewPage.neverRemoved;
  return texts.previewPage.removedAfter(formatSeconds(seconds));
}
