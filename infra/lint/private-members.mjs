/**
 * The rule of private members: `private x`, never `#x`. The compiler keeps both, and one way is less to read. `#x` is for a
 * field that holds a secret itself: a log line, an error or a serialized object cannot show what only the class can read.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The fields that hold secrets, by file. */
const SECRETS = {
  'libs/client/src/exposure/exposure.ts': ['shownSecret'],
  'libs/events/src/redis-event-bus.ts': ['redisUrl'],
};

/** `culvert/private-members`. */
export const privateMembers = {
  meta: {
    type: 'suggestion',
    docs: { description: 'Private members are `private x`; `#x` is for the secrets that are listed' },
  },
  create(context) {
    const secrets = SECRETS[relative(root, context.filename).replaceAll('\\', '/')] ?? [];
    const check = ({ key }) => {
      if (key.type !== 'PrivateIdentifier' || secrets.includes(key.name)) return;
      const message = `write \`private ${key.name}\`: #${key.name} is for secrets that infra/lint/private-members.mjs lists`;
      context.report({ node: key, message });
    };
    return { PropertyDefinition: check, MethodDefinition: check, AccessorProperty: check };
  },
};
