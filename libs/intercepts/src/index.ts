export { InterceptTable, type HeaderLines, type TableEntry } from './intercept-table.js';
export {
  checkRules,
  isSameRule,
  MAX_RULES,
  parseHeaderFlag,
  sameRules,
  showRule,
  type HeaderRule,
} from './header-rule.js';
export { RuleError } from './rule-error.js';
