import { Alert, Anchor, Button, Group, Progress, Stack, Tabs, Text, TextInput } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { Link, useLocation } from 'wouter';
import { createApiKey } from '../../api/api-keys.js';
import { KEY_PURPOSES, type KeyPurposeName } from '../../api/key-purposes.js';
import { nameOfPreview, previewList } from '../../api/previews.js';
import { refresh } from '../../api/refresh.js';
import { connectedSessions, nameOfManager, trafficManagers } from '../../api/traffic-managers.js';
import { CodeBlock } from '../../components/code-block.js';
import { Page } from '../../components/page.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { SecretOnce } from '../../components/secret-once.js';
import { toastProblem } from '../../components/toast.js';
import { NO_KEY, waysToConnect } from './connect-commands.js';
import { Step } from './step.js';
import { texts } from './texts.js';
import classes from './start-page.module.css';

const ALL = { search: '', state: '', access: '', workload: '', client: '' };

/** The first day: from nothing to the first preview. */
export function StartPage(): ReactElement {
  const managers = useQuery(trafficManagers());
  const sessions = useQuery(connectedSessions());
  const previews = useInfiniteQuery(previewList(ALL));
  const seen = managers.data?.filter(({ lastSeenAt }) => lastSeenAt !== null) ?? [];
  const connected = managers.data?.filter(({ id }) =>
    sessions.data?.some(({ trafficManagerId }) => trafficManagerId === id),
  );
  const made = previews.data?.pages[0]?.items ?? [];
  const used = made.find(({ lastUsedAt }) => lastUsedAt !== null);
  const offered = used ?? made[0];
  const done = [seen.length > 0, made.length > 0, used !== undefined];
  const count = done.filter(Boolean).length;

  return (
    <Page title={texts.startPage.title} description={texts.startPage.description}>
      <Stack gap="md">
        <Group gap="sm" maw="54rem" wrap="nowrap">
          <Progress
            value={(count / done.length) * 100}
            flex={1}
            aria-label={texts.startPage.completedSteps}
          />
          <Text size="sm" c="dimmed">
            {count === done.length ? texts.startPage.allDone : texts.startPage.stepsDone(count, done.length)}
          </Text>
        </Group>
        <ol className={classes['steps']}>
          <ConnectStep
            isDone={done[0] === true}
            connected={(connected ?? []).map(nameOfManager)}
            isWaiting={seen.length === 0}
          />
          <PreviewStep
            isDone={done[1] === true}
            isConnected={(connected ?? []).length > 0}
            count={made.length}
          />
          <Step
            title={texts.startPage.openPreview}
            isDone={done[2] === true}
            summary={
              used === undefined ? texts.startPage.notOpened : texts.startPage.opened(nameOfPreview(used))
            }
          >
            {offered !== undefined && (
              <Group gap="xs">
                <Button component="a" href={offered.url} target="_blank" rel="noreferrer" variant="default">
                  {texts.startPage.open(nameOfPreview(offered))}
                </Button>
                <Anchor component={Link} href={`/previews/${offered.id}/requests`} size="sm">
                  {texts.startPage.seeRequestArrive}
                </Anchor>
              </Group>
            )}
          </Step>
        </ol>
      </Stack>
    </Page>
  );
}

interface ConnectStepProps {
  readonly isDone: boolean;
  readonly connected: readonly string[];
  readonly isWaiting: boolean;
}

function ConnectStep({ isDone, connected, isWaiting }: ConnectStepProps): ReactElement {
  // Kept only as long as the page is open: the server shows a key only once.
  const [keys, setKeys] = useState<Partial<Record<KeyPurposeName, string>>>({});
  const [pasted, setPasted] = useState('');
  const { origin } = window.location;
  const ways = waysToConnect({ origin, keyOf: (keyFor) => keys[keyFor] ?? (pasted.trim() || NO_KEY) });
  return (
    <Step title={texts.startPage.connectService} isDone={isDone} summary={summaryOf(connected, isWaiting)}>
      <Tabs defaultValue={ways[0]?.id} keepMounted={false}>
        <Tabs.List mb="md">
          {ways.map(({ id, label }) => (
            <Tabs.Tab key={id} value={id}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {ways.map(({ id, about, keyFor, obstacle, steps }) => (
          <Tabs.Panel key={id} value={id}>
            <Stack gap="sm">
              <Text size="sm">{about}</Text>
              {obstacle !== null && (
                <Alert color="orange" title={texts.startPage.obstacle}>
                  {obstacle}
                </Alert>
              )}
              {keyFor !== null && (
                <KeyChoice
                  keyFor={keyFor}
                  newKey={keys[keyFor] ?? null}
                  onCreated={(key) => setKeys({ ...keys, [keyFor]: key })}
                  pasted={pasted}
                  onPaste={setPasted}
                />
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
    </Step>
  );
}

interface KeyChoiceProps {
  readonly keyFor: KeyPurposeName;
  readonly newKey: string | null;
  readonly onCreated: (key: string) => void;
  readonly pasted: string;
  readonly onPaste: (key: string) => void;
}

/** Creates the key for the commands below, or accepts an existing one. */
function KeyChoice({ keyFor, newKey, onCreated, pasted, onPaste }: KeyChoiceProps): ReactElement {
  const { label, scopes } = KEY_PURPOSES[keyFor];
  const creation = useMutation({
    mutationFn: () => createApiKey({ name: label, scopes: [...scopes] }),
    onSuccess: ({ key }) => onCreated(key),
    onError: (error) => toastProblem(error, texts.startPage.notCreated),
    onSettled: () => refresh('api-key', 'team'),
  });
  if (newKey !== null) return <SecretOnce what="key" secret={newKey} />;
  return (
    <Group gap="sm" align="flex-end">
      <ScopedButton needs="keys:write" loading={creation.isPending} onClick={() => creation.mutate()}>
        {texts.startPage.createKey}
      </ScopedButton>
      <TextInput
        label={texts.startPage.existingKey}
        description={texts.startPage.existingKeyAbout}
        placeholder={texts.startPage.existingKeyPlaceholder}
        value={pasted}
        onChange={(event) => onPaste(event.currentTarget.value)}
        autoComplete="off"
        maxLength={200}
        flex={1}
        miw={200}
        maw={440}
      />
    </Group>
  );
}

function summaryOf(connected: readonly string[], isWaiting: boolean): string {
  if (connected.length > 0) return texts.startPage.connectedNow(connected.join(', '));
  return isWaiting ? texts.startPage.notConnected : texts.startPage.noLongerConnected;
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
      title={texts.startPage.createPreview}
      isDone={isDone}
      summary={isDone ? texts.startPage.hasPreviews(count) : texts.startPage.createAbout}
    >
      <Group gap="xs">
        <ScopedButton
          needs="previews:write"
          variant={isDone || !isConnected ? 'default' : 'filled'}
          onClick={() => navigate('/previews/new')}
        >
          {texts.startPage.createPreview}
        </ScopedButton>
        {isDone && (
          <Anchor component={Link} href="/previews" size="sm">
            {texts.startPage.allPreviews}
          </Anchor>
        )}
      </Group>
    </Step>
  );
}
