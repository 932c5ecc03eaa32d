import { validate as configMap } from 'kubernetes-models/_schemas/IoK8sApiCoreV1ConfigMap';
import { validate as deployment } from 'kubernetes-models/_schemas/IoK8sApiAppsV1Deployment';
import { validate as horizontalPodAutoscaler } from 'kubernetes-models/_schemas/IoK8sApiAutoscalingV2HorizontalPodAutoscaler';
import { validate as ingress } from 'kubernetes-models/_schemas/IoK8sApiNetworkingV1Ingress';
import { validate as networkPolicy } from 'kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy';
import { validate as podDisruptionBudget } from 'kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget';
import { validate as secret } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Secret';
import { validate as service } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Service';
import { at } from './files.js';

type Validator = (document: unknown) => boolean;

const validators = new Map<string, Validator>([
  ['apps/v1 Deployment', deployment],
  ['autoscaling/v2 HorizontalPodAutoscaler', horizontalPodAutoscaler],
  ['networking.k8s.io/v1 Ingress', ingress],
  ['networking.k8s.io/v1 NetworkPolicy', networkPolicy],
  ['policy/v1 PodDisruptionBudget', podDisruptionBudget],
  ['v1 ConfigMap', configMap],
  ['v1 Secret', secret],
  ['v1 Service', service],
]);

/** What a cluster would refuse about this document, and what it would silently throw away: keys it doesn't know. */
export function schemaFaults(document: unknown): string[] {
  const kind = `${String(at(document, 'apiVersion'))} ${String(at(document, 'kind'))}`;
  const validate = validators.get(kind);
  if (validate === undefined) return [`no schema for ${kind}: add it to the tests`];
  const watched = watch(document);
  const valid = validate(watched.value);
  const errors: unknown = valid ? [] : Reflect.get(validate, 'errors');
  const invalid = Array.isArray(errors) ? errors.map(error => `invalid: ${JSON.stringify(error)}`) : [];
  return [...invalid, ...watched.unread().map(path => `unknown key: ${path}`)];
}

/** As `schemaFaults`, for a patch: what is missing in it stands in the document that it patches. */
export function patchFaults(document: unknown): string[] {
  return schemaFaults(document).filter(fault => !fault.includes('"keyword":"required"'));
}

/**
 * Finds unknown keys, which kubernetes-models lets pass. Its validators are compiled code that reads exactly the keys
 * that a schema has, and all keys of a map such as `labels`; so whatever a validator never looked at, no cluster would.
 */
function watch(root: unknown): { readonly value: unknown; unread(): string[] } {
  const seen: { readonly path: string; readonly target: object; readonly read: Set<string> }[] = [];

  function wrap(target: unknown, path: string): unknown {
    if (typeof target !== 'object' || target === null) return target;
    const read = new Set<string>();
    const children = new Map<string, unknown>();
    seen.push({ path, target, read });
    return new Proxy(target, {
      get(from, key) {
        const child: unknown = Reflect.get(from, key);
        if (typeof key === 'symbol') return child;
        read.add(key);
        if (!children.has(key)) children.set(key, wrap(child, `${path}/${key}`));
        return children.get(key);
      },
    });
  }

  return {
    value: wrap(root, ''),
    unread: () =>
      seen.flatMap(({ path, target, read }) =>
        Object.keys(target)
          .filter(key => !read.has(key))
          .map(key => `${path}/${key}`),
      ),
  };
}
