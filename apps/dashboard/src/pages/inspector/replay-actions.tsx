import { Alert } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import type {
  CapturedBody,
  Exchange,
  ExchangeBodies,
  ExchangeSource,
  Replay,
  ReplayRequest,
} from '../../api/exchanges.js';
import { describeError } from '../../api/problem.js';
import { useConfirm } from '../../components/confirm.js';
import { ReasonedButton } from '../../components/reasoned-button.js';
import { toastDone } from '../../components/toast.js';
import { formatMilliseconds } from '../../intl.js';
import { IconPencil, IconRepeat } from '../../icons.js';
import { ReplayDialog } from './replay-dialog.js';
import { draftOf, isSafe, sentBody } from './replay-draft.js';
import { texts } from './texts.js';

interface ReplayActionsProps {
  readonly source: ExchangeSource;
  /** Why the person must not replay requests; undefined: they may. */
  readonly reasonAgainst: string | undefined;
  readonly exchange: Exchange;
  readonly bodies: ExchangeBodies | undefined;
  /** @param sent body of the replayed request */
  readonly onReplayed: (replay: Replay, sent: CapturedBody | null) => void;
}

/** Buttons that replay the request of an exchange, unchanged or edited, with the error if that failed. */
export function ReplayActions(props: ReplayActionsProps): ReactElement {
  const { source, reasonAgainst, exchange, bodies, onReplayed } = props;
  const [isEditing, setIsEditing] = useState(false);
  const confirm = useConfirm();
  const replay = useMutation({
    mutationFn: (request: ReplayRequest) => source.replay(request),
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
  const drafted = draftOf(exchange, bodies);
  // Culvert may hold a body that this page does not have; the program of this machine sends what it shows.
  const isIncomplete = source.isLocal && drafted.notes.body === 'missing';
  const isSendingAsItWas = replay.isPending && !isEditing;
  return (
    <>
      <ReasonedButton
        reasonAgainst={reasonAgainst ?? (isIncomplete ? texts.replayActions.bodyMissing : undefined)}
        leftSection={<IconRepeat size={16} />}
        loading={isSendingAsItWas}
        onClick={() => void send({ exchangeId: exchange.id })}
      >
        {texts.replayActions.replay}
      </ReasonedButton>
      <ReasonedButton
        reasonAgainst={reasonAgainst}
        variant="default"
        leftSection={<IconPencil size={16} />}
        onClick={() => {
          replay.reset();
          setIsEditing(true);
        }}
      >
        {texts.replayActions.editAndReplay}
      </ReasonedButton>
      {replay.error !== null && !isEditing && <ReplayProblem error={replay.error} />}
      {isEditing && (
        <ReplayDialog
          exchangeId={exchange.id}
          drafted={drafted}
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
