export { bodyHeadOf, extensionsOf, trailerLines } from './body-head.js';
export { type ExchangeMessagesOptions, ExchangeMessages } from './exchange-messages.js';
export { InflateBudget } from './inflater.js';
export { KeptBytes, type MessageMemory } from './kept-bytes.js';
export { MessageBudget } from './message-budget.js';
export type { ByteReader, Direction } from './observed-message.js';
export { WatchMemory } from './watch-memory.js';
