import {
  ActionIcon,
  Alert,
  Button,
  Checkbox,
  Fieldset,
  Group,
  NativeSelect,
  NumberInput,
  Radio,
  SegmentedControl,
  SimpleGrid,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core';
import { useForm, type FormErrors, type UseFormReturnType } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { flushSync } from 'react-dom';
import { recentIntercepts } from '../../api/intercepts.js';
import { describeError } from '../../api/problem.js';
import { nameOfManager, trafficManagers } from '../../api/traffic-managers.js';
import { IconPlus, IconX } from '../../icons.js';
import { KeepFields } from './keep-fields.js';
import { errorsOf, validate, type PreviewValues } from './preview-values.js';
import { formatSeconds, timeZoneAt } from '../../intl.js';
import { texts } from './texts.js';

type Form = UseFormReturnType<PreviewValues>;

interface PreviewFormProps {
  readonly initial: PreviewValues;
  /** Whether the preview exists already: its intercept then cannot change. */
  readonly isEdit: boolean;
  readonly submitLabel: string;
  /** Rejects with the server's error, which is then shown. */
  readonly onSubmit: (values: PreviewValues) => Promise<void>;
  readonly onCancel: () => void;
}

/** All settings of a preview. */
export function PreviewForm({
  initial,
  isEdit,
  submitLabel,
  onSubmit,
  onCancel,
}: PreviewFormProps): ReactElement {
  const form = useForm<PreviewValues>({ initialValues: initial, validate });
  const [failure, setFailure] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [isMoreShown, setIsMoreShown] = useState(isEdit);

  /** Shows errors at their fields, and focuses the first. @returns whether an error was shown at a field */
  const showErrors = (errors: FormErrors): boolean => {
    flushSync(() => {
      form.setErrors(errors);
      if (Object.keys(errors).some((path) => MORE.has(path.split('.')[0] ?? ''))) setIsMoreShown(true);
    });
    const field = document.querySelector<HTMLElement>('form [aria-invalid="true"]');
    if (field === null) return false;
    field.focus();
    return true;
  };

  const submit = async (values: PreviewValues): Promise<void> => {
    setIsBusy(true);
    setFailure(null);
    try {
      await onSubmit(values);
    } catch (error) {
      // Errors without a visible field are shown above the form.
      if (!showErrors(errorsOf(error))) setFailure(error);
    } finally {
      setIsBusy(false);
    }
  };

  return (
    <form onSubmit={form.onSubmit((values) => void submit(values), showErrors)} noValidate>
      <Stack gap="lg" maw={760}>
        {failure !== null && <Failure error={failure} />}
        {!isEdit && <InterceptFields form={form} />}
        <IngressFields form={form} />
        <AccessFields form={form} />
        <div>
          <Button
            variant="subtle"
            size="compact-sm"
            aria-expanded={isMoreShown}
            onClick={() => setIsMoreShown(!isMoreShown)}
          >
            {isMoreShown ? texts.previewForm.less : texts.previewForm.more}
          </Button>
        </div>
        {isMoreShown && <MoreFields form={form} />}
        <Group>
          <Button type="submit" loading={isBusy}>
            {submitLabel}
          </Button>
          <Button variant="default" onClick={onCancel}>
            {texts.previewForm.cancel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Fields that are hidden at first. */
const MORE: ReadonlySet<string> = new Set<keyof PreviewValues>([
  'addRequestHeaders',
  'pullRequestUrl',
  'displayBanner',
  'expiresAt',
  'idleExpirySeconds',
  'keep',
]);

function Failure({ error }: { error: unknown }): ReactElement {
  const { title, detail } = describeError(error);
  return (
    <Alert color="red" title={title} role="alert">
      {detail}
    </Alert>
  );
}

function InterceptFields({ form }: { form: Form }): ReactElement {
  const managers = useQuery(trafficManagers());
  const intercepts = useQuery(recentIntercepts());
  const { isExisting } = form.values;
  const hasIntercepts = (intercepts.data?.length ?? 0) > 0;
  return (
    <Fieldset legend={texts.previewForm.service}>
      <Stack>
        {hasIntercepts && (
          <SegmentedControl
            aria-label={texts.previewForm.intercept}
            value={isExisting ? 'existing' : 'new'}
            onChange={(value) => form.setFieldValue('isExisting', value === 'existing')}
            data={[
              { value: 'new', label: texts.previewForm.newIntercept },
              { value: 'existing', label: texts.previewForm.existingIntercept },
            ]}
          />
        )}
        {isExisting ? (
          <NativeSelect
            label={texts.previewForm.intercept}
            withAsterisk
            data={[
              { value: '', label: texts.previewForm.choose },
              ...(intercepts.data ?? []).map(({ id, name, workload, namespace, client }) => ({
                value: id,
                label: [name, texts.previewForm.workloadInNamespace(workload, namespace), client]
                  .filter((part) => part !== '')
                  .join(' · '),
              })),
            ]}
            {...form.getInputProps('interceptId')}
          />
        ) : (
          <>
            {(managers.data?.length ?? 0) > 1 && (
              <NativeSelect
                label={texts.previewForm.trafficManager}
                withAsterisk
                description={texts.previewForm.trafficManagerDescription}
                data={[
                  { value: '', label: texts.previewForm.choose },
                  ...(managers.data ?? []).map((manager) => ({
                    value: manager.id,
                    label: nameOfManager(manager),
                  })),
                ]}
                {...form.getInputProps('trafficManagerId')}
              />
            )}
            <SimpleGrid cols={{ base: 1, xs: 2 }}>
              <TextInput
                label={texts.previewForm.workload}
                description={texts.previewForm.workloadDescription}
                placeholder={texts.previewForm.workloadPlaceholder}
                withAsterisk
                {...form.getInputProps('intercept.workload')}
              />
              <TextInput
                label={texts.previewForm.namespace}
                description={texts.previewForm.namespaceDescription}
                withAsterisk
                {...form.getInputProps('intercept.namespace')}
              />
            </SimpleGrid>
            <TextInput
              label={texts.previewForm.name}
              description={texts.previewForm.nameDescription}
              {...form.getInputProps('intercept.name')}
            />
          </>
        )}
      </Stack>
    </Fieldset>
  );
}

function IngressFields({ form }: { form: Form }): ReactElement {
  return (
    <Fieldset legend={texts.previewForm.ingress}>
      <Stack>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput
            label={texts.previewForm.ingressHost}
            description={texts.previewForm.ingressHostDescription}
            placeholder={texts.previewForm.ingressHostPlaceholder}
            withAsterisk
            {...form.getInputProps('ingress.host')}
          />
          <NumberInput
            label={texts.previewForm.port}
            description={texts.previewForm.portDescription}
            min={1}
            max={65_535}
            allowDecimal={false}
            withAsterisk
            {...form.getInputProps('ingress.port')}
          />
        </SimpleGrid>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput
            label={texts.previewForm.hostHeader}
            description={texts.previewForm.hostHeaderDescription}
            placeholder={texts.previewForm.hostHeaderPlaceholder}
            {...form.getInputProps('ingress.l5Host')}
          />
          <NativeSelect
            label={texts.previewForm.protocol}
            description={texts.previewForm.protocolDescription}
            data={[
              { value: 'http1', label: texts.previewForm.http1 },
              { value: 'h2c', label: texts.previewForm.h2c },
              { value: 'h2', label: texts.previewForm.h2 },
            ]}
            {...form.getInputProps('ingress.protocol')}
            onChange={(event) => {
              const protocol = event.currentTarget.value as PreviewValues['ingress']['protocol'];
              form.setFieldValue('ingress.protocol', protocol);
              if (protocol !== 'http1') form.setFieldValue('ingress.useTls', protocol === 'h2');
            }}
          />
        </SimpleGrid>
        <NativeSelect
          label={texts.previewForm.addressedAs}
          description={texts.previewForm.addressedAsDescription}
          data={[
            { value: 'l5host', label: texts.previewForm.addressedAsL5host },
            { value: 'target', label: texts.previewForm.addressedAsTarget },
            { value: 'preview', label: texts.previewForm.addressedAsPreview },
          ]}
          {...form.getInputProps('ingress.addressedAs')}
        />
        <Checkbox
          label={texts.previewForm.allowUpgrades}
          description={texts.previewForm.allowUpgradesDescription}
          {...form.getInputProps('allowUpgrades', { type: 'checkbox' })}
        />
        <Group>
          <Checkbox
            label={texts.previewForm.tls}
            {...form.getInputProps('ingress.useTls', { type: 'checkbox' })}
          />
          {form.values.ingress.useTls && (
            <Checkbox
              label={texts.previewForm.verifyTls}
              {...form.getInputProps('ingress.verifyTls', { type: 'checkbox' })}
            />
          )}
        </Group>
      </Stack>
    </Fieldset>
  );
}

function AccessFields({ form }: { form: Form }): ReactElement {
  return (
    <Fieldset legend={texts.previewForm.access}>
      <Stack>
        <Radio.Group aria-label={texts.previewForm.accessChoice} {...form.getInputProps('access')}>
          <Stack gap="xs">
            <Radio
              value="team"
              label={texts.previewForm.accessTeam}
              description={texts.previewForm.accessTeamDescription}
            />
            <Radio
              value="public"
              label={texts.previewForm.accessPublic}
              description={texts.previewForm.accessPublicDescription}
            />
          </Stack>
        </Radio.Group>
        {form.values.access === 'team' && (
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TagsInput
              label={texts.previewForm.allowedEmails}
              description={texts.previewForm.allowedEmailsDescription}
              placeholder={texts.previewForm.allowedEmailsPlaceholder}
              maxTags={100}
              {...form.getInputProps('allowedEmails')}
            />
            <TagsInput
              label={texts.previewForm.allowedDomains}
              description={texts.previewForm.allowedDomainsDescription}
              placeholder={texts.previewForm.allowedDomainsPlaceholder}
              maxTags={100}
              {...form.getInputProps('allowedDomains')}
            />
          </SimpleGrid>
        )}
      </Stack>
    </Fieldset>
  );
}

const IDLE_CHOICES = [
  { value: '', label: texts.previewForm.teamDefault },
  { value: '0', label: texts.previewForm.never },
  { value: '3600', label: texts.previewForm.anHour },
  { value: '86400', label: texts.previewForm.aDay },
  { value: '604800', label: texts.previewForm.aWeek },
  { value: '2592000', label: texts.previewForm.days30 },
];

function MoreFields({ form }: { form: Form }): ReactElement {
  const { idleExpirySeconds, expiresAt } = form.values;
  // Summer time may end before the preview does.
  const [openedAt] = useState(() => Date.now());
  const timeZone = timeZoneAt(Date.parse(expiresAt) || openedAt);
  const idle = idleExpirySeconds === null ? '' : String(idleExpirySeconds);
  const idleChoices = IDLE_CHOICES.some(({ value }) => value === idle)
    ? IDLE_CHOICES
    : [...IDLE_CHOICES, { value: idle, label: formatSeconds(Number(idle)) }];
  return (
    <Stack gap="lg">
      <HeaderFields form={form} />
      <Fieldset legend={texts.previewForm.context}>
        <Stack>
          <TextInput
            label={texts.previewForm.pullRequest}
            description={texts.previewForm.pullRequestDescription}
            placeholder={texts.previewForm.pullRequestPlaceholder}
            {...form.getInputProps('pullRequestUrl')}
          />
          <Checkbox
            label={texts.previewForm.displayBanner}
            {...form.getInputProps('displayBanner', { type: 'checkbox' })}
          />
          <KeepFields form={form} />
        </Stack>
      </Fieldset>
      <Fieldset legend={texts.previewForm.expiry}>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput
            type="datetime-local"
            label={texts.previewForm.endsAt}
            description={texts.previewForm.endsAtDescription(timeZone)}
            {...form.getInputProps('expiresAt')}
          />
          <NativeSelect
            label={texts.previewForm.idleExpiry}
            description={texts.previewForm.idleExpiryDescription}
            data={idleChoices}
            value={idle}
            error={form.errors['idleExpirySeconds']}
            onChange={({ currentTarget: { value } }) =>
              form.setFieldValue('idleExpirySeconds', value === '' ? null : Number(value))
            }
          />
        </SimpleGrid>
      </Fieldset>
    </Stack>
  );
}

function HeaderFields({ form }: { form: Form }): ReactElement {
  const headers = form.values.addRequestHeaders;
  const error = form.errors['addRequestHeaders'];
  return (
    <Fieldset legend={texts.previewForm.headers}>
      <Stack gap="xs">
        {headers.map((_header, index) => (
          // Rows have no name of their own, and their order does not change.
          <Group key={index} gap="xs" wrap="nowrap" align="flex-start">
            <TextInput
              aria-label={texts.previewForm.headerName(index + 1)}
              placeholder={texts.previewForm.headerNamePlaceholder}
              flex={1}
              {...form.getInputProps(`addRequestHeaders.${index}.name`)}
            />
            <TextInput
              aria-label={texts.previewForm.headerValue(index + 1)}
              placeholder={texts.previewForm.headerValuePlaceholder}
              flex={2}
              {...form.getInputProps(`addRequestHeaders.${index}.value`)}
            />
            <ActionIcon
              size="lg"
              aria-label={texts.previewForm.removeHeader(index + 1)}
              onClick={() => form.removeListItem('addRequestHeaders', index)}
            >
              <IconX size={16} />
            </ActionIcon>
          </Group>
        ))}
        {error !== undefined && (
          <Text size="sm" c="var(--mantine-color-error)" role="alert">
            {error}
          </Text>
        )}
        <div>
          <Button
            variant="default"
            size="xs"
            leftSection={<IconPlus size={14} />}
            onClick={() => form.insertListItem('addRequestHeaders', { name: '', value: '' })}
          >
            {texts.previewForm.addHeader}
          </Button>
        </div>
      </Stack>
    </Fieldset>
  );
}
