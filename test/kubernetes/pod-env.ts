/** The environment of a container, as a kubelet makes it from the objects that the container names. */
import type { ChartContainer } from '../infra/chart-pods.js';
import { ApiError, type Cluster } from './cluster.js';

type Data = Readonly<Record<string, string>>;

/** Returns the variables of a container. Rejects if it names an object or a key that does not exist. */
export async function envOf(
  cluster: Cluster,
  namespace: string,
  { env, envFrom = [] }: ChartContainer,
  podIp: string,
): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const { secretRef } of envFrom)
    Object.assign(values, await secretData(cluster, namespace, secretRef.name));
  const fields: Data = { 'status.podIP': podIp, 'metadata.namespace': namespace };
  for (const { name, value, valueFrom } of env) {
    const { secretKeyRef, configMapKeyRef, fieldRef } = valueFrom ?? {};
    if (secretKeyRef) {
      values[name] = required(await secretData(cluster, namespace, secretKeyRef.name), secretKeyRef.key);
    } else if (configMapKeyRef) {
      const data = await configData(
        cluster,
        namespace,
        configMapKeyRef.name,
        configMapKeyRef.optional ?? false,
      );
      if (data !== null) values[name] = required(data, configMapKeyRef.key);
    } else if (fieldRef) {
      values[name] = required(fields, fieldRef.fieldPath);
    } else {
      // References to variables of the list so far.
      values[name] = (value ?? '').replaceAll(/\$\((\w+)\)/g, (text, other: string) => values[other] ?? text);
    }
  }
  return values;
}

/** Returns the content of a secret as text. */
export async function secretData(cluster: Cluster, namespace: string, name: string): Promise<Data> {
  const { data } = await cluster.get<{ data: Data }>(`/api/v1/namespaces/${namespace}/secrets/${name}`);
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  );
}

/** Returns the content of a ConfigMap; null if it does not exist and is optional. */
export async function configData(
  cluster: Cluster,
  namespace: string,
  name: string,
  isOptional: boolean,
): Promise<Data | null> {
  try {
    return (await cluster.get<{ data: Data }>(`/api/v1/namespaces/${namespace}/configmaps/${name}`)).data;
  } catch (error) {
    if (isOptional && error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

function required(data: Data, key: string): string {
  const value = data[key];
  if (value === undefined) throw new Error(`no key ${key}`);
  return value;
}
