import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, type ConfigOutcome, loadConfig } from '../../src/config.js';
import { at, keys, list, manifest, root, text } from './files.js';

/** Stands in for the placeholder in each of the Secret's values. */
const FILLED_IN = 'a-value-of-more-than-thirty-two-bytes';

/** What Warren makes of the environment that the manifests give it: ConfigMap, Deployment, the Secret's files. */
export function loadPodConfig(placeholder: string = FILLED_IN): ConfigOutcome {
  const configMap = manifest('k8s/configmap.yaml');
  const secret = manifest('k8s/secret.example.yaml');
  const container = at(manifest('k8s/deployment.yaml'), 'spec', 'template', 'spec', 'containers', 0);
  const mount = text(container, 'volumeMounts', 0, 'mountPath');
  const folder = mkdtempSync(join(tmpdir(), 'warren-secrets-'));
  try {
    for (const name of keys(secret, 'stringData')) {
      writeFileSync(join(folder, name), text(secret, 'stringData', name).replace('REPLACE-ME', placeholder));
    }
    const env: NodeJS.ProcessEnv = { NODE_ENV: 'production' };
    for (const name of keys(configMap, 'data')) env[name] = text(configMap, 'data', name);
    for (const variable of list(container, 'env')) {
      const value = at(variable, 'value');
      env[text(variable, 'name')] =
        typeof value === 'string' ? value.replace(mount, folder) : 'warren-5f7c9-x2x4z';
    }
    return loadConfig(env, { folder: join(root, 'config') });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same, where it has to be in order. */
export function podConfig(): Config {
  const outcome = loadPodConfig();
  assert.deepEqual(outcome.kind === 'faults' ? outcome.faults : [], []);
  assert.ok(outcome.kind === 'ok');
  return outcome.config;
}
