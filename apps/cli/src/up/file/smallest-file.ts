/** A whole `culvert.yaml` in one line, for hints: the npm package has no documentation beside it. */
export const SMALLEST_FILE = 'endpoints: { web: { target: 3000 } }';
