import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Decode } from '../../src/broker/intake.js';
import type { FeedReport } from '../../src/broker/report.js';
import type { Feed } from '../../src/connection/feed.js';
import { decode, eventBody, recordingReport, recordingSink } from './recording.js';

export interface FeedUnderTest {
  readonly feed: Feed;
  /** Publishes as a backend does, and resolves once it is accepted. */
  readonly publish: (body: string, id: string) => Promise<void>;
  /** Lets go of what `open` took, the feed apart. */
  readonly close: () => Promise<void>;
}

/** What every feed promises (`src/connection/feed.ts`), asked of one kind of feed. */
export function feedContract(
  name: string,
  open: (deps: { decode: Decode; report: FeedReport }) => Promise<FeedUnderTest>,
): void {
  async function opened(decodeWith: Decode = decode) {
    const report = recordingReport();
    const sink = recordingSink();
    const subject = await open({ decode: decodeWith, report });
    return {
      ...subject,
      report,
      sink,
      end: async () => {
        await subject.feed.stop();
        await subject.close();
      },
    };
  }

  describe(`the feed contract: ${name}`, { timeout: 60_000 }, () => {
    it('says attached first, then hands on events in the order in which they were published', async () => {
      const { feed, publish, sink, end } = await opened();
      await feed.start(sink);
      assert.deepEqual(await sink.next(), { kind: 'attached', continuity: 'first' });
      const ids = Array.from({ length: 50 }, (_, i) => `e${i}`);
      for (const id of ids) await publish(eventBody(id, { n: id }), id);
      assert.deepEqual(await sink.next(), { kind: 'event', id: 'e0', data: '{"n":"e0"}' });
      assert.deepEqual(await sink.ids(49), ids.slice(1));
      await end();
    });

    it('reports what is no event, once, and goes on', async () => {
      const { feed, publish, sink, report, end } = await opened();
      await feed.start(sink);
      await sink.expect('attached');
      await publish('no JSON', 'x');
      await publish('{"data":1}', 'y');
      await publish(eventBody('after'), 'after');
      assert.equal((await sink.expect('event')).id, 'after');
      assert.deepEqual(report.rejections, ['not_json', 'no_audience']);
      await end();
    });

    it('goes on after the decoder threw', async () => {
      const { feed, publish, sink, report, end } = await opened((delivery, place) => {
        if (delivery.messageId === 'bad') throw new Error('a bug in the decoder');
        return decode(delivery, place);
      });
      await feed.start(sink);
      await sink.expect('attached');
      await publish(eventBody('bad'), 'bad');
      await publish(eventBody('good'), 'good');
      assert.equal((await sink.expect('event')).id, 'good');
      assert.match(String(report.failures), /a bug in the decoder/);
      assert.equal(report.failures.length, 1);
      await end();
    });

    it('goes on after the sink threw', async () => {
      const { feed, publish, sink, report, end } = await opened();
      await feed.start(sink);
      await sink.expect('attached');
      sink.onEvent = () => {
        sink.onEvent = () => {};
        throw new Error('a bug in the log');
      };
      await publish(eventBody('bad'), 'bad');
      await publish(eventBody('good'), 'good');
      assert.equal((await sink.expect('event')).id, 'good');
      assert.match(String(report.failures), /a bug in the log/);
      await end();
    });

    it('publishes to itself as any publisher would, confirmed', async () => {
      const { feed, sink, end } = await opened();
      await feed.start(sink);
      await sink.expect('attached');
      const body = Buffer.from('{"send_to_all":true,"data":{"big":12345678901234567890}}');
      assert.deepEqual(await feed.publish({ id: 'p1', body }), { kind: 'confirmed' });
      assert.deepEqual(await sink.next(), { kind: 'event', id: 'p1', data: '{"big":12345678901234567890}' });
      await end();
    });

    it('confirms nothing before the start and after the stop', async () => {
      const { feed, sink, close } = await opened();
      const message = { id: 'p1', body: Buffer.from(eventBody('p1')) };
      assert.equal((await feed.publish(message)).kind, 'unconfirmed');
      await feed.start(sink);
      await feed.stop();
      assert.equal((await feed.publish(message)).kind, 'unconfirmed');
      await close();
    });

    it('stops more than once, and hands on nothing afterwards', async () => {
      const { feed, publish, sink, close } = await opened();
      await feed.start(sink);
      await sink.expect('attached');
      await Promise.all([feed.stop(), feed.stop()]);
      await feed.stop();
      await publish(eventBody('late'), 'late');
      assert.deepEqual(sink.rest, []);
      await close();
    });

    it('can be stopped before it was started, and while it starts', async () => {
      const early = await opened();
      await early.feed.stop();
      await early.close();
      const { feed, sink, close } = await opened();
      const started = feed.start(sink);
      await feed.stop();
      await started;
      await close();
    });
  });
}
