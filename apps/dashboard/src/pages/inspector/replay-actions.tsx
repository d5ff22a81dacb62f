import { Alert } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import {
  type CapturedBody,
  type Exchange,
  type ExchangeBodies,
  type Replay,
  replayRequest,
  type ReplayRequest,
} from '../../api/exchanges.js';
import { describeError } from '../../api/problem.js';
import type { Preview } from '../../api/previews.js';
import { useConfirm } from '../../components/confirm.js';
import { ScopedButton } from '../../components/scoped-button.js';
import { toastDone } from '../../components/toast.js';
import { formatMilliseconds } from '../../intl.js';
import { IconPencil, IconRepeat } from '../../icons.js';
import { ReplayDialog } from './replay-dialog.js';
import { draftOf, isSafe, sentBody } from './replay-draft.js';
import { texts } from './texts.js';

interface ReplayActionsProps {
  readonly preview: Preview;
  readonly exchange: Exchange;
  readonly bodies: ExchangeBodies | undefined;
  /** @param sent body of the replayed request */
  readonly onReplayed: (replay: Replay, sent: CapturedBody | null) => void;
}

/** Buttons that replay the request of an exchange, unchanged or edited, with the error if that failed. */
export function ReplayActions({ preview, exchange, bodies, onReplayed }: ReplayActionsProps): ReactElement {
  const [isEditing, setIsEditing] = useState(false);
  const confirm = useConfirm();
  const replay = useMutation({
    mutationFn: (request: ReplayRequest) => replayRequest(preview.id, request),
    onSuccess: (done, request) => {
      const { method = exchange.method } = request;
      setIsEditing(false);
      toastDone(texts.replayActions.responded(method, done.status, formatMilliseconds(done.firstByteMs)));
      onReplayed(done, sentBody(request, bodies));
    },
  });
  const send = async (request: ReplayRequest): Promise<void> => {
    const { method = exchange.method } = request;
    const isSure =
      isSafe(method) ||
      (await confirm({
        title: texts.replayActions.sendTitle(method),
        text: texts.replayActions.sendText,
        confirm: texts.replayActions.send(method),
      }));
    if (isSure) replay.mutate(request);
  };
  const isSendingAsItWas = replay.isPending && !isEditing;
  return (
    <>
      <ScopedButton
        needs="previews:write"
        leftSection={<IconRepeat size={16} />}
        loading={isSendingAsItWas}
        onClick={() => void send({ exchangeId: exchange.id })}
      >
        {texts.replayActions.replay}
      </ScopedButton>
      <ScopedButton
        needs="previews:write"
        variant="default"
        leftSection={<IconPencil size={16} />}
        onClick={() => {
          replay.reset();
          setIsEditing(true);
        }}
      >
        {texts.replayActions.editAndReplay}
      </ScopedButton>
      {replay.error !== null && !isEditing && <ReplayProblem error={replay.error} />}
      {isEditing && (
        <ReplayDialog
          exchangeId={exchange.id}
          drafted={draftOf(exchange, bodies)}
          onClose={() => {
            setIsEditing(false);
            replay.reset();
          }}
          onSend={(request) => void send(request)}
          isPending={replay.isPending}
          error={replay.error}
        />
      )}
    </>
  );
}

function ReplayProblem({ error }: { error: unknown }): ReactElement {
  const { title, detail } = describeError(error);
  return (
    <Alert color="red" title={title} role="alert" w="100%">
      {detail}
    </Alert>
  );
}
