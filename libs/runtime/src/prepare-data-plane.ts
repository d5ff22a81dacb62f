import { restoreFastStrings } from './fast-strings.js';
import { keepHeapRoom } from './heap-room.js';

/** Makes V8 fit for moving visitors' requests. An edge calls it once, after all imports and before it serves. */
export function prepareDataPlane(): void {
  restoreFastStrings();
  keepHeapRoom();
}
