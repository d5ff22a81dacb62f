import { Checkbox, NumberInput, SimpleGrid } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import type { ReactElement } from 'react';
import type { PreviewValues } from './preview-values.js';
import { texts } from './texts.js';

/** What a preview keeps when a person turns it on. */
const NEW_KEEP = { count: 200, hours: 24 };

/** Whether a preview keeps its last requests, how many, and for how long. */
export function KeepFields({ form }: { form: UseFormReturnType<PreviewValues> }): ReactElement {
  const { keep } = form.values;
  return (
    <>
      <Checkbox
        label={texts.previewForm.keep}
        description={texts.previewForm.keepDescription}
        checked={keep !== null}
        onChange={(event) => form.setFieldValue('keep', event.currentTarget.checked ? NEW_KEEP : null)}
      />
      {keep !== null && (
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <NumberInput
            label={texts.previewForm.keepCount}
            min={1}
            max={1000}
            allowDecimal={false}
            {...form.getInputProps('keep.count')}
          />
          <NumberInput
            label={texts.previewForm.keepHours}
            min={1}
            max={168}
            allowDecimal={false}
            {...form.getInputProps('keep.hours')}
          />
        </SimpleGrid>
      )}
    </>
  );
}
