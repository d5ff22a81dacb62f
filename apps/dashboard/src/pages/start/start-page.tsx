import { Alert, Anchor, Button, Group, Progress, Stack, Tabs, Text, TextInput } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { Link, useLocation } from 'wouter';
import { apiKeys, createApiKey } from '../../api/api-keys.js';
import { isUsable } from '../../api/is-usable.js';
import { keyOf } from '../../api/keys.js';
import { useMay } from '../../api/me.js';
import { nameOfPreview, previewList } from '../../api/previews.js';
import { queryClient } from '../../api/query-client.js';
import { connectedSessions, nameOfManager, trafficManagers } from '../../api/traffic-managers.js';
import { CodeBlock } from '../../components/code-block.js';
import { Page } from '../../components/page.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { SecretOnce } from '../../components/secret-once.js';
import { toastProblem } from '../../components/toast.js';
import { NO_KEY, waysToConnect } from './connect-commands.js';
import { Step } from './step.js';
import classes from './start-page.module.css';

const ALL = { search: '', state: '', access: '', workload: '', client: '' };

/** Day one: from nothing to the first preview. */
export function StartPage(): ReactElement {
  const mayReadKeys = useMay('keys:read');
  const keys = useQuery({ ...apiKeys(), enabled: mayReadKeys });
  const managers = useQuery(trafficManagers());
  const sessions = useQuery(connectedSessions());
  const previews = useInfiniteQuery(previewList(ALL));
  // As long as the page is open, and nowhere else: the server tells it once.
  const [newKey, setNewKey] = useState<string | null>(null);

  const usableKeys = keys.data?.filter(isUsable) ?? [];
  const seen = managers.data?.filter(({ lastSeenAt }) => lastSeenAt !== null) ?? [];
  const connected = managers.data?.filter(({ id }) =>
    sessions.data?.some(({ trafficManagerId }) => trafficManagerId === id),
  );
  const made = previews.data?.pages[0]?.items ?? [];
  const used = made.find(({ lastUsedAt }) => lastUsedAt !== null);
  const done = [
    usableKeys.length > 0 || newKey !== null,
    seen.length > 0,
    made.length > 0,
    used !== undefined,
  ];
  const count = done.filter(Boolean).length;

  return (
    <Page title="Start" description="Four steps to an address for a service that nobody could reach.">
      <Stack gap="md">
        <Group gap="sm" maw="54rem" wrap="nowrap">
          <Progress value={(count / done.length) * 100} flex={1} aria-label="Steps that are done" />
          <Text size="sm" c="dimmed">
            {count === done.length ? 'All done' : `${count} of ${done.length} done`}
          </Text>
        </Group>
        <ol className={classes['steps']}>
          <KeyStep
            isDone={done[0] === true}
            count={usableKeys.length}
            newKey={newKey}
            onCreated={setNewKey}
          />
          <ConnectStep
            isDone={done[1] === true}
            apiKey={newKey}
            connected={(connected ?? []).map(nameOfManager)}
            isWaiting={seen.length === 0}
          />
          <PreviewStep
            isDone={done[2] === true}
            isConnected={(connected ?? []).length > 0}
            count={made.length}
          />
          <Step
            title="Open it"
            isDone={done[3] === true}
            summary={
              used === undefined
                ? 'This page sees the first request to a preview within a minute or so.'
                : `${nameOfPreview(used)} has been opened.`
            }
          >
            {made[0] !== undefined && (
              <Group gap="xs">
                <Button component="a" href={made[0].url} target="_blank" rel="noreferrer" variant="default">
                  Open {nameOfPreview(made[0])}
                </Button>
                <Anchor component={Link} href={`/previews/${made[0].id}/requests`} size="sm">
                  See the request arrive
                </Anchor>
              </Group>
            )}
          </Step>
        </ol>
      </Stack>
    </Page>
  );
}

interface KeyStepProps {
  readonly isDone: boolean;
  readonly count: number;
  readonly newKey: string | null;
  readonly onCreated: (key: string) => void;
}

function KeyStep({ isDone, count, newKey, onCreated }: KeyStepProps): ReactElement {
  const [isBusy, setIsBusy] = useState(false);
  const create = async (): Promise<void> => {
    setIsBusy(true);
    try {
      const { key } = await createApiKey({
        name: 'Traffic manager',
        // Intercepts are what it reports of its cluster, once agents and clients meet there.
        scopes: [
          'tunnel',
          'sessions:read',
          'intercepts:read',
          'intercepts:write',
          'previews:read',
          'previews:write',
        ],
      });
      onCreated(key);
      await queryClient.invalidateQueries({ queryKey: keyOf('api-key') });
    } catch (error) {
      toastProblem(error);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Step
      title="Make a key"
      isDone={isDone}
      summary={
        count === 0
          ? 'A traffic manager shows it when it connects.'
          : `The team has ${count === 1 ? 'a key' : `${count} keys`}. Make another, to have it filled in below.`
      }
    >
      {newKey === null ? (
        <Group gap="xs">
          <ScopedButton
            needs="keys:write"
            variant={isDone ? 'default' : 'filled'}
            loading={isBusy}
            onClick={() => void create()}
            // In two lines on a phone.
            h="auto"
            mih={36}
            styles={{ label: { whiteSpace: 'normal' } }}
          >
            Make a key for a traffic manager
          </ScopedButton>
          <Anchor component={Link} href="/api-keys" size="sm">
            All keys
          </Anchor>
        </Group>
      ) : (
        <SecretOnce what="key" secret={newKey} />
      )}
    </Step>
  );
}

interface ConnectStepProps {
  readonly isDone: boolean;
  readonly apiKey: string | null;
  readonly connected: readonly string[];
  readonly isWaiting: boolean;
}

function ConnectStep({ isDone, apiKey, connected, isWaiting }: ConnectStepProps): ReactElement {
  const [pasted, setPasted] = useState('');
  const shownKey = apiKey ?? (pasted.trim() === '' ? NO_KEY : pasted.trim());
  const ways = waysToConnect({ origin: window.location.origin, apiKey: shownKey });
  const isPlain = window.location.protocol === 'http:';
  return (
    <Step title="Connect a traffic manager" isDone={isDone} summary={summaryOf(connected, isWaiting)}>
      <Stack>
        {apiKey === null && (
          <TextInput
            label="Have a key already?"
            description="Paste it to have it filled in below. It stays in this page."
            placeholder="cvt_…"
            value={pasted}
            onChange={(event) => setPasted(event.currentTarget.value)}
            autoComplete="off"
            maxLength={200}
            maw={440}
          />
        )}
        <Tabs defaultValue="kubernetes" keepMounted={false}>
          <Tabs.List mb="md">
            {ways.map(({ id, label }) => (
              <Tabs.Tab key={id} value={id}>
                {label}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {ways.map(({ id, about, steps }) => (
            <Tabs.Panel key={id} value={id}>
              <Stack gap="sm">
                <Text size="sm">{about}</Text>
                {id === 'telepresence' && isPlain && (
                  <Alert color="orange" title="This deployment has no TLS here">
                    Telepresence connects over TLS only: set TLS_CERT_FILE and TLS_KEY_FILE.
                  </Alert>
                )}
                {steps.map(({ name, text, code }) => (
                  <div key={name}>
                    <Text size="sm" c="dimmed" mb={4}>
                      {text}
                    </Text>
                    <CodeBlock code={code} name={name} />
                  </div>
                ))}
              </Stack>
            </Tabs.Panel>
          ))}
        </Tabs>
      </Stack>
    </Step>
  );
}

function summaryOf(connected: readonly string[], isWaiting: boolean): string {
  if (connected.length > 0) return `Connected now: ${connected.join(', ')}.`;
  return isWaiting
    ? 'This page shows it as soon as it connects.'
    : 'One was here before; none is connected now.';
}

interface PreviewStepProps {
  readonly isDone: boolean;
  readonly isConnected: boolean;
  readonly count: number;
}

function PreviewStep({ isDone, isConnected, count }: PreviewStepProps): ReactElement {
  const [, navigate] = useLocation();
  return (
    <Step
      title="Make a preview"
      isDone={isDone}
      summary={
        isDone
          ? `The team has ${count === 1 ? 'a preview' : 'previews'}.`
          : 'Name a service, and where requests enter the cluster.'
      }
    >
      <Group gap="xs">
        <ScopedButton
          needs="previews:write"
          variant={isDone || !isConnected ? 'default' : 'filled'}
          onClick={() => navigate('/previews/new')}
        >
          Create a preview
        </ScopedButton>
        {isDone && (
          <Anchor component={Link} href="/previews" size="sm">
            All previews
          </Anchor>
        )}
      </Group>
    </Step>
  );
}
