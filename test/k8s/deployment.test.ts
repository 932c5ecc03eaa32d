import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { at, keys, knownSettings, list, manifest, number, readProjectFile, text } from './files.js';
import { loadPodConfig, podConfig } from './pod-config.js';

const deployment = manifest('k8s/deployment.yaml');
const pod = at(deployment, 'spec', 'template', 'spec');
const container = at(pod, 'containers', 0);
const configMap = manifest('k8s/configmap.yaml');
const service = manifest('k8s/service.yaml');
const networkPolicy = manifest('k8s/networkpolicy.yaml');
const hpa = manifest('k8s/hpa.yaml');
const secret = manifest('k8s/secret.example.yaml');

/** Set by the image or read by Node itself. */
const notOurs = new Set(['NODE_ENV', 'NODE_OPTIONS']);

const environment = list(container, 'env');
const fromFiles = environment.filter(variable => text(variable, 'name').endsWith('_FILE'));

function mebibytes(quantity: string): number {
  const match = /^(\d+)(Mi|Gi)$/.exec(quantity);
  assert.ok(match, `${quantity} should be a whole number of Mi or Gi`);
  return Number(match[1]) * (match[2] === 'Gi' ? 1024 : 1);
}

function portNumber(name: string): number {
  const port = list(container, 'ports').find(candidate => at(candidate, 'name') === name);
  return number(port, 'containerPort');
}

describe('settings in Kubernetes', () => {
  it('are settings that Warren knows', () => {
    const known = knownSettings();
    const names = [...keys(configMap, 'data'), ...environment.map(variable => text(variable, 'name'))];
    const unknown = names.filter(
      name => !known.has(name) && !known.has(name.replace(/_FILE$/, '')) && !notOurs.has(name),
    );
    assert.deepEqual(unknown, []);
  });

  it('are each set in one place', () => {
    const names = [...keys(configMap, 'data'), ...environment.map(variable => text(variable, 'name'))];
    const settings = names.map(name => name.replace(/_FILE$/, ''));
    assert.deepEqual(settings.toSorted(), [...new Set(settings)].toSorted());
    assert.equal(text(container, 'envFrom', 0, 'configMapRef', 'name'), text(configMap, 'metadata', 'name'));
  });

  it('take every secret from a file of the mounted Secret, which has no others', () => {
    assert.equal(text(pod, 'volumes', 0, 'secret', 'secretName'), text(secret, 'metadata', 'name'));
    assert.equal(text(pod, 'volumes', 0, 'name'), text(container, 'volumeMounts', 0, 'name'));
    const folder = text(container, 'volumeMounts', 0, 'mountPath');
    assert.deepEqual(
      fromFiles.map(variable => [text(variable, 'name'), text(variable, 'value')]),
      keys(secret, 'stringData').map(name => [`${name}_FILE`, `${folder}/${name}`]),
    );
    assert.deepEqual(keys(secret, 'stringData').toSorted(), [
      'ADMIN_TOKEN',
      'AMQP_URL',
      'CURSOR_KEY',
      'JWT_SECRET',
    ]);
    for (const name of keys(secret, 'stringData'))
      assert.match(text(secret, 'stringData', name), /REPLACE-ME/);
  });

  it('let the process, but not everybody, read those files', () => {
    assert.equal(number(pod, 'volumes', 0, 'secret', 'defaultMode'), 0o440);
    assert.equal(number(pod, 'securityContext', 'fsGroup'), number(pod, 'securityContext', 'runAsGroup'));
  });

  it('are in order, without a warning, once the Secret is filled in', () => {
    const outcome = loadPodConfig();
    assert.deepEqual(outcome.kind === 'faults' ? outcome.faults : outcome.warnings, []);
  });

  it('are refused while the Secret holds its placeholders', () => {
    const outcome = loadPodConfig('REPLACE-ME');
    assert.ok(outcome.kind === 'faults');
    assert.match(outcome.faults.join('\n'), /JWT_SECRET_FILE/);
  });

  it('open the admin listener to the kubelet, and name the pod', () => {
    assert.equal(podConfig().admin.host, '0.0.0.0');
    const podName = environment.find(variable => at(variable, 'name') === 'POD_NAME');
    assert.equal(text(podName, 'valueFrom', 'fieldRef', 'fieldPath'), 'metadata.name');
  });

  it('leave declaring the exchange to the definitions, as their rights demand', () => {
    const { feed } = podConfig();
    assert.ok(feed.kind === 'queue');
    assert.equal(feed.declare, false);
  });
});

describe('ports in Kubernetes', () => {
  it('are the ones that Warren listens on and the image exposes', () => {
    assert.equal(portNumber('public'), podConfig().listener.port);
    assert.equal(portNumber('admin'), podConfig().admin.port);
    assert.match(
      readProjectFile('Dockerfile'),
      new RegExp(`^EXPOSE ${portNumber('public')} ${portNumber('admin')}$`, 'm'),
    );
  });

  it('reach the public listener, and never the admin one, through Service, Ingress and nginx', () => {
    assert.deepEqual(
      list(service, 'spec', 'ports').map(port => text(port, 'targetPort')),
      ['public'],
    );
    const ingress = manifest('k8s/examples/ingress-nginx.yaml', 'Ingress');
    const [path, ...others] = list(ingress, 'spec', 'rules', 0, 'http', 'paths');
    assert.deepEqual(others, []);
    assert.equal(text(path, 'backend', 'service', 'port', 'name'), text(service, 'spec', 'ports', 0, 'name'));
    assert.equal(text(path, 'path'), '/ws');
    const servers = [...readProjectFile('k8s/examples/nginx.conf').matchAll(/^\s*server [\d.]+:(\d+)/gm)];
    assert.deepEqual(
      servers.map(([, port]) => Number(port)),
      [portNumber('public'), portNumber('public')],
    );
  });

  it('let Prometheus find the metrics', () => {
    const annotations = at(deployment, 'spec', 'template', 'metadata', 'annotations');
    assert.equal(text(annotations, 'prometheus.io/port'), String(portNumber('admin')));
    assert.equal(text(annotations, 'prometheus.io/path'), '/metrics');
  });

  it('are each open to one namespace only', () => {
    const rules = list(networkPolicy, 'spec', 'ingress').map(rule => [
      list(rule, 'ports').map(port => text(port, 'port')),
      list(rule, 'from').map(peer => Object.values(Object(at(peer, 'namespaceSelector', 'matchLabels')))),
    ]);
    assert.deepEqual(rules, [
      [['public'], [['ingress-nginx']]],
      [['admin'], [['monitoring']]],
    ]);
    assert.deepEqual(list(networkPolicy, 'spec', 'policyTypes'), ['Ingress', 'Egress']);
  });

  it('that a pod may call are those of DNS and the broker, each at a place that is named', () => {
    const rules = list(networkPolicy, 'spec', 'egress');
    for (const rule of rules) assert.notEqual(list(rule, 'to').length, 0);
    assert.deepEqual(
      rules.flatMap(rule => list(rule, 'ports').map(port => number(port, 'port'))),
      [53, 53, 5672, 5671],
    );
    const brokerPort = Number(new URL(text(secret, 'stringData', 'AMQP_URL')).port);
    assert.ok([5672, 5671].includes(brokerPort));
  });
});

describe('probes', () => {
  it('ask /livez whether to restart and /readyz whether to send clients', () => {
    const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'].map(name =>
      at(container, name, 'httpGet'),
    );
    assert.deepEqual(probes, [
      { path: '/livez', port: 'admin' },
      { path: '/livez', port: 'admin' },
      { path: '/readyz', port: 'admin' },
    ]);
  });

  it('wait at least half a minute before a restart, and at most ten seconds before clients go elsewhere', () => {
    const patience = (probe: string) =>
      number(container, probe, 'periodSeconds') * number(container, probe, 'failureThreshold');
    assert.ok(patience('livenessProbe') >= 30);
    assert.ok(patience('startupProbe') >= 30);
    assert.ok(patience('readinessProbe') <= 10);
  });
});

describe('ending a pod', () => {
  it('leaves time for the pause, the drain and ten seconds more', () => {
    const grace = number(pod, 'terminationGracePeriodSeconds');
    const pause = number(container, 'lifecycle', 'preStop', 'sleep', 'seconds');
    const drain = podConfig().drainMs / 1000;
    assert.ok(pause >= 5, 'endpoints take seconds to hear of it');
    assert.ok(drain > 0);
    assert.ok(grace >= pause + drain + 10, `${grace} s of grace for ${pause} + ${drain} + 10 s`);
  });

  it('happens only when another one is there', () => {
    assert.deepEqual(at(deployment, 'spec', 'strategy', 'rollingUpdate'), { maxSurge: 1, maxUnavailable: 0 });
    assert.ok(number(deployment, 'spec', 'minReadySeconds') >= 30);
    assert.ok(number(hpa, 'spec', 'minReplicas') >= 2);
    assert.equal(number(manifest('k8s/pdb.yaml'), 'spec', 'maxUnavailable'), 1);
  });

  it('happens to one pod at a time when load falls, and slowly', () => {
    const scaleDown = at(hpa, 'spec', 'behavior', 'scaleDown');
    assert.ok(number(scaleDown, 'stabilizationWindowSeconds') >= 900);
    assert.deepEqual(
      list(scaleDown, 'policies').map(policy => [text(policy, 'type'), number(policy, 'value')]),
      [['Pods', 1]],
    );
  });

  it('is not undone by applying the Deployment again: the autoscaler alone sets the number of pods', () => {
    assert.equal(at(deployment, 'spec', 'replicas'), undefined);
  });
});

describe('the pod', () => {
  it('keeps to the restricted Pod Security Standard, and to a file system that it cannot write', () => {
    assert.deepEqual(at(pod, 'securityContext', 'seccompProfile'), { type: 'RuntimeDefault' });
    assert.equal(at(pod, 'securityContext', 'runAsNonRoot'), true);
    assert.deepEqual(at(container, 'securityContext'), {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers'])
      assert.equal(at(pod, key), undefined);
    assert.equal(list(pod, 'containers').length, 1);
  });

  it('gets neither a token for the Kubernetes API nor the addresses of Services', () => {
    assert.equal(at(pod, 'automountServiceAccountToken'), false);
    assert.equal(at(pod, 'enableServiceLinks'), false);
  });

  it('has memory for a full heap, a full history and 128 MiB of buffers', () => {
    const limit = mebibytes(text(container, 'resources', 'limits', 'memory'));
    const options = environment.find(variable => at(variable, 'name') === 'NODE_OPTIONS');
    const heap = Number(/^--max-old-space-size=(\d+)$/.exec(text(options, 'value'))?.[1]);
    const history = podConfig().log.maxBytes / 1024 / 1024;
    assert.ok(heap + history + 128 <= limit, `${heap} + ${history} + 128 MiB in ${limit} MiB`);
    assert.ok(heap <= 0.75 * limit);
  });

  it("can't be evicted for its memory, and has no CPU limit that would throttle it", () => {
    const resources = at(container, 'resources');
    assert.equal(text(resources, 'requests', 'memory'), text(resources, 'limits', 'memory'));
    assert.equal(at(resources, 'limits', 'cpu'), undefined);
    assert.equal(typeof at(resources, 'requests', 'cpu'), 'string');
  });

  it('runs as the user of the image', () => {
    const user = `${number(pod, 'securityContext', 'runAsUser')}:${number(pod, 'securityContext', 'runAsGroup')}`;
    assert.match(readProjectFile('Dockerfile'), new RegExp(`^USER ${user}$`, 'm'));
  });
});

describe('the proxies', () => {
  it('wait much longer than the ping interval before they call a connection idle', () => {
    const ping = podConfig().connections.pingIntervalMs / 1000;
    const annotations = at(manifest('k8s/examples/ingress-nginx.yaml', 'Ingress'), 'metadata', 'annotations');
    for (const direction of ['read', 'send']) {
      assert.ok(
        Number(text(annotations, `nginx.ingress.kubernetes.io/proxy-${direction}-timeout`)) >= 10 * ping,
      );
      const nginx = new RegExp(`^\\s*proxy_${direction}_timeout (\\d+)h;$`, 'm').exec(
        readProjectFile('k8s/examples/nginx.conf'),
      );
      assert.ok(Number(nginx?.[1]) * 3600 >= 10 * ping);
    }
  });
});
