export function findInMarkdown(
  markdown: string,
): { readonly line: number; readonly found: string; readonly advice: string }[];
