import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that wait for most of their time: for limits of the product, such as the 30 seconds after which an edge counts as
 * dead. The longest first. Begun last, they would run alone at the end; begun together with files that compute, they cost
 * next to no time of a run.
 */
export const PATIENT = ['outages', 'two-edges', 'edges-split', 'killed-parts'].map(
  (name) => `${name}.spec.ts`,
);

/** Runs the files of PATIENT first, and the others in Vitest's own order: the longest first, as far as it knows. */
export class SuiteSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line no-array-sort -- this is no array.
    const sorted = await super.sort(files);
    return patientFirst(sorted, ({ moduleId }) => moduleId);
  }
}

/** Returns the files with those of PATIENT first. The others keep their order. */
export function patientFirst<File>(files: readonly File[], pathOf: (file: File) => string): File[] {
  const placeOf = (file: File): number => {
    const place = PATIENT.indexOf(basename(pathOf(file)));
    return place < 0 ? PATIENT.length : place;
  };
  return files.toSorted((a, b) => placeOf(a) - placeOf(b));
}
