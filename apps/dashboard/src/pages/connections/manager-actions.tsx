import { List, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answerOf, api } from '../../api/client.js';
import { refresh } from '../../api/refresh.js';
import { nameOfManager, type Session, type TrafficManager } from '../../api/traffic-managers.js';
import { useConfirm } from '../../components/confirm.js';
import { RenameDialog } from '../../components/rename-dialog.js';
import type { RowAction } from '../../components/row-menu.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { texts } from './texts.js';

/** Most hostnames that are listed before a deletion. */
const MAX_NAMED = 5;

interface ManagerActions {
  readonly actions: readonly RowAction[];
  /** Dialogs that the actions open. */
  readonly dialogs: ReactElement;
}

/** Returns the actions of a traffic manager. `onDeleted` is called after its deletion. */
export function useManagerActions(
  manager: TrafficManager,
  session: Session | undefined,
  onDeleted?: () => void,
): ManagerActions {
  const confirm = useConfirm();
  const [isRenaming, setIsRenaming] = useState(false);
  const name = nameOfManager(manager);

  const end = useMutation({
    mutationFn: (sessionId: string) =>
      answerOf(api.DELETE('/api/v1/sessions/{sessionId}', { params: { path: { sessionId } } })),
    onSuccess: () => toastDone(texts.managerActions.ended(name)),
    onError: (error) => toastProblem(error, texts.managerActions.notEnded),
    onSettled: () => refresh('session', 'traffic-manager'),
  });
  const remove = useMutation({
    mutationFn: () =>
      answerOf(
        api.DELETE('/api/v1/traffic-managers/{trafficManagerId}', {
          params: { path: { trafficManagerId: manager.id } },
        }),
      ),
    onSuccess: () => {
      toastDone(texts.managerActions.deleted(name));
      onDeleted?.();
    },
    onError: (error) => toastProblem(error, texts.managerActions.notDeleted(name)),
    onSettled: () => refresh('traffic-manager', 'session', 'intercept', 'preview'),
  });

  const askToEnd = async (sessionId: string): Promise<void> => {
    const isSure = await confirm({
      title: texts.managerActions.endTitle(name),
      text: texts.managerActions.endText,
      confirm: texts.managerActions.end,
      isDangerous: true,
    });
    if (isSure) end.mutate(sessionId);
  };
  const askToDelete = async (): Promise<void> => {
    try {
      const what = await whatGoesWith(manager.id);
      const isSure = await confirm({
        title: texts.managerActions.deleteTitle(name),
        text: <WhatGoes {...what} />,
        confirm: texts.managerActions.delete,
        isDangerous: true,
      });
      if (isSure) remove.mutate();
    } catch (error) {
      toastProblem(error, texts.managerActions.consequencesNotLoaded);
    }
  };

  const living = session?.state === 'ended' ? undefined : session;
  return {
    actions: [
      { label: texts.managerActions.rename, needs: 'sessions:write', onClick: () => setIsRenaming(true) },
      ...(living
        ? [
            {
              label: texts.managerActions.end,
              needs: 'sessions:write',
              onClick: () => void askToEnd(living.id),
              isDangerous: true,
            } as const,
          ]
        : []),
      {
        label: texts.managerActions.delete,
        needs: 'sessions:write',
        onClick: () => void askToDelete(),
        isDangerous: true,
      },
    ],
    dialogs: (
      <RenameDialog
        key={manager.name}
        title={texts.managerActions.renameTitle}
        description={texts.managerActions.renameDescription(manager.managerId)}
        name={manager.name}
        onRename={(renamed) => renameManager(manager.id, renamed)}
        isOpen={isRenaming}
        onClose={() => setIsRenaming(false)}
      />
    ),
  };
}

interface Belongings {
  readonly hostnames: readonly string[];
  readonly interceptCount: number;
  /** Whether there are more than were fetched. */
  readonly isMore: boolean;
}

async function whatGoesWith(trafficManagerId: string): Promise<Belongings> {
  const params = { query: { trafficManagerId, limit: 200 } };
  const [previews, intercepts] = await Promise.all([
    answerOf(api.GET('/api/v1/previews', { params })),
    answerOf(api.GET('/api/v1/intercepts', { params })),
  ]);
  return {
    hostnames: previews.items.map(({ hostname }) => hostname),
    interceptCount: intercepts.items.length,
    isMore: previews.nextCursor !== null || intercepts.nextCursor !== null,
  };
}

function WhatGoes({ hostnames, interceptCount, isMore }: Belongings): ReactElement {
  const named = hostnames.slice(0, MAX_NAMED);
  return (
    <Stack gap="xs">
      <Text size="sm">{texts.managerActions.consequences(interceptCount, hostnames.length, isMore)}</Text>
      {named.length > 0 && (
        <List size="sm">
          {named.map((hostname) => (
            <List.Item key={hostname}>{hostname}</List.Item>
          ))}
          {hostnames.length > named.length && (
            <List.Item>{texts.managerActions.others(hostnames.length - named.length)}</List.Item>
          )}
        </List>
      )}
      <Text size="sm">{texts.managerActions.appearsAgain}</Text>
    </Stack>
  );
}

async function renameManager(trafficManagerId: string, name: string): Promise<void> {
  const params = { path: { trafficManagerId } };
  await answerOf(api.PATCH('/api/v1/traffic-managers/{trafficManagerId}', { params, body: { name } }));
  await refresh('traffic-manager', 'session');
}
