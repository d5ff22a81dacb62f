import { formatNumber } from './intl.js';

/** Language of the texts, whose rules choose the form of a noun. The digits are those of the browser's language. */
const TEXT_LANGUAGE = 'en';

const plural = new Intl.PluralRules(TEXT_LANGUAGE);

/** Forms of a noun by the categories of CLDR. English has two. */
export type Forms = Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> & { readonly other: string };

/** `1 preview`, `1,200 previews`. */
export function count(amount: number, forms: Forms): string {
  return `${formatNumber(amount)} ${forms[plural.select(amount)] ?? forms.other}`;
}
