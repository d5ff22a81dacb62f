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
import { errorsOf, validate, type PreviewValues } from './preview-values.js';

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
            {isMoreShown ? 'Less' : 'More: headers, pull request, when it ends'}
          </Button>
        </div>
        {isMoreShown && <MoreFields form={form} />}
        <Group>
          <Button type="submit" loading={isBusy}>
            {submitLabel}
          </Button>
          <Button variant="default" onClick={onCancel}>
            Cancel
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
    <Fieldset legend="Service">
      <Stack>
        {hasIntercepts && (
          <SegmentedControl
            aria-label="Intercept"
            value={isExisting ? 'existing' : 'new'}
            onChange={(value) => form.setFieldValue('isExisting', value === 'existing')}
            data={[
              { value: 'new', label: 'New intercept' },
              { value: 'existing', label: 'Existing intercept' },
            ]}
          />
        )}
        {isExisting ? (
          <NativeSelect
            label="Intercept"
            withAsterisk
            data={[
              { value: '', label: 'Choose…' },
              ...(intercepts.data ?? []).map(({ id, name, workload, namespace, client }) => ({
                value: id,
                label: [name, `${workload} in ${namespace}`, client]
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
                label="Traffic manager"
                withAsterisk
                description="The cluster that the service runs in."
                data={[
                  { value: '', label: 'Choose…' },
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
                label="Workload"
                description="The workload to preview, such as a Deployment."
                placeholder="orders"
                withAsterisk
                {...form.getInputProps('intercept.workload')}
              />
              <TextInput
                label="Namespace"
                description="The namespace of the workload."
                withAsterisk
                {...form.getInputProps('intercept.namespace')}
              />
            </SimpleGrid>
            <TextInput
              label="Name"
              description="Name of the intercept. Default: the workload."
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
    <Fieldset legend="Ingress">
      <Stack>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput
            label="Ingress host"
            description="As the traffic manager resolves it."
            placeholder="ingress.shop.svc.cluster.local"
            withAsterisk
            {...form.getInputProps('ingress.host')}
          />
          <NumberInput
            label="Port"
            description="Port of the ingress."
            min={1}
            max={65_535}
            allowDecimal={false}
            withAsterisk
            {...form.getInputProps('ingress.port')}
          />
        </SimpleGrid>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput
            label="Host header"
            description="Host header sent to the ingress. Default: the ingress host."
            placeholder="shop.example.com"
            {...form.getInputProps('ingress.l5Host')}
          />
          <NativeSelect
            label="Protocol"
            description="gRPC needs HTTP/2."
            data={[
              { value: 'http1', label: 'HTTP/1.1' },
              { value: 'h2c', label: 'HTTP/2 without TLS' },
              { value: 'h2', label: 'HTTP/2 with TLS' },
            ]}
            {...form.getInputProps('ingress.protocol')}
            onChange={(event) => {
              const protocol = event.currentTarget.value as PreviewValues['ingress']['protocol'];
              form.setFieldValue('ingress.protocol', protocol);
              if (protocol !== 'http1') form.setFieldValue('ingress.useTls', protocol === 'h2');
            }}
          />
        </SimpleGrid>
        <Checkbox
          label="Allow protocols other than WebSocket"
          description="For docker attach, kubectl exec and Tailscale."
          {...form.getInputProps('allowUpgrades', { type: 'checkbox' })}
        />
        <Group>
          <Checkbox
            label="Use TLS to the ingress"
            {...form.getInputProps('ingress.useTls', { type: 'checkbox' })}
          />
          {form.values.ingress.useTls && (
            <Checkbox
              label="Verify its certificate"
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
    <Fieldset legend="Access">
      <Stack>
        <Radio.Group aria-label="Who can open the preview" {...form.getInputProps('access')}>
          <Stack gap="xs">
            <Radio
              value="team"
              label="The team and people it lets in"
              description="Visitors sign in first. Share links and tokens work too."
            />
            <Radio value="public" label="Everyone" description="Anyone who knows the address." />
          </Stack>
        </Radio.Group>
        {form.values.access === 'team' && (
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TagsInput
              label="People outside the team"
              description="Email addresses, each followed by Enter."
              placeholder="jo@client.example"
              maxTags={100}
              {...form.getInputProps('allowedEmails')}
            />
            <TagsInput
              label="Everyone at a domain"
              description="By their verified email addresses."
              placeholder="client.example"
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
  { value: '', label: 'Default of the team' },
  { value: '0', label: 'Never' },
  { value: '3600', label: 'An hour' },
  { value: '86400', label: 'A day' },
  { value: '604800', label: 'A week' },
  { value: '2592000', label: '30 days' },
];

function MoreFields({ form }: { form: Form }): ReactElement {
  const { idleExpirySeconds } = form.values;
  const idle = idleExpirySeconds === null ? '' : String(idleExpirySeconds);
  const idleChoices = IDLE_CHOICES.some(({ value }) => value === idle)
    ? IDLE_CHOICES
    : [...IDLE_CHOICES, { value: idle, label: `${idle} seconds` }];
  return (
    <Stack gap="lg">
      <HeaderFields form={form} />
      <Fieldset legend="Context">
        <Stack>
          <TextInput
            label="Pull request"
            description="Culvert comments on it with the address of the preview."
            placeholder="https://github.com/shop/orders/pull/17"
            {...form.getInputProps('pullRequestUrl')}
          />
          <Checkbox
            label="Show a banner on pages"
            {...form.getInputProps('displayBanner', { type: 'checkbox' })}
          />
        </Stack>
      </Fieldset>
      <Fieldset legend="Expiry">
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput
            type="datetime-local"
            label="Ends at"
            description="Empty: no fixed time."
            {...form.getInputProps('expiresAt')}
          />
          <NativeSelect
            label="Ends after no request for"
            description="The preview is then removed."
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
    <Fieldset legend="Headers added to every request">
      <Stack gap="xs">
        {headers.map((_header, index) => (
          // Rows have no name of their own, and their order does not change.
          <Group key={index} gap="xs" wrap="nowrap" align="flex-start">
            <TextInput
              aria-label={`Name of header ${index + 1}`}
              placeholder="x-dev"
              flex={1}
              {...form.getInputProps(`addRequestHeaders.${index}.name`)}
            />
            <TextInput
              aria-label={`Value of header ${index + 1}`}
              placeholder="ann"
              flex={2}
              {...form.getInputProps(`addRequestHeaders.${index}.value`)}
            />
            <ActionIcon
              size="lg"
              aria-label={`Remove header ${index + 1}`}
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
            Add a header
          </Button>
        </div>
      </Stack>
    </Fieldset>
  );
}
