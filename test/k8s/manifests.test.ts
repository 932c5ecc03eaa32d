import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { at, keys, list, manifest, parseYaml, readProjectFile, text, yamlFilesIn } from './files.js';
import { patchFaults, schemaFaults } from './schema.js';

const baseFiles = yamlFilesIn('k8s').filter(
  name => !['kustomization.yaml', 'secret.example.yaml'].includes(name),
);
const manifests = [
  ...baseFiles.map(name => `k8s/${name}`),
  'k8s/secret.example.yaml',
  ...yamlFilesIn('k8s/examples').map(name => `k8s/examples/${name}`),
];
const podLabels = at(manifest('k8s/deployment.yaml'), 'spec', 'template', 'metadata', 'labels');

describe('each Kubernetes manifest', () => {
  for (const path of [...manifests, 'k8s/kustomization.yaml']) {
    it(`${path} means the same to a YAML 1.1 reader as to a YAML 1.2 one`, () => {
      const content = readProjectFile(path);
      assert.deepEqual(parseYaml(content, path, '1.1'), parseYaml(content, path, '1.2'));
    });
  }

  for (const path of manifests) {
    it(`${path} fits the Kubernetes schema and has no key that Kubernetes doesn't know`, () => {
      const documents = parseYaml(readProjectFile(path), path);
      assert.notEqual(documents.length, 0);
      assert.deepEqual(documents.flatMap(schemaFaults), []);
    });
  }

  it('of docs/deployment.md fits the schema as well', () => {
    const blocks = [...readProjectFile('docs/deployment.md').matchAll(/^```yaml\n(.*?)^```$/gms)];
    assert.notEqual(blocks.length, 0);
    for (const [, block] of blocks) {
      for (const document of parseYaml(block ?? '', 'docs/deployment.md')) {
        const known = ['Kustomization', 'PodMonitor'].includes(text(document, 'kind'));
        assert.deepEqual(known ? [] : patchFaults(document), []);
      }
    }
  });
});

describe('the schema check', () => {
  const deployment = readProjectFile('k8s/deployment.yaml');
  const mistakes: readonly [what: string, from: string, to: string, fault: string][] = [
    [
      'a misspelt probe',
      'readinessProbe:',
      'readinesProbe:',
      'unknown key: /spec/template/spec/containers/0/readinesProbe',
    ],
    ['a misspelt key deep down', 'seconds: 10', 'secnods: 10', '/lifecycle/preStop/sleep/secnods'],
    [
      'a key at the wrong level',
      'minReadySeconds: 30',
      'terminationGracePeriodSeconds: 30',
      'unknown key: /spec/terminationGracePeriodSeconds',
    ],
    ['a misspelt key in a list', 'containerPort: 9090', 'containerPorts: 9090', '/ports/1/containerPorts'],
    ['a text for a number', 'periodSeconds: 2', "periodSeconds: '2'", 'invalid: '],
    ['a number for a text', 'value: --max-old-space-size=576', 'value: 576', 'invalid: '],
    ['a missing selector', 'selector:\n    matchLabels:', 'selectors:\n    matchLabels:', 'invalid: '],
    ['an unknown kind', 'kind: Deployment', 'kind: Deploiment', 'no schema for apps/v1 Deploiment'],
  ];
  for (const [what, from, to, fault] of mistakes) {
    it(`catches ${what}`, () => {
      assert.ok(deployment.includes(from), `k8s/deployment.yaml should contain ${from}`);
      const faults = parseYaml(deployment.replace(from, to), what).flatMap(schemaFaults);
      assert.ok(
        faults.some(found => found.includes(fault)),
        `expected ${fault}, got ${faults.join('\n')}`,
      );
    });
  }

  it('lets labels, annotations and the data of a ConfigMap have any key', () => {
    const document = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { labels: { any: 'a' } },
      data: { ANY: 'b' },
    };
    assert.deepEqual(schemaFaults(document), []);
  });
});

describe('the kustomization', () => {
  const kustomization = manifest('k8s/kustomization.yaml');

  it('lists exactly the manifests that are there, without the example of a secret', () => {
    assert.deepEqual(list(kustomization, 'resources').map(String).toSorted(), baseFiles);
  });

  it('has no key beyond those that it should have', () => {
    assert.deepEqual(keys(kustomization).toSorted(), ['apiVersion', 'images', 'kind', 'resources']);
    assert.equal(text(kustomization, 'apiVersion'), 'kustomize.config.k8s.io/v1beta1');
    assert.deepEqual(
      list(kustomization, 'images').map(image => keys(image)),
      [['name', 'newName', 'newTag']],
    );
  });

  it("gives the Deployment's image the version of package.json", () => {
    const containers = list(manifest('k8s/deployment.yaml'), 'spec', 'template', 'spec', 'containers');
    assert.deepEqual(
      containers.map(container => text(container, 'image')),
      list(kustomization, 'images').map(image => text(image, 'name')),
    );
    const version: unknown = JSON.parse(readProjectFile('package.json'));
    assert.equal(text(kustomization, 'images', 0, 'newTag'), text(version, 'version'));
  });
});

describe('labels and names', () => {
  const selectors: readonly [path: string, ...selector: (string | number)[]][] = [
    ['k8s/deployment.yaml', 'spec', 'selector', 'matchLabels'],
    [
      'k8s/deployment.yaml',
      'spec',
      'template',
      'spec',
      'topologySpreadConstraints',
      0,
      'labelSelector',
      'matchLabels',
    ],
    [
      'k8s/deployment.yaml',
      'spec',
      'template',
      'spec',
      'affinity',
      'podAntiAffinity',
      'preferredDuringSchedulingIgnoredDuringExecution',

      0,
      'podAffinityTerm',
      'labelSelector',
      'matchLabels',
    ],
    ['k8s/service.yaml', 'spec', 'selector'],
    ['k8s/pdb.yaml', 'spec', 'selector', 'matchLabels'],
    ['k8s/networkpolicy.yaml', 'spec', 'podSelector', 'matchLabels'],
    ['k8s/examples/networkpolicy-jwks.yaml', 'spec', 'podSelector', 'matchLabels'],
  ];
  for (const [path, ...selector] of selectors) {
    it(`${path}: ${selector.join('.')} finds the pods`, () => {
      assert.notEqual(keys(podLabels).length, 0);
      assert.deepEqual(at(manifest(path), ...selector), podLabels);
    });
  }

  it('are the same on every object, so that one selector finds all of Warren', () => {
    for (const path of manifests) {
      const [document] = parseYaml(readProjectFile(path), path);
      assert.deepEqual(at(document, 'metadata', 'labels'), podLabels, path);
    }
  });

  it('lead the autoscaler to the Deployment and the Ingress to the Service', () => {
    const deployment = manifest('k8s/deployment.yaml');
    const target = at(manifest('k8s/hpa.yaml'), 'spec', 'scaleTargetRef');
    assert.deepEqual(target, {
      apiVersion: text(deployment, 'apiVersion'),
      kind: text(deployment, 'kind'),
      name: text(deployment, 'metadata', 'name'),
    });
    const path = list(
      manifest('k8s/examples/ingress-nginx.yaml', 'Ingress'),
      'spec',
      'rules',
      0,
      'http',
      'paths',
    );
    assert.deepEqual(
      path.map(rule => text(rule, 'backend', 'service', 'name')),
      [text(manifest('k8s/service.yaml'), 'metadata', 'name')],
    );
  });

  it('leave the namespace to whoever deploys', () => {
    for (const name of baseFiles)
      assert.equal(at(manifest(`k8s/${name}`), 'metadata', 'namespace'), undefined, name);
  });
});
