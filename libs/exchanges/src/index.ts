export { decodedBytes, textOf } from './body-text.js';
export {
  durationOf,
  type ExchangeFilter,
  type ExchangeSearch,
  matchesFilter,
  matchesSearch,
} from './exchange-filter.js';
export {
  type ExchangeDocument,
  type ExchangeOwner,
  ExchangeReader,
  ExchangeVault,
  type Unreadable,
  writeExchange,
  type WrittenExchange,
} from './exchange-vault.js';
export { harEnd, harEntry, type HarItem, harStart, harText } from './har.js';
export { Redaction, type RedactionBudget } from './redaction.js';
