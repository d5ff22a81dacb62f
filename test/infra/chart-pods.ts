/** The pods of rendered manifests, whatever makes them. */
import type { Manifest } from './helm.js';

/** The parts of a pod that tests look at. */
export interface ChartPod {
  /** Name of the object that makes the pod. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: {
    readonly serviceAccountName: string;
    readonly automountServiceAccountToken: boolean;
    readonly terminationGracePeriodSeconds?: number;
    readonly securityContext: object;
    readonly containers: readonly [ChartContainer, ...ChartContainer[]];
    readonly volumes?: readonly {
      readonly name: string;
      readonly emptyDir?: object;
      readonly persistentVolumeClaim?: object;
      readonly secret?: { readonly secretName: string };
      readonly configMap?: { readonly name: string; readonly optional?: boolean };
    }[];
  };
}

export interface ChartContainer {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly securityContext: object;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly envFrom?: readonly { readonly secretRef: { readonly name: string } }[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: {
      readonly secretKeyRef?: { readonly name: string; readonly key: string };
      readonly configMapKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean };
      readonly fieldRef?: { readonly fieldPath: string };
    };
  }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Workload extends Manifest {
  readonly spec?: {
    /** Volumes that a StatefulSet claims for each pod. */
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: ChartPod['spec'];
    };
  };
}

/** Returns the pods of all Deployments, StatefulSets and Jobs. */
export function podsOf(manifests: readonly Manifest[]): ChartPod[] {
  return manifests.flatMap((manifest) => {
    const template = (manifest as Workload).spec?.template;
    if (template === undefined) return [];
    const claims = ((manifest as Workload).spec?.volumeClaimTemplates ?? []).map(
      ({ metadata: { name } }) => ({
        name,
        persistentVolumeClaim: { claimName: `${name}-${manifest.metadata.name}-0` },
      }),
    );
    const spec = { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...claims] };
    return [{ name: manifest.metadata.name, labels: template.metadata.labels, spec }];
  });
}
