import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { answerOf, api } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import { useMay } from '../../api/me.js';
import type { Session } from '../../api/traffic-managers.js';
import { texts } from './texts.js';

/** Shows the credential of a session's newest tunnel. */
export function SessionCredential({ session }: { session: Session }): ReactElement {
  const { apiKeyId } = session;
  if (apiKeyId !== null) return <KeyName apiKeyId={apiKeyId} />;
  return <>{texts.sessionCredential.program}</>;
}

function KeyName({ apiKeyId }: { apiKeyId: string }): ReactElement {
  const mayAsk = useMay('keys:read');
  const key = useQuery({
    queryKey: keyOf('api-key', 'one', apiKeyId),
    queryFn: () => answerOf(api.GET('/api/v1/api-keys/{apiKeyId}', { params: { path: { apiKeyId } } })),
    enabled: mayAsk,
  });
  return (
    <>
      {key.data === undefined
        ? texts.sessionCredential.anApiKey
        : texts.sessionCredential.theApiKey(key.data.name)}
    </>
  );
}
